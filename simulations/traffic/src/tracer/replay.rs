//! Tells a tracer a whole view, in its direction.

use super::wires::WireMap;
use super::{Direction, Tracer, hidden};
use crate::observer::{Sighting, Watcher, WireId};
use crate::party::Party;
use crate::time::SimTime;
use crate::view::{View, Wire};

/// Follows these passages, at most [`super::TARGETS_MAX`], through all that was seen: target i is `targets[i]`.
#[must_use]
pub fn replay(view: &View<'_>, direction: Direction, targets: &[WireId]) -> Tracer {
    let mut tracer = Tracer::new(view.layout, view.scenario, &view.corrupt, direction, targets.len());
    for wire in &view.own {
        tracer.own(*wire);
    }
    for (_, incoming, outgoing) in &view.forwarded {
        tracer.linked(*incoming, *outgoing);
    }
    for wire in known_dummies(view, targets) {
        tracer.own(wire);
    }
    for target in targets {
        tracer.mark(*target);
    }
    let happenings = happenings(view, direction);
    preload(&mut tracer, &happenings);
    hidden::estimate(&mut tracer, view, &happenings);
    for happening in &happenings {
        let sighting = happening.sighting();
        if happening.is_arrival { tracer.arrived(&sighting) } else { tracer.sent(&sighting) }
    }
    tracer
}

/// Passages that a corrupt mix knows to be dummies' or loops': it made what it sent without having received it, and what it
/// received and never sent on ended there. They hide nothing. Where nothing is made inside mixes there are none: what a mix
/// has not sent on is then still in it. A target is none.
fn known_dummies(view: &View<'_>, targets: &[WireId]) -> Vec<WireId> {
    let network = &view.scenario.network;
    if network.mix_loop_interval_ms_mean <= 0.0 && network.link_dummy_interval_ms_mean <= 0.0 {
        return Vec::new();
    }
    let mut passed: WireMap<()> = targets.iter().map(|wire| (*wire, ())).collect();
    for (_, incoming, outgoing) in &view.forwarded {
        passed.insert(*incoming, ());
        passed.insert(*outgoing, ());
    }
    let mut is_corrupt = vec![false; view.layout.parties() as usize];
    for node in view.corrupt.iter().filter(|node| view.layout.is_mix(**node)) {
        if let Some(is_corrupt) = is_corrupt.get_mut(node.index()) {
            *is_corrupt = true;
        }
    }
    let owns = |party: Party| is_corrupt.get(party.index()).copied().unwrap_or(false);
    view.wires
        .iter()
        .filter(|wire| {
            let began = owns(wire.from) && wire.sent >= view.window.0;
            let ended = owns(wire.to) && wire.arrived != SimTime::NEVER;
            (began || ended) && !passed.contains_key(&wire.id)
        })
        .map(|wire| wire.id)
        .collect()
}

/// An end of a passage.
pub(super) struct Happening<'a> {
    pub(super) at: SimTime,
    pub(super) wire: &'a Wire,
    pub(super) is_arrival: bool,
}

impl Happening<'_> {
    const fn sighting(&self) -> Sighting {
        Sighting { at: self.at, wire: self.wire.id, from: self.wire.from, to: self.wire.to }
    }
}

/// All ends of passages as they happened. At one instant they go by the number of the passage, which is the order of sending:
/// what came before it was sent on has the smaller one.
///
/// Of the time before watching began only what was still under way or held is known: what a mix sent then has come to it
/// unseen. With time reversed such a packet would come into the mix and never go, and would take the place of one that does.
fn happenings<'a>(view: &'a View<'_>, direction: Direction) -> Vec<Happening<'a>> {
    let outside = |wire: &Wire| view.layout.is_client(wire.from) || view.layout.is_mailbox(wire.from);
    let is_told =
        |wire: &Wire| direction == Direction::Forward || wire.sent >= view.window.0 || outside(wire);
    let mut all: Vec<Happening<'a>> = Vec::with_capacity(2 * view.wires.len());
    let sent = view.wires.iter().filter(|wire| is_told(wire));
    all.extend(sent.map(|wire| Happening { at: wire.sent, wire, is_arrival: false }));
    let arrived = view.wires.iter().filter(|wire| wire.arrived != SimTime::NEVER);
    all.extend(arrived.map(|wire| Happening { at: wire.arrived, wire, is_arrival: true }));
    // What was sent is in order, and what arrived as well where links are alike: the stable sort makes use of such runs.
    all.sort_by_key(|happening| (happening.at, happening.wire.id, happening.is_arrival));
    if direction == Direction::Backward {
        all.reverse();
    }
    all
}

/// What was in the mixes before watching began has to be there, or what leaves first would count for too much: as many as
/// more left than came.
fn preload(tracer: &mut Tracer, happenings: &[Happening<'_>]) {
    let mut balances = vec![0_i64; tracer.pools.len()];
    let mut missing = vec![0_i64; tracer.pools.len()];
    let forward = tracer.direction == Direction::Forward;
    for happening in happenings {
        if tracer.own.contains_key(&happening.wire.id) {
            continue;
        }
        let (node, other): (Party, Party) = match happening.is_arrival {
            true => (happening.wire.to, happening.wire.from),
            false => (happening.wire.from, happening.wire.to),
        };
        let Some(pool) = tracer.pool(node, other, happening.is_arrival) else { continue };
        let (Some(balance), Some(missing)) = (balances.get_mut(pool), missing.get_mut(pool)) else {
            continue;
        };
        *balance += if happening.is_arrival == forward { 1 } else { -1 };
        *missing = (*missing).max(-*balance);
    }
    for (pool, missing) in missing.iter().enumerate() {
        tracer.preload(pool, missing.unsigned_abs());
    }
}
