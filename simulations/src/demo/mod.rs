//! The demonstration: two people meet and talk through a network on this machine, and its books are checked.
//!
//! Everything is real: the programs are those that people and operators run, only the addresses are
//! loopback's. What is not here: judging speed or anonymity beyond what one run shows.

mod audit;
mod conversation;
mod interactive;
mod narrator;
mod report;

use std::io::IsTerminal;
use std::path::PathBuf;

use sotto_transport::clock::Clock;

use crate::localnet::{Localnet, LocalnetError, LocalnetPlan, Person};
use conversation::Conversation;
pub use narrator::Narrator;
pub use report::{DemoReport, Latency, Packets};

/// What the person at the terminal has chosen.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
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

async fn play(
    dir: &std::path::Path,
    options: &DemoOptions,
    narrator: &Narrator,
) -> Result<DemoReport, LocalnetError> {
    let clock = Clock::system();
    let begin = clock.now();
    let plan = LocalnetPlan::default();
    narrator.chapter("A network on this machine");
    narrator.say(&format!(
        "Starting 1 authority, {} entries, {} mixes in three layers and {} mailboxes, each a process of its own.",
        plan.entries,
        plan.mixes(),
        plan.mailboxes
    ));
    let network = Localnet::up(dir, plan, false).await?;
    narrator.done(&format!("All have the signed consensus and their links ({}).", since(&clock, begin)));

    narrator.chapter("Two people");
    let mut alice = Person::new(&network, "alice").await?;
    let mut bob = Person::new(&network, "bob").await?;
    alice.start_daemon().await?;
    bob.start_daemon().await?;
    narrator.done("Alice and Bob each have a vault of their own and a daemon that sends cover traffic.");
    let mut conversation = Conversation::begin(&alice, &bob, clock.clone()).await?;
    conversation.meet(narrator).await?;

    narrator.chapter("A conversation");
    conversation.talk(narrator).await?;
    if !options.json && std::io::stdin().is_terminal() {
        interactive::offer(&mut conversation, narrator).await?;
    }
    let figures = conversation.end();

    narrator.chapter("What the network saw");
    let (alice_ended, bob_ended) = (alice.stop_daemon().await?, bob.stop_daemon().await?);
    let reports = network.come_to_rest().await?;
    audit::show(&reports, narrator);
    let packets = audit::books(&reports);
    let killed = network.down().await?;

    let report = DemoReport::new(&figures, packets, clock.now().since(begin));
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
