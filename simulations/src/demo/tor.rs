//! Routes over Tor: the private Tor network that carries them, and people's way into it, told step by step.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_transport::clock::Clock;

use super::narrator::Narrator;
use super::since;
use crate::localnet::{LocalnetError, Person};
use crate::tornet::{Tornet, TornetPlan};
use crate::wait::pause;

/// How long a person's program may take until it has Tor and reaches the network over it.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(60);

/// Starts the private Tor network.
pub(super) async fn start(dir: &Path, narrator: &Narrator) -> Result<Tornet, LocalnetError> {
    let clock = Clock::system();
    let begin = clock.now();
    narrator.chapter("A Tor network on this machine");
    let plan = TornetPlan::default();
    narrator.say(&format!(
        "Starting {} relays of C tor, one of them the authority, with nobody else on their network.",
        plan.relays + 1
    ));
    let mut progress = |step: &str| narrator.say(&format!("  {:>6}  {step}", since(&clock, begin)));
    let tor = Tornet::up(dir, plan, &mut progress).await?;
    narrator.done(&format!("The Tor network works ({}).", since(&clock, begin)));
    Ok(tor)
}

/// Starts a person's daemon and tells how far its way into Tor is, until it is connected.
pub(super) async fn connect(
    person: &mut Person,
    clock: &Clock,
    narrator: &Narrator,
) -> Result<(), LocalnetError> {
    person.start_daemon_only().await?;
    let begin = clock.now();
    let mut told = Value::Null;
    while !person.is_connected().await {
        let status = person.call("tor", json!({})).await?;
        if status != told {
            let percent = status.get("percent").and_then(Value::as_u64).unwrap_or(0);
            let summary = status.get("summary").and_then(Value::as_str).unwrap_or("starting");
            narrator.say(&format!("  {} on Tor: {percent:>3} %  {summary}", person.name()));
            told = status;
        }
        if clock.now().since(begin) > CONNECT_WAIT_MAX {
            return Err(person.not_ready());
        }
        pause(clock).await;
    }
    narrator.say(&format!("  {} is connected ({}).", person.name(), since(clock, begin)));
    Ok(())
}
