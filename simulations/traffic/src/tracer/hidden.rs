//! What begins and ends inside nodes, from public rates: dummies on links, loops of mixes, frames of downlinks; and what is lost
//! because its client has gone.
//!
//! Nobody who watches can tell them, but how many there are is known: a dummy on each link and a loop of each mix in so long. How
//! many of all packets that is, the view says. Not here: what follows for a packet ([`super::pool`]).

use std::collections::BTreeSet;

use super::pool::{Hidden, Occupancy};
use super::replay::Happening;
use super::{Direction, Node, Tracer};
use crate::party::Party;
use crate::view::View;

/// The most of an entry's frames that are taken for packets: its queues would never end with all of them.
const BUSY_MAX: f64 = 0.95;

/// One end of a pool, in the tracer's time.
#[derive(Clone, Debug, Default)]
struct End {
    /// Nodes at the other ends of links, but the corrupt ones: dummies from or to them are known.
    nodes: BTreeSet<Party>,
    /// Passages from or to them.
    of_nodes: f64,
    /// All passages.
    all: f64,
}

/// Tells a tracer's pools what is hidden from it in this view.
pub(super) fn estimate(tracer: &mut Tracer, view: &View<'_>, happenings: &[Happening<'_>]) {
    let forward = tracer.direction == Direction::Forward;
    let mut ends = vec![[End::default(), End::default()]; tracer.pools.len()];
    for happening in happenings.iter().filter(|happening| happening.at >= view.window.0) {
        let wire = happening.wire;
        if tracer.own.contains_key(&wire.id) {
            continue;
        }
        let (node, other) = if happening.is_arrival { (wire.to, wire.from) } else { (wire.from, wire.to) };
        let Some(pool) = tracer.pool(node, other, happening.is_arrival) else { continue };
        let Some([came, left]) = ends.get_mut(pool) else { continue };
        let end = if happening.is_arrival == forward { came } else { left };
        end.all += 1.0;
        if other.0 >= view.layout.clients() {
            end.of_nodes += 1.0;
            if !(tracer.is_corrupt(other) && view.layout.is_mix(other)) {
                end.nodes.insert(other);
            }
        }
    }
    let Some(start) = happenings.first().map(|happening| happening.at) else { return };
    let seconds = happenings.last().map_or(0.0, |last| {
        let begin = if forward { start.max(view.window.0) } else { last.at.max(view.window.0) };
        let end = if forward { last.at } else { start };
        end.since(begin).as_secs_f64()
    });
    if seconds <= 0.0 {
        return;
    }
    let rates = Rates::of(view);
    for (index, [came, left]) in ends.iter().enumerate() {
        let Some(pool) = tracer.pools.get(index) else { continue };
        let occupancy = pool.occupancy();
        let node = tracer.nodes.get(index / 2).copied().unwrap_or(Node::Outside);
        let dummies = |end: &End| if end.of_nodes > 0.0 { rates.at(node, end.nodes.len()) } else { 0.0 };
        let ends = (dummies(came) * seconds / came.of_nodes.max(1.0)).min(1.0);
        // Where clients come and go, what is for those who have gone ends at the last node. How much that is shows in the balance;
        // with time reversed it begins there.
        let balance = match tracer.comes_and_goes {
            true => came.all - dummies(came) * seconds - (left.all - dummies(left) * seconds),
            false => 0.0,
        };
        let lost = (balance.max(0.0) / came.all.max(1.0)).min(1.0);
        let found_per_s = (-balance).max(0.0) / seconds;
        let real = (came.all * (1.0 - lost) - ends * came.of_nodes).max(0.0) / seconds;
        let (occupancy, stay_s) = match occupancy {
            Occupancy::Counted => continue,
            Occupancy::Estimated { stay_s, .. } => {
                let hidden = Hidden { lost, ends, begins_per_s: dummies(left) + found_per_s };
                (Occupancy::Estimated { stay_s, hidden }, stay_s)
            }
            // A queue with Poisson arrivals and frames: packets are in it for an exponential time.
            Occupancy::Departures { stay_s } => {
                let stay_s = stay_s / (1.0 - (real * seconds / left.all.max(1.0)).min(BUSY_MAX));
                (Occupancy::Departures { stay_s }, stay_s)
            }
            Occupancy::Arrivals { stay_s } => {
                let packets = (left.all / seconds - dummies(left)).max(0.0);
                let busy = packets * seconds / came.all.max(1.0);
                let stay_s = stay_s / (1.0 - busy.min(BUSY_MAX));
                (Occupancy::Arrivals { stay_s }, stay_s)
            }
        };
        // Forward, what was there when watching began is told; backward, who is there at its end is not.
        let mean = if forward { 0.0 } else { real * stay_s };
        if let Some(pool) = tracer.pools.get_mut(index) {
            pool.assume(occupancy, start, mean);
        }
    }
}

/// How often nodes make packets of their own, per second.
struct Rates {
    /// Dummies on each link.
    dummies: f64,
    /// Loops of each mix.
    loops: f64,
    /// Loops of other mixes through each entry: they come to it as what goes down does, and leave as what goes up.
    through_entry: f64,
}

impl Rates {
    fn of(view: &View<'_>) -> Self {
        let network = &view.scenario.network;
        let rate = |interval_ms: f64| if interval_ms > 0.0 { 1e3 / interval_ms } else { 0.0 };
        let loops = rate(network.mix_loop_interval_ms_mean);
        let entries = f64::from(network.entries);
        let behind = f64::from(view.layout.mixes()) - entries;
        Self {
            dummies: rate(network.link_dummy_interval_ms_mean),
            loops,
            through_entry: if entries > 0.0 { loops * behind / entries } else { 0.0 },
        }
    }

    /// At an end of a pool with links to so many nodes.
    fn at(&self, node: Node, links: usize) -> f64 {
        let links = u32::try_from(links).map_or(0.0, f64::from);
        let loops = match node {
            Node::Outside | Node::Tor => return 0.0,
            Node::Mix => self.loops,
            Node::Entry => self.loops + self.through_entry,
        };
        links * self.dummies + loops
    }
}
