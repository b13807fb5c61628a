//! The drop ledger: every packet that a node receives ends in exactly one labelled outcome.
//!
//! A node counts as it goes ([`Ledger`]) and shows the counts with what it still holds
//! ([`LedgerReport`]). Reports of several nodes can be added up, which turns the books of each node
//! into the books of a network. Only counts and labels that are constants of the program are kept:
//! nothing about any one packet, its sender or its time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kind of delivery that leaves the network over a client's link.
pub const DELIVERED_TO_CLIENT: &str = "client";

/// How a received packet's stay at this node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handed to the link to the next hop.
    Forwarded,
    /// This node was the last hop and used the packet, by kind: `client`, `mix-loop`, `write`, ...
    Delivered(&'static str),
    /// Not used, for the reason that the label names.
    Dropped(&'static str),
}

/// Which kind of peer a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// A client's session.
    Client,
    /// Another node.
    Node,
}

/// Packets that crossed this node's links, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// Packets received on clients' links.
    pub received_from_clients: u64,
    /// Packets received on nodes' links.
    pub received_from_nodes: u64,
    /// Packets handed to links to nodes: forwarded ones and own ones.
    pub sent_to_nodes: u64,
    /// Packets handed to links to clients.
    pub sent_to_clients: u64,
    /// Of those handed to links to nodes, the ones that a breaking link is known to have lost.
    pub lost_on_link: u64,
    /// Of those handed to links to clients, the node's own: a mailbox's answers on direct links.
    #[serde(default)]
    pub own_to_clients: u64,
    /// Of those handed to links to clients, the ones that a breaking link is known to have lost, where the node
    /// counts them: a mailbox does, for its direct links.
    #[serde(default)]
    pub lost_to_clients: u64,
}

/// One node's counters since it started.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    received: u64,
    forwarded: u64,
    delivered: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
    originated: BTreeMap<&'static str, u64>,
    unsent: BTreeMap<&'static str, u64>,
    links: LinkCounts,
}

impl Ledger {
    /// Empty books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet arrived. It is held until [`Ledger::record`] says how it ended.
    pub const fn record_received(&mut self, from: PeerKind) {
        self.received += 1;
        match from {
            PeerKind::Client => self.links.received_from_clients += 1,
            PeerKind::Node => self.links.received_from_nodes += 1,
        }
    }

    /// A received packet's stay ended. Also counts the link it left by, if it left.
    pub fn record(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Forwarded => {
                self.forwarded += 1;
                self.links.sent_to_nodes += 1;
            }
            Outcome::Delivered(kind) => {
                *self.delivered.entry(kind).or_default() += 1;
                if kind == DELIVERED_TO_CLIENT {
                    self.links.sent_to_clients += 1;
                }
            }
            Outcome::Dropped(label) => *self.dropped.entry(label).or_default() += 1,
        }
    }

    /// This node made a packet of its own (`mix-loop`, `reply`) and handed it to a link.
    pub fn record_originated(&mut self, kind: &'static str) {
        *self.originated.entry(kind).or_default() += 1;
        self.links.sent_to_nodes += 1;
    }

    /// This node made a packet of its own (`reply`) and handed it to a link to a client.
    pub fn record_originated_to_client(&mut self, kind: &'static str) {
        *self.originated.entry(kind).or_default() += 1;
        self.links.sent_to_clients += 1;
        self.links.own_to_clients += 1;
    }

    /// This node made a packet of its own and no link took it, for the reason that the label names.
    pub fn record_unsent(&mut self, label: &'static str) {
        *self.unsent.entry(label).or_default() += 1;
    }

    /// `packets` that a link to a node had taken were lost when it broke.
    pub const fn record_lost_on_link(&mut self, packets: u64) {
        self.links.lost_on_link += packets;
    }

    /// `packets` that a link to a client had taken were lost when it broke.
    pub const fn record_lost_to_clients(&mut self, packets: u64) {
        self.links.lost_to_clients += packets;
    }

    /// How many packets were dropped under `label`.
    #[must_use]
    pub fn dropped(&self, label: &str) -> u64 {
        self.dropped.get(label).copied().unwrap_or(0)
    }

    /// The books as they stand, with `held`, the packets that wait in the node's queues now.
    #[must_use]
    pub fn report(&self, held: u64) -> LedgerReport {
        LedgerReport {
            received: self.received,
            forwarded: self.forwarded,
            delivered: owned(&self.delivered),
            dropped: owned(&self.dropped),
            held,
            originated: owned(&self.originated),
            unsent: owned(&self.unsent),
            links: self.links,
        }
    }
}

/// A ledger at one moment, of one node or of several added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerReport {
    /// Packets that arrived.
    pub received: u64,
    /// Of those, the ones handed to the next hop's link.
    pub forwarded: u64,
    /// Of those, the ones used here, by kind.
    pub delivered: BTreeMap<String, u64>,
    /// Of those, the ones dropped, by label.
    pub dropped: BTreeMap<String, u64>,
    /// Of those, the ones that wait in a queue.
    pub held: u64,
    /// Own packets handed to a link, by kind.
    pub originated: BTreeMap<String, u64>,
    /// Own packets that no link took, by label.
    #[serde(default)]
    pub unsent: BTreeMap<String, u64>,
    /// What crossed the links.
    pub links: LinkCounts,
}

impl LedgerReport {
    /// Packets used here, of all kinds.
    #[must_use]
    pub fn delivered_total(&self) -> u64 {
        total(&self.delivered)
    }

    /// Packets dropped, under all labels.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        total(&self.dropped)
    }

    /// Own packets handed to a link, of all kinds.
    #[must_use]
    pub fn originated_total(&self) -> u64 {
        total(&self.originated)
    }

    /// Whether the books of each node add up: `received = forwarded + delivered + dropped + held`,
    /// every received packet came over a link, and every packet that left was forwarded, delivered to a client or own.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let links = &self.links;
        let sum = |parts: &[u64]| parts.iter().map(|part| u128::from(*part)).sum::<u128>();
        let adds_up = |whole: &[u64], parts: &[u64]| sum(whole) == sum(parts);
        let to_clients = self.delivered.get(DELIVERED_TO_CLIENT).copied().unwrap_or(0);
        adds_up(&[self.received], &[self.forwarded, self.delivered_total(), self.dropped_total(), self.held])
            && adds_up(&[self.received], &[links.received_from_clients, links.received_from_nodes])
            && adds_up(
                &[links.sent_to_nodes, links.own_to_clients],
                &[self.forwarded, self.originated_total()],
            )
            && adds_up(&[links.sent_to_clients], &[to_clients, links.own_to_clients])
            && links.lost_on_link <= links.sent_to_nodes
            && links.lost_to_clients <= links.sent_to_clients
    }

    /// The books of a network: the reports of all its nodes, added up. Saturates.
    #[must_use]
    pub fn sum<'a>(reports: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::default();
        for report in reports {
            total.received = total.received.saturating_add(report.received);
            total.forwarded = total.forwarded.saturating_add(report.forwarded);
            total.held = total.held.saturating_add(report.held);
            add(&mut total.delivered, &report.delivered);
            add(&mut total.dropped, &report.dropped);
            add(&mut total.originated, &report.originated);
            add(&mut total.unsent, &report.unsent);
            total.links.received_from_clients =
                total.links.received_from_clients.saturating_add(report.links.received_from_clients);
            total.links.received_from_nodes =
                total.links.received_from_nodes.saturating_add(report.links.received_from_nodes);
            total.links.sent_to_nodes = total.links.sent_to_nodes.saturating_add(report.links.sent_to_nodes);
            total.links.sent_to_clients =
                total.links.sent_to_clients.saturating_add(report.links.sent_to_clients);
            total.links.lost_on_link = total.links.lost_on_link.saturating_add(report.links.lost_on_link);
            total.links.own_to_clients =
                total.links.own_to_clients.saturating_add(report.links.own_to_clients);
            total.links.lost_to_clients =
                total.links.lost_to_clients.saturating_add(report.links.lost_to_clients);
        }
        total
    }

    /// In the sum over a network's nodes: packets that some node sent, that are not known to be lost, and
    /// that no node has received. Positive while packets are on the wire; zero in a network at rest;
    /// negative if a node received what none sent.
    #[must_use]
    pub fn on_the_wire(&self) -> i128 {
        i128::from(self.links.sent_to_nodes)
            - i128::from(self.links.lost_on_link)
            - i128::from(self.links.received_from_nodes)
    }

    /// In the sum over the nodes of a network at rest: what was sent to nodes arrived at nodes or is
    /// known to be lost.
    #[must_use]
    pub fn flow_balanced(&self) -> bool {
        self.on_the_wire() == 0
    }
}

fn owned(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
}

fn total(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().fold(0, |total, count| total.saturating_add(*count))
}

fn add(total: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (label, count) in counts {
        let total = total.entry(label.clone()).or_default();
        *total = total.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that received four packets and made three, and holds one.
    fn busy() -> Ledger {
        let mut ledger = Ledger::new();
        ledger.record_received(PeerKind::Client);
        for _ in 0..4 {
            ledger.record_received(PeerKind::Node);
        }
        ledger.record(Outcome::Forwarded);
        ledger.record(Outcome::Delivered(DELIVERED_TO_CLIENT));
        ledger.record(Outcome::Delivered("mix-loop"));
        ledger.record(Outcome::Dropped("replayed"));
        ledger.record_originated("mix-loop");
        ledger.record_originated("mix-loop");
        ledger.record_unsent("next-hop-unreachable");
        ledger
    }

    #[test]
    fn books_balance_only_with_all_that_is_held() {
        let ledger = busy();
        assert!(ledger.report(1).balanced());
        assert!(!ledger.report(0).balanced());
        assert!(!ledger.report(2).balanced());
    }

    #[test]
    fn a_report_names_every_outcome() {
        let report = busy().report(1);
        assert_eq!(report.received, 5);
        assert_eq!(report.forwarded, 1);
        assert_eq!(report.delivered, BTreeMap::from([("client".to_owned(), 1), ("mix-loop".to_owned(), 1)]));
        assert_eq!(report.dropped, BTreeMap::from([("replayed".to_owned(), 1)]));
        assert_eq!(report.originated, BTreeMap::from([("mix-loop".to_owned(), 2)]));
        assert_eq!(report.unsent, BTreeMap::from([("next-hop-unreachable".to_owned(), 1)]));
        let links = LinkCounts {
            received_from_clients: 1,
            received_from_nodes: 4,
            sent_to_nodes: 3,
            sent_to_clients: 1,
            lost_on_link: 0,
            own_to_clients: 0,
            lost_to_clients: 0,
        };
        assert_eq!(report.links, links);
        assert_eq!(busy().dropped("replayed"), 1);
        assert_eq!(busy().dropped("garbage"), 0);
    }

    #[test]
    fn a_packet_that_vanished_between_the_books_shows() {
        let mut report = busy().report(1);
        report.links.received_from_nodes += 1;
        assert!(!report.balanced(), "received by a link, not by the node");
        let mut report = busy().report(1);
        report.links.sent_to_nodes -= 1;
        assert!(!report.balanced(), "forwarded by the node, not by a link");
        let mut report = busy().report(1);
        report.links.sent_to_clients += 1;
        assert!(!report.balanced(), "sent to a client, not delivered by the node");
    }

    #[test]
    fn a_mailbox_may_answer_clients_on_its_own() {
        let mut ledger = busy();
        let sent = ledger.report(1).links;
        ledger.record_originated_to_client("reply");
        ledger.record_originated_to_client("reply");
        let report = ledger.report(1);
        assert!(report.balanced());
        assert_eq!(report.originated["reply"], 2);
        assert_eq!(report.links.sent_to_clients, sent.sent_to_clients + 2);
        assert_eq!(report.links.sent_to_nodes, sent.sent_to_nodes);
        ledger.record_lost_to_clients(2);
        let report = ledger.report(1);
        assert!(report.balanced());
        assert_eq!(LedgerReport::sum(&[report.clone(), report]).links.lost_to_clients, 4);
        ledger.record_lost_to_clients(2);
        assert!(!ledger.report(1).balanced(), "more lost than sent");
    }

    #[test]
    fn the_flow_of_a_network_balances_when_each_packet_arrived_or_is_known_to_be_lost() {
        let mut sender = Ledger::new();
        let mut receiver = Ledger::new();
        for _ in 0..3 {
            sender.record_originated("mix-loop");
        }
        for _ in 0..2 {
            receiver.record_received(PeerKind::Node);
            receiver.record(Outcome::Delivered("drop"));
        }
        let at_rest = LedgerReport::sum(&[sender.report(0), receiver.report(0)]);
        assert!(at_rest.balanced());
        assert_eq!(at_rest.on_the_wire(), 1);
        assert!(!at_rest.flow_balanced());
        sender.record_lost_on_link(1);
        let explained = LedgerReport::sum(&[sender.report(0), receiver.report(0)]);
        assert!(explained.balanced() && explained.flow_balanced());
        assert_eq!(explained.delivered_total(), 2);
    }

    #[test]
    fn a_sum_is_of_all_nodes_and_labels() {
        let reports = [busy().report(1), busy().report(1), LedgerReport::default()];
        let sum = LedgerReport::sum(&reports);
        assert_eq!(sum.received, 10);
        assert_eq!(sum.held, 2);
        assert_eq!(sum.dropped_total(), 2);
        assert_eq!(sum.originated_total(), 4);
        assert!(sum.balanced());
    }

    #[test]
    fn absurd_reports_are_unbalanced_and_do_not_overflow() {
        let mut absurd = busy().report(u64::MAX);
        absurd.delivered.insert("write".to_owned(), u64::MAX);
        assert!(!absurd.balanced());
        assert!(!LedgerReport::sum(&[absurd.clone(), absurd]).balanced());
    }

    #[test]
    fn a_report_survives_json() {
        let report = busy().report(1);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<LedgerReport>(&json).unwrap(), report);
    }
}
