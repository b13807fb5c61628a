//! The network's books after the conversation: what each kind of node saw, and whether it all adds up.

use std::collections::BTreeMap;

use sotto_protocol::ledger::LedgerReport;

use super::narrator::Narrator;
use super::report::{Books, Packets};
use crate::localnet::NodeReport;

/// Tells what entries, mixes and mailboxes saw, node by node.
pub(super) fn show(reports: &[(String, NodeReport)], narrator: &Narrator) {
    for (role, explanation) in [
        ("entry", "Entries saw connections of nobody they know, and packets of one size at random times:"),
        ("mix", "Mixes saw packets from the layer before them, each for the layer behind them:"),
        (
            "mailbox",
            "Mailboxes saw boxes with names that never come again, from mixes, and who knows from whom:",
        ),
    ] {
        narrator.say(explanation);
        for (name, report) in reports.iter().filter(|(_, report)| report.role == role) {
            narrator.say(&format!("  {name:<10} {}", describe(&report.ledger)));
        }
    }
}

fn describe(ledger: &LedgerReport) -> String {
    let mut parts =
        vec![format!("received {:>5}", ledger.received), format!("forwarded {:>5}", ledger.forwarded)];
    parts.extend(ledger.delivered.iter().map(|(kind, count)| match kind.as_str() {
        "client" => format!("to clients {count}"),
        "mix-loop" => format!("own loops back {count}"),
        "drop" => format!("cover thrown away {count}"),
        kind => format!("{kind}s {count}"),
    }));
    parts.extend(ledger.dropped.iter().map(|(label, count)| format!("dropped as {label} {count}")));
    parts.join(", ")
}

/// Adds up the ledgers. The books balance if each node's do, no packet is on its way any more, and every packet
/// that was sent from node to node arrived.
pub(super) fn books(reports: &[(String, NodeReport)]) -> Books {
    let sum = LedgerReport::sum(reports.iter().map(|(_, report)| &report.ledger));
    let balanced = reports.iter().all(|(_, report)| report.ledger.balanced() && report.is_at_rest())
        && sum.flow_balanced()
        && sum.received > 0;
    let packets = Packets {
        received: sum.received,
        forwarded: sum.forwarded,
        delivered: sum.delivered_total(),
        held: sum.held,
        dropped: sum.dropped.into_iter().collect::<BTreeMap<_, _>>(),
    };
    Books { packets, balanced }
}
