//! `sotto status --network`: what cover traffic costs a day, what was used, and how long messages take.

use std::fmt::Write as _;

use serde_json::Value;

use super::status::describe_consensus;
use super::{escape, when};
use crate::core::{ClassCost, Delays, Expected, NetworkView, Route, RouteUse, Volume};

/// What the rows of a network say. What was used is told by a daemon only: nobody else has links.
pub(super) fn describe(network: &Value, is_daemon: bool, row: &mut impl FnMut(&str, &str)) {
    let Ok(view) = serde_json::from_value::<NetworkView>(network.clone()) else {
        return row("Network", "not readable by this version of sotto");
    };
    row("Network", &describe_consensus(view.network.as_deref(), view.epoch, view.consensus));
    row("Counted", &counted(&view));
    if view.classes.is_empty() {
        row("Cover", "what it costs is known once a consensus has come: start `sotto daemon`");
    }
    for class in &view.classes {
        row("Cover", &describe_cover(class));
        row("", &describe_delays(&class.delays));
    }
    if let Some(volume) = view.consensus_per_day {
        row("Consensus", &format!("{} a day besides, whatever the class and the route", both(volume)));
    }
    if !view.classes.is_empty() {
        row("Assumed", &assumed(view.contacts));
    }
    if is_daemon {
        describe_used(&view, row);
    } else {
        row("Used", "counted while `sotto daemon` runs");
    }
}

fn describe_used(view: &NetworkView, row: &mut impl FnMut(&str, &str)) {
    row(
        "Used",
        &format!(
            "since {}, for {}: {} for the consensus",
            when::utc(view.since_ms),
            when::span(view.counted_ms),
            both(view.consensus_bytes)
        ),
    );
    for used in view.routes.iter().filter(|used| used.is_wanted || used.bytes != Volume::default()) {
        row(used.route.label(), &describe_use(used));
        if let Some(text) = describe_measured(used) {
            row("", &text);
        }
    }
}

fn counted(view: &NetworkView) -> String {
    format!(
        "TLS records on the links of this program: {} bytes a frame, {} up and {} down to make a link. TCP and IP, and \
         Tor where it is used, add to that",
        view.frame_bytes, view.handshake.up_bytes, view.handshake.down_bytes
    )
}

fn describe_cover(class: &ClassCost) -> String {
    let used = if class.is_used { " (in use)" } else { "" };
    format!(
        "{}{used}: {} a day on each of the routes mix and tor+mix that is in use, whatever you do; on tor at most {}, if every slot carries something",
        escape::line(&class.class),
        both(class.session_per_day),
        both(class.circuits_per_day_max),
    )
}

fn describe_delays(delays: &Delays) -> String {
    format!(
        "a message is stored after {}, and with the other side after {}",
        expected(delays.stored),
        expected(delays.delivered)
    )
}

fn assumed(contacts: u64) -> String {
    let contacts = if contacts == 1 { "1 contact".to_owned() } else { format!("{contacts} contacts") };
    format!(
        "a short text while nothing else waits, no loss, {contacts} on each side and the same class there; on mix and \
         tor+mix, without the time that links and Tor take"
    )
}

fn describe_use(used: &RouteUse) -> String {
    let packets = used.packets;
    let mut text = format!(
        "{}; packets: {} with messages or keys, {} questions for them, {} cover",
        both(used.bytes),
        packets.messages,
        packets.polls,
        packets.cover
    );
    if !used.has_decoys {
        text.push_str("; without tor_cover packets leave only while there is something to send, or a contact to ask for");
    }
    text
}

/// What was measured on a route, and what follows.
fn describe_measured(used: &RouteUse) -> Option<String> {
    let expected_ms = used.round_trip_ms_expected;
    let Some(measured_ms) = used.round_trip_ms_measured else {
        let until = "not measured yet, or by fewer than 64 answers";
        return match (used.route, expected_ms) {
            _ if !used.is_wanted => None,
            (Route::Tor, _) => {
                Some(format!("round trips to a mailbox: {until}; how long messages take depends on Tor"))
            }
            (_, expected_ms) => {
                let expected =
                    expected_ms.map(|ms| format!(", {} expected", when::span(ms))).unwrap_or_default();
                Some(format!("round trips to a mailbox: {until}{expected}"))
            }
        };
    };
    let expected = expected_ms.map(|ms| format!(" ({} expected)", when::span(ms))).unwrap_or_default();
    let mut text = format!("round trips to a mailbox take {}{expected}", when::span(measured_ms));
    if let Some(delays) = &used.delays {
        let circuits = if used.route == Route::Tor { ", once there are circuits" } else { "" };
        // Writing to a string does not fail.
        let _written = write!(text, "; by that {}{circuits}", describe_delays(delays));
    }
    Some(text)
}

fn expected(expected: Expected) -> String {
    format!("{} (19 of 20 within {})", when::span(expected.mean_ms), when::span(expected.p95_ms))
}

fn both(volume: Volume) -> String {
    format!("{} up, {} down", bytes(volume.up_bytes), bytes(volume.down_bytes))
}

/// A number of bytes with a decimal unit, cut after the first decimal.
fn bytes(count: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", count / size, count % size * 10 / size),
        None => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_spans_have_units_that_suit_them() {
        let shown = [0, 999, 1_000, 292_965_120, 418_521_600, 1_234_567_890].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "292.9 MB", "418.5 MB", "1.2 GB"]);
        let shown = [0, 999, 1_000, 17_240, 60_000, 3_599_999, 3_600_000, 90_061_000].map(when::span);
        assert_eq!(
            shown,
            ["0 ms", "999 ms", "1.0 s", "17.2 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
        );
    }
}
