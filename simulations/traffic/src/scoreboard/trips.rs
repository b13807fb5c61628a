//! Where packets with messages really went: the truth that questions are made of.

use std::collections::HashMap;

use crate::observer::PacketKind;
use crate::party::{Layout, Party};
use crate::time::SimTime;
use crate::view::{Recording, Wire};

/// A packet with a message, from its client to its destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    /// The packet.
    pub(super) packet: u64,
    /// The passage from the client.
    pub(super) first: Wire,
    /// The passage to the destination.
    pub(super) last: Wire,
}

/// All trips, and the passages among which they hide.
#[derive(Debug)]
pub(super) struct Trips {
    /// In the order of sending.
    pub(super) all: Vec<Trip>,
    /// All passages to a destination, in the order of sending.
    pub(super) exits: Vec<Wire>,
    /// All passages from clients, in the order of sending.
    pub(super) uplinks: Vec<Wire>,
    /// The shortest and longest time of a trip, from sending the first passage to sending the last.
    pub(super) span: (SimTime, SimTime),
}

/// Where a message ends: in a mailbox, or where there are none at a client.
fn is_destination(layout: &Layout, party: Party) -> bool {
    if layout.mailboxes() > 0 { layout.is_mailbox(party) } else { layout.is_client(party) }
}

impl Trips {
    /// Of the messages that left and came within this window.
    pub(super) fn of(recording: &Recording, layout: &Layout, window: (SimTime, SimTime)) -> Self {
        let arrived = |wire: &Wire| wire.arrived != SimTime::NEVER;
        let is_exit = |wire: &Wire| {
            !layout.is_client(wire.from) && !layout.is_mailbox(wire.from) && is_destination(layout, wire.to)
        };
        let mut open: HashMap<u64, Wire> = HashMap::new();
        let mut all = Vec::new();
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            if fact.kind != PacketKind::Message {
                continue;
            }
            if layout.is_client(wire.from) && wire.sent >= window.0 {
                open.insert(fact.packet, *wire);
            } else if is_exit(wire)
                && arrived(wire)
                && wire.sent <= window.1
                && let Some(first) = open.remove(&fact.packet)
            {
                all.push(Trip { packet: fact.packet, first, last: *wire });
            }
        }
        all.sort_unstable_by_key(|trip| trip.first.id);
        let times = || all.iter().map(|trip| trip.last.sent.since(trip.first.sent));
        let span = (times().min().unwrap_or(SimTime::ZERO), times().max().unwrap_or(SimTime::ZERO));
        Self {
            exits: recording.wires.iter().filter(|wire| is_exit(wire) && arrived(wire)).copied().collect(),
            uplinks: recording.wires.iter().filter(|wire| layout.is_client(wire.from)).copied().collect(),
            all,
            span,
        }
    }

    /// The passages to a destination by which a packet sent at this time can have come out.
    pub(super) fn exits_after(&self, sent: SimTime) -> &[Wire] {
        between(&self.exits, sent + self.span.0, sent + self.span.1)
    }

    /// The passages from clients that can be of a packet that came out at this time.
    pub(super) fn uplinks_before(&self, out: SimTime) -> &[Wire] {
        between(&self.uplinks, out.since(self.span.1), out.since(self.span.0))
    }
}

/// Of passages in the order of sending, those sent between two times, both included.
fn between(wires: &[Wire], from: SimTime, until: SimTime) -> &[Wire] {
    let start = wires.partition_point(|wire| wire.sent < from);
    let end = wires.partition_point(|wire| wire.sent <= until);
    wires.get(start..end).unwrap_or(&[])
}
