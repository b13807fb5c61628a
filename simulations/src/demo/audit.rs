//! The network's books after the conversation: what each kind of node saw, and whether it all adds up.

use std::collections::BTreeMap;

use sotto_client::core::Route;
use sotto_protocol::ledger::LedgerReport;

use super::narrator::Narrator;
use super::report::{Books, Packets};
use crate::localnet::NodeReport;

/// Tells what Tor's relays, the entries, the mixes and the mailboxes saw, node by node.
pub(super) fn show(route: Route, reports: &[(String, NodeReport)], narrator: &Narrator) {
    if route.uses_tor() {
        narrator.say("Tor's relays saw TLS among themselves and with Alice and Bob. The first on a circuit knows their");
        narrator.say("addresses and not where it leads, the last where it leads and not who they are.");
    }
    for (role, explanation) in [
        (
            "entry",
            match route {
                Route::Mix => {
                    "Entries saw connections of nobody they know, and packets of one size at random times:"
                }
                Route::TorMix => {
                    "Entries saw circuits without addresses, and packets of one size at random times:"
                }
                Route::Tor => "Entries saw nobody: what they passed on is the nodes' own cover:",
            },
        ),
        (
            "mix",
            match route {
                Route::Mix | Route::TorMix => {
                    "Mixes saw packets from the layer before them, each for the layer behind them:"
                }
                Route::Tor => "Mixes saw only their own and the entries' loops:",
            },
        ),
        (
            "mailbox",
            match route {
                Route::Mix | Route::TorMix => {
                    "Mailboxes saw boxes with names that never come again, from mixes, and who knows from whom:"
                }
                Route::Tor => {
                    "Mailboxes saw boxes with names that never come again, each conversation and direction by circuits \
                     of its own, without addresses:"
                }
            },
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
