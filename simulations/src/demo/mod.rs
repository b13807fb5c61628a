//! The demonstration: two people meet, verify each other, talk and send a file through a network on this machine, programs are killed, a
//! device is lost and its profile restored, and the network's books are checked.
//!
//! Everything is real: the programs are those that people and operators run, and on routes over Tor the relays are C tor;
//! only the addresses are loopback's. What is not here: judging speed or anonymity beyond what one run shows.

mod audit;
mod conversation;
mod expected;
mod file;
mod interactive;
mod killed;
mod lost;
mod meeting;
mod narrator;
mod report;
mod script;
mod side;
mod steps;
mod tor;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use sotto_client::core::Route;
use sotto_transport::clock::Clock;

use crate::localnet::{Localnet, LocalnetError, LocalnetPlan, LocalnetTor, Person, PersonOptions};
use conversation::{Conversation, Ended};
pub use narrator::Narrator;
pub use report::{DemoReport, FileFigures, Latency, Packets};
pub use steps::{Step, StepReport};

/// What the person at the terminal has chosen.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// By which route the two people's packets go.
    pub route: Route,
    /// Print only one JSON object, as the last line.
    pub json: bool,
    /// Keep the directory with all logs, here.
    pub keep: Option<PathBuf>,
}

/// Runs the demonstration and returns what it found. Every process is ended, whatever happens; the directory is
/// removed unless it is to be kept.
///
/// # Errors
/// [`LocalnetError`] if the network or a person's program does not do its part.
pub async fn run(options: &DemoOptions) -> Result<DemoReport, LocalnetError> {
    let temporary = tempfile::Builder::new()
        .prefix("sotto-demo-")
        .tempdir()
        .map_err(LocalnetError::system("make a temporary directory"))?;
    let dir = options.keep.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    let narrator = Narrator::new(options.json);
    let report = play(&dir, options, &narrator).await;
    temporary.close().map_err(LocalnetError::system("remove the temporary directory"))?;
    if let Some(kept) = &options.keep {
        narrator.say(&format!("Logs, keys and stores are kept in {}.", kept.display()));
    }
    report
}

async fn play(dir: &Path, options: &DemoOptions, narrator: &Narrator) -> Result<DemoReport, LocalnetError> {
    let clock = Clock::system();
    let begin = clock.now();
    let route = options.route;
    let tor = if route.uses_tor() { Some(tor::start(&dir.join("tor"), narrator).await?) } else { None };
    let plan = LocalnetPlan { tor: tor.as_ref().map(LocalnetTor::on), ..LocalnetPlan::default() };
    narrator.chapter("A network on this machine");
    narrator.say(&format!(
        "Starting 1 authority, {} entries, {} mixes in three layers and {} mailboxes, each a process of its own.",
        plan.entries,
        plan.mixes(),
        plan.mailboxes
    ));
    let founded = clock.now();
    let network = Localnet::up(dir, plan, false).await?;
    let onions = if tor.is_some() { ", and those that clients talk to their onion services" } else { "" };
    narrator.done(&format!(
        "All have the signed consensus and their links{onions} ({}).",
        since(&clock, founded)
    ));

    narrator.chapter("Two people");
    narrator.say(&format!("Their route is {route}: {}.", route.protects()));
    let options_of = || PersonOptions::routes(&network, route, &[]);
    let mut alice = Person::with(&network, "alice", options_of()).await?;
    let mut bob = Person::with(&network, "bob", options_of()).await?;
    if tor.is_some() {
        tor::connect(&mut alice, &clock, narrator).await?;
        tor::connect(&mut bob, &clock, narrator).await?;
    } else {
        alice.start_daemon().await?;
        bob.start_daemon().await?;
    }
    narrator.done(match route {
        Route::Tor => {
            "Alice and Bob each have a vault of their own and a daemon that asks the mailboxes for answers."
        }
        _ => "Alice and Bob each have a vault of their own and a daemon that sends cover traffic.",
    });
    let mut conversation = Conversation::begin([alice, bob], route, clock.clone(), *narrator).await?;
    conversation.meet().await?;
    conversation.verify().await?;

    narrator.chapter("A conversation");
    conversation.talk().await?;

    narrator.chapter("What people expect");
    conversation.expect().await?;

    narrator.chapter("A file");
    conversation.send_file().await?;

    narrator.chapter("A program that is killed");
    conversation.survive_kill().await?;

    narrator.chapter("A device that is lost");
    conversation.survive_loss().await?;
    if !options.json && std::io::stdin().is_terminal() {
        interactive::offer(&mut conversation).await?;
    }
    let Ended { people: [mut alice, mut bob], figures, steps } = conversation.end();

    narrator.chapter("What the network saw");
    let (alice_ended, bob_ended) = (alice.stop_daemon().await?, bob.stop_daemon().await?);
    let reports = network.come_to_rest().await?;
    audit::show(route, &reports, narrator);
    let packets = audit::books(&reports);
    let killed = network.down().await?;
    if let Some(tor) = tor {
        tor.down().await?;
    }

    let report = DemoReport::new(route, steps, &figures, packets, clock.now().since(begin));
    let all_ended = alice_ended && bob_ended && killed.is_empty();
    if !all_ended {
        narrator.trouble(&format!("Some processes had to be killed: {}.", killed.join(", ")));
    }
    narrator.verdict(&report);
    Ok(report)
}

fn since(clock: &Clock, begin: sotto_protocol::time::Timestamp) -> String {
    format!("{:.1} s", clock.now().since(begin).as_secs_f64())
}
