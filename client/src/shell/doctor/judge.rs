//! What findings mean: pure functions from facts to words.

use std::time::Duration;

use sotto_protocol::directory::{Consensus, Freshness};
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;
use sotto_transport::tor::{TorStage, TorStatus};

use super::Check;
use crate::cli::when::utc;
use crate::core::Route;
use crate::shell::Failure;
use crate::shell::ways::Way;

/// The label of Tor's own finding that the clock is wrong.
const TOR_CLOCK: &str = "tor-clock-skewed";

/// How far Tor came within the time that it was given.
pub(super) fn tor(status: Option<&TorStatus>, waited: Duration) -> Check {
    let trouble = |label: &str, text: String| Check::trouble("tor", &Failure::new(label, text));
    match status {
        None => trouble(
            "tor-not-running",
            "Tor could not be started: `sotto status` says why under Trouble, and the [tor] table of config.toml is \
             where it is set up"
                .to_owned(),
        ),
        Some(status) if status.is_ready() => Check::well("tor", format!("ready ({})", status.summary)),
        Some(TorStatus { blocked: Some(blocked), .. }) => trouble(blocked.label, blocked.text.clone()),
        Some(TorStatus { stage, percent, summary, .. }) => {
            let what = if *stage == TorStage::Lost { "lost" } else { "still connecting" };
            trouble(
                "tor-slow",
                format!(
                    "{what} after {} s, at {percent} % ({summary}): wait a minute and run `sotto doctor` again. If it \
                     stays so, check that other programs reach the internet; where Tor is blocked, use bridges",
                    waited.as_secs()
                ),
            )
        }
    }
}

/// Whether this computer's clock fits the network's hours and Tor's.
///
/// `fetched` is the consensus that a server has handed out just now, `kept` the one that is in use or was kept.
pub(super) fn clock(
    now: Timestamp,
    kept: Option<&Consensus>,
    fetched: Option<&Consensus>,
    tor: Option<&TorStatus>,
) -> Check {
    let says = format!("this computer's clock says {}", utc(now.as_millis()));
    let trouble = |label: &str, text: String| Check::trouble("clock", &Failure::new(label, text));
    let advice =
        "set its date, its time and its time zone (`timedatectl set-ntp true` where systemd keeps the time)";
    if let Some(blocked) =
        tor.and_then(|tor| tor.blocked.as_ref()).filter(|blocked| blocked.label == TOR_CLOCK)
    {
        return trouble(TOR_CLOCK, format!("{says}, and Tor finds it wrong. {}", blocked.text));
    }
    let Some(consensus) = fetched.or(kept) else {
        return Check::well("clock", format!("{says}; there is no consensus yet to compare it with"));
    };
    let (from, until) = (utc(consensus.valid_after.as_millis()), utc(consensus.valid_until.as_millis()));
    match consensus.freshness(now) {
        Freshness::NotYet => trouble(
            "clock-slow",
            format!(
                "{says}, and the network's consensus holds from {from} on: the clock is slow by {} s at least. {advice}",
                consensus.valid_after.since(now).as_secs()
            ),
        ),
        Freshness::Fresh => {
            Check::well("clock", format!("{says}, within the hours of the consensus, {from} to {until}"))
        }
        Freshness::Grace => Check::well(
            "clock",
            format!("{says}; the consensus ran out at {until} and serves until a newer one comes"),
        ),
        Freshness::Expired if fetched.is_some() => trouble(
            "clock-fast",
            format!(
                "{says}, and the newest consensus that the network has ran out at {until}. Compare the clock with \
                 another: if it is fast, {advice}; if it is right, the network's authorities have not signed a \
                 consensus since, and its operator should know"
            ),
        ),
        Freshness::Expired => Check::well(
            "clock",
            format!(
                "{says}; the consensus that was kept ran out at {until}, as after any longer pause, so there is \
                 nothing to compare it with"
            ),
        ),
    }
}

/// What came of asking for the consensus.
pub(super) fn consensus(outcome: Result<(&Consensus, Timestamp), Failure>) -> Check {
    match outcome {
        Err(failure) => Check::trouble("consensus", &failure),
        Ok((consensus, now)) => {
            let what = format!(
                "network {:?}, epoch {}, {} nodes",
                consensus.network,
                consensus.epoch,
                consensus.nodes.len()
            );
            match consensus.freshness(now) {
                Freshness::Expired => Check::trouble(
                    "consensus",
                    &Failure::new(
                        "consensus-expired",
                        format!("the newest one that there is has run out ({what}): see the clock below"),
                    ),
                ),
                _ => Check::well("consensus", what),
            }
        }
    }
}

/// That no entry can be tried on a route.
pub(super) fn no_entry(route: Route) -> Check {
    let text = match Way::of(route) {
        Way::Tcp => {
            format!("{route}: no entry is chosen yet, because there is no consensus that can be used")
        }
        Way::Tor => format!(
            "{route}: no entry is chosen: there is no consensus that can be used, or it lists no entry with an onion \
             service. Ask the network's operator, or choose another route with `sotto route`"
        ),
    };
    Check::trouble("entry", &Failure::new("entry-none", text))
}

/// What came of connecting to a node.
pub(super) fn reached(what: &str, route: Route, node: &NodeId, outcome: Result<u64, Failure>) -> Check {
    match outcome {
        Ok(took_ms) => Check::well(what, format!("{route}: {what} {} answers", node.short())).took(took_ms),
        Err(Failure { label, text }) => {
            Check::trouble(what, &Failure::new(&label, format!("{route}: {text}")))
        }
    }
}

/// What the consensus says of mailboxes on the route `tor`, before any is tried.
pub(super) fn mailboxes(with_onion: usize, all: usize) -> Option<Check> {
    let trouble = |text: String| {
        let failure = Failure::new("mailbox-no-onion", format!("{}: {text}", Route::Tor));
        Some(Check::trouble("mailbox", &failure))
    };
    match (with_onion, all) {
        (0, 0) => trouble("the consensus lists no mailbox, or there is none that can be used".to_owned()),
        (with, all) if with < all => trouble(format!(
            "{with} of the network's {all} mailboxes have an onion service, and a message may belong to any of them: \
             ask the network's operator for onion services, or choose another route with `sotto route`"
        )),
        _ => None,
    }
}

/// That something was not tried because Tor is not there.
pub(super) fn not_tried(what: &str) -> Check {
    let text = "not tried: it goes by Tor alone, and Tor is not ready";
    Check::trouble(what, &Failure::new("not-tried", text))
}

#[cfg(test)]
mod tests;
