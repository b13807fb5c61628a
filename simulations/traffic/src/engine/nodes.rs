//! The processes of nodes: rounds of mixes, their loops, dummies on links; and what each mix holds.

use super::Simulation;
use super::chance::{Chance, Maker, Origin, Process};
use super::event::Event;
use super::packets::Cargo;
use super::topology::Neighbours;
use super::totals::{Gauge, Occupancy};
use crate::mixing::Pool;
use crate::observer::{Observer, PacketKind};
use crate::party::{Layout, Party, Role};
use crate::random::Purpose;
use crate::scenario::{Mixing, Notice, Scenario};
use crate::time::SimTime;

/// A mix.
#[derive(Clone, Debug)]
struct Mix {
    pool: Pool,
    gauge: Gauge,
    rounds: u32,
    loops: u32,
}

/// A node's links to others.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    neighbours: Neighbours,
    dummies: u32,
}

/// All mixes and mailboxes.
#[derive(Debug)]
pub(super) struct Nodes {
    clients: u32,
    mixes: Vec<Mix>,
    /// Mixes layer by layer, then mailboxes.
    outgoing: Vec<Outgoing>,
    /// The packets that leave in a round.
    leaving: Vec<u32>,
}

impl Nodes {
    /// Empty ones.
    pub(super) fn new(scenario: &Scenario, layout: &Layout, start: SimTime) -> Self {
        let mix = Mix { pool: Pool::default(), gauge: Gauge::new(start), rounds: 0, loops: 0 };
        let nodes = layout.mixes() + layout.mailboxes();
        Self {
            clients: layout.clients(),
            mixes: vec![mix; layout.mixes() as usize],
            outgoing: (0..nodes)
                .map(|node| Outgoing {
                    neighbours: Neighbours::of(layout.nth_mix(node), &scenario.network, layout),
                    dummies: 0,
                })
                .collect(),
            leaving: Vec::new(),
        }
    }

    /// The number of a mix over all layers, if it is one.
    #[inline]
    pub(super) fn mix_number(&self, party: Party) -> Option<u32> {
        party.0.checked_sub(self.clients).filter(|number| (*number as usize) < self.mixes.len())
    }

    /// A packet comes to a Poisson mix.
    #[inline]
    pub(super) fn enter(&mut self, now: SimTime, mix: u32) {
        if let Some(mix) = self.mixes.get_mut(mix as usize) {
            mix.gauge.enter(now);
        }
    }

    /// A packet leaves a mix.
    #[inline]
    pub(super) fn exit(&mut self, now: SimTime, mix: u32) {
        if let Some(mix) = self.mixes.get_mut(mix as usize) {
            mix.gauge.exit(now);
        }
    }

    /// A packet comes to another mix. Returns whether a batch is full.
    pub(super) fn pool(&mut self, now: SimTime, mix: u32, place: u32, mixing: &Mixing) -> bool {
        self.mixes.get_mut(mix as usize).is_some_and(|mix| {
            mix.gauge.enter(now);
            mix.pool.insert(place, mixing)
        })
    }

    /// What each mix held.
    pub(super) fn occupancy(&self, end: SimTime) -> Vec<Occupancy> {
        self.mixes.iter().map(|mix| mix.gauge.read(end)).collect()
    }

    /// The mean gap between the dummies of a node: on each of its links runs a Poisson process of this mean interval, and
    /// all together are one with as many times its rate.
    fn dummy_gap_ns(&self, node: u32, interval_ms_mean: f64) -> Option<f64> {
        let links = self.outgoing.get(node as usize)?.neighbours.count();
        (links > 0 && interval_ms_mean > 0.0).then(|| interval_ms_mean * 1e6 / f64::from(links))
    }
}

impl Simulation {
    /// Enters the first events of nodes.
    pub(super) fn begin_nodes(&mut self) {
        let network = &self.scenario.network;
        for mix in 0..self.layout.mixes() {
            if let Some(interval) = round_interval(&self.scenario.mixing) {
                // Mixes do not go in step: each has its rounds from a time of its own on.
                let share = self.chance.once(Purpose::Mixing, Maker::node(mix)).unit();
                let first = SimTime::from_secs_f64(interval.as_secs_f64() * share);
                self.queue.push(first, Event::Round(mix).pack());
            }
            if network.mix_loop_interval_ms_mean > 0.0 {
                let mean = network.mix_loop_interval_ms_mean * 1e6;
                let first = self.chance.gap(Purpose::MixLoops, Maker::node(mix), 0, mean);
                self.queue.push(first, Event::MixLoop(mix).pack());
            }
        }
        for node in 0..self.layout.mixes() + self.layout.mailboxes() {
            if let Some(mean) = self.nodes.dummy_gap_ns(node, network.link_dummy_interval_ms_mean) {
                let first = dummy_gap(self.chance, node, 0, mean);
                self.queue.push(first, Event::LinkDummy(node).pack());
            }
        }
        if let Notice::Digest { interval_s } = self.scenario.mailboxes.notice {
            self.queue.push(SimTime::from_secs_f64(interval_s), Event::Digest.pack());
        }
    }

    /// A mix has its round.
    pub(super) fn mix_round<O: Observer>(&mut self, now: SimTime, mix: u32, observer: &mut O) {
        if let Some(interval) = round_interval(&self.scenario.mixing) {
            self.queue.push(now + interval, Event::Round(mix).pack());
        }
        self.release(now, mix, observer);
    }

    /// A mix lets go what its way of mixing says.
    pub(super) fn release<O: Observer>(&mut self, now: SimTime, mix: u32, observer: &mut O) {
        let mut leaving = std::mem::take(&mut self.nodes.leaving);
        if let Some(state) = self.nodes.mixes.get_mut(mix as usize) {
            let mut draws = self.chance.round(mix, state.rounds);
            state.rounds = state.rounds.wrapping_add(1);
            state.pool.release(&self.scenario.mixing, &mut draws, &mut leaving);
        }
        for place in leaving.drain(..) {
            self.let_go(now, mix, place, observer);
        }
        self.nodes.leaving = leaving;
    }

    /// A mix sends a loop.
    pub(super) fn mix_loop<O: Observer>(&mut self, now: SimTime, mix: u32, observer: &mut O) {
        let Some(state) = self.nodes.mixes.get_mut(mix as usize) else { return };
        let number = state.loops;
        state.loops = number.wrapping_add(1);
        let mean = self.scenario.network.mix_loop_interval_ms_mean * 1e6;
        let maker = Maker::node(mix);
        let gap = self.chance.gap(Purpose::MixLoops, maker, number.wrapping_add(1), mean);
        self.queue.push(now + gap, Event::MixLoop(mix).pack());
        let Some(Role::Mix { layer, index }) = self.layout.role(self.layout.nth_mix(mix)) else { return };
        let origin = Origin { maker, process: Process::MixLoops, number };
        self.paths.mix_loop(layer, index, &mut self.chance.of(Purpose::Route, origin, 0));
        self.launch(now, (PacketKind::MixLoop, None), origin, Cargo::Empty, observer);
    }

    /// A node sends a dummy on one of its links, each as likely.
    pub(super) fn link_dummy<O: Observer>(&mut self, now: SimTime, node: u32, observer: &mut O) {
        let interval = self.scenario.network.link_dummy_interval_ms_mean;
        let Some(mean) = self.nodes.dummy_gap_ns(node, interval) else { return };
        let Some(outgoing) = self.nodes.outgoing.get_mut(node as usize) else { return };
        let number = outgoing.dummies;
        outgoing.dummies = number.wrapping_add(1);
        let neighbours = outgoing.neighbours;
        let gap = dummy_gap(self.chance, node, number.wrapping_add(1), mean);
        self.queue.push(now + gap, Event::LinkDummy(node).pack());
        let origin = Origin { maker: Maker::node(node), process: Process::LinkDummies, number };
        let nth = self.chance.of(Purpose::Route, origin, 0).below(neighbours.count());
        let Some(neighbour) = neighbours.nth(nth) else { return };
        self.paths.link(self.layout.nth_mix(node), neighbour);
        self.launch(now, (PacketKind::LinkDummy, None), origin, Cargo::Empty, observer);
    }
}

fn dummy_gap(chance: Chance, node: u32, number: u32, mean_ns: f64) -> SimTime {
    chance.gap(Purpose::LinkDummies, Maker::node(node), number, mean_ns)
}

/// The time between rounds, where there are any.
fn round_interval(mixing: &Mixing) -> Option<SimTime> {
    match *mixing {
        Mixing::Timed { interval_ms } | Mixing::Pool { interval_ms, .. } => {
            Some(SimTime::from_millis_f64(interval_ms))
        }
        Mixing::Poisson { .. } | Mixing::Threshold { .. } => None,
    }
}
