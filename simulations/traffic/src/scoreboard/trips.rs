//! Where packets really went: the truth that questions are made of.

use crate::observer::PacketKind;
use crate::party::{Layout, Party};
use crate::time::SimTime;
use crate::tracer::wires::PacketMap;
use crate::view::{Recording, Wire};

/// A packet, from its client to its destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    /// The packet.
    pub(super) packet: u64,
    /// Whether it went in a payload slot: of cover, drops did not.
    pub(super) is_payload: bool,
    /// The message in it.
    pub(super) message: Option<u32>,
    /// The passage from the client.
    pub(super) first: Wire,
    /// The passage to the destination.
    pub(super) last: Wire,
}

/// All trips, and the passages among which they hide.
#[derive(Debug)]
pub(super) struct Trips {
    /// Those of messages, in the order of sending.
    pub(super) all: Vec<Trip>,
    /// Those of cover and questions, which look the same.
    pub(super) cover: Vec<Trip>,
    /// All passages to a destination and the messages they bring, in the order of sending.
    pub(super) exits: Vec<(Wire, Option<u32>)>,
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
    /// Of the packets that left and came within this window.
    pub(super) fn of(recording: &Recording, layout: &Layout, window: (SimTime, SimTime)) -> Self {
        let arrived = |wire: &Wire| wire.arrived != SimTime::NEVER;
        let is_exit = |wire: &Wire| {
            !layout.is_client(wire.from) && !layout.is_mailbox(wire.from) && is_destination(layout, wire.to)
        };
        let mut open: PacketMap<Wire> = PacketMap::default();
        let (mut all, mut cover) = (Vec::new(), Vec::new());
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            let trips = match fact.kind {
                PacketKind::Message => &mut all,
                PacketKind::Poll | PacketKind::Receipt | PacketKind::Drop => &mut cover,
                _ => continue,
            };
            if layout.is_client(wire.from) && wire.sent >= window.0 {
                open.insert(fact.packet, *wire);
            } else if is_exit(wire)
                && arrived(wire)
                && wire.sent <= window.1
                && let Some(first) = open.remove(&fact.packet)
            {
                let is_payload = fact.kind != PacketKind::Drop;
                trips.push(Trip {
                    packet: fact.packet,
                    is_payload,
                    message: fact.message,
                    first,
                    last: *wire,
                });
            }
        }
        all.sort_unstable_by_key(|trip| trip.first.id);
        let times = || all.iter().chain(&cover).map(|trip: &Trip| trip.last.sent.since(trip.first.sent));
        let span = (times().min().unwrap_or(SimTime::ZERO), times().max().unwrap_or(SimTime::ZERO));
        Self {
            // What the adversary made itself is no candidate.
            exits: recording
                .wires
                .iter()
                .zip(&recording.facts)
                .filter(|(wire, fact)| fact.kind != PacketKind::Injected && is_exit(wire) && arrived(wire))
                .map(|(wire, fact)| (*wire, fact.message))
                .collect(),
            uplinks: recording.wires.iter().filter(|wire| layout.is_client(wire.from)).copied().collect(),
            all,
            cover,
            span,
        }
    }

    /// The passages to a destination by which a packet sent at this time can have come out, and if those are fewer, so many
    /// that were sent later than it, next in time.
    pub(super) fn exits_after(&self, sent: SimTime, least: usize) -> &[(Wire, Option<u32>)] {
        let at = |exit: &(Wire, Option<u32>)| exit.0.sent;
        let wanted = (sent + self.span.0, sent + self.span.1);
        between(&self.exits, at, wanted, (sent, SimTime::NEVER), least)
    }

    /// The passages from clients that can be of a packet that came out at this time, and if those are fewer, so many before.
    pub(super) fn uplinks_before(&self, out: SimTime, least: usize) -> &[Wire] {
        let wanted = (out.since(self.span.1), out.since(self.span.0));
        between(&self.uplinks, |wire| wire.sent, wanted, (SimTime::ZERO, out), least)
    }
}

/// Of things in the order of time, those between two times, both included; then neighbours on both sides in turn, as long as
/// they are within the limits, until there are enough.
fn between<T>(
    things: &[T],
    at: impl Fn(&T) -> SimTime,
    wanted: (SimTime, SimTime),
    limits: (SimTime, SimTime),
    least: usize,
) -> &[T] {
    let before = |time: SimTime| things.partition_point(|thing| at(thing) < time);
    let until = |time: SimTime| things.partition_point(|thing| at(thing) <= time);
    let (mut start, mut end) = (before(wanted.0), until(wanted.1));
    let (lowest, highest) = (before(limits.0).min(start), until(limits.1).max(end));
    while end - start < least && (start > lowest || end < highest) {
        start = start.saturating_sub(1).max(lowest);
        end = (end + 1).min(highest);
    }
    things.get(start..end).unwrap_or(&[])
}
