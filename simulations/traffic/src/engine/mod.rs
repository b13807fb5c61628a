//! The engine of the traffic model: packets, links and mixes in virtual time, one event after the other.
//!
//! - `queue` and `event` are what happens next; `packets` what is under way; `chance` the draws that belong to a packet.
//! - `paths` and `topology` are where packets go, `links` how long that takes, [`mixing`](crate::mixing) what a mix lets go.
//! - `ticks` are the processes of clients, `nodes` those of mixes and mailboxes, `transit` the life of a packet,
//!   `isolation` an adversary at a mix.
//! - [`record()`] keeps what happened for adversaries to think about.
//!
//! Not here: what users write and mailboxes answer ([`people`](crate::people)), and what any of it means.

mod chance;
mod clients;
mod corruption;
mod event;
mod isolation;
mod links;
mod lists;
mod nodes;
mod packets;
mod paths;
mod queue;
mod record;
mod ticks;
mod topology;
mod totals;
mod transit;

pub use crate::people::PrepareError;
pub use record::{Recorded, Recorder, record};
pub use totals::{Occupancy, Totals};

use crate::adversary::Interference;
use crate::observer::Observer;
use crate::party::{Layout, Party};
use crate::people::{Desk, Presence, Writing};
use crate::random::Seed;
use crate::scenario::{Delivery, Scenario};
use crate::time::SimTime;

use chance::Chance;
use clients::Clients;
use event::Event;
use isolation::Isolation;
pub(crate) use links::{CIRCUIT_MS, JITTER_MS};

use links::Links;
use lists::Lists;
use nodes::Nodes;
use packets::Packets;
use paths::Paths;
use queue::Queue;

/// One run of a scenario.
#[derive(Debug)]
pub struct Simulation {
    scenario: Scenario,
    layout: Layout,
    corrupt: Vec<Party>,
    window: (SimTime, SimTime),
    chance: Chance,
    queue: Queue,
    packets: Packets,
    paths: Paths,
    links: Links,
    clients: Clients,
    nodes: Nodes,
    /// Packets that wait at an entry for a frame of the downlink.
    downlink: Lists,
    /// Messages straight to a recipient who is offline.
    absent: Lists,
    isolation: Option<Isolation>,
    writing: Writing,
    presence: Presence,
    desk: Desk,
    totals: Totals,
}

impl Simulation {
    /// Prepares a run. The same scenario and seed give the same run.
    ///
    /// # Errors
    /// What of the scenario is refused, or a file of it that cannot be used.
    pub fn new(scenario: &Scenario, seed: Seed) -> Result<Self, PrepareError> {
        scenario.validate()?;
        let layout = scenario.layout();
        let warmup = SimTime::from_secs_f64(scenario.warmup_s);
        let window = (warmup, warmup + SimTime::from_secs_f64(scenario.duration_s));
        let chance = Chance::new(seed);
        let paths = Paths::new(scenario, &layout, chance);
        let writing = Writing::new(scenario, seed)?;
        let is_direct = scenario.network.delivery == Delivery::Direct;
        Ok(Self {
            corrupt: corruption::draw(&scenario.corruption, &layout, seed),
            queue: Queue::new(window.1),
            packets: Packets::new(paths.length_max()),
            links: Links::new(scenario, &layout, seed)?,
            clients: Clients::new(scenario),
            nodes: Nodes::new(scenario, &layout, window.0),
            downlink: Lists::new(layout.clients()),
            absent: Lists::new(if is_direct { layout.clients() } else { 0 }),
            isolation: None,
            presence: Presence::new(scenario, seed),
            desk: Desk::new(scenario, &layout, seed, writing.addressees()),
            writing,
            paths,
            chance,
            window,
            totals: Totals::default(),
            layout,
            scenario: scenario.clone(),
        })
    }

    /// Who is who.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Which nodes are corrupt in this run: those named, and those drawn.
    #[must_use]
    pub fn corrupt(&self) -> &[Party] {
        &self.corrupt
    }

    /// From when until when the run is watched: after warming up, to its end.
    #[must_use]
    pub const fn window(&self) -> (SimTime, SimTime) {
        self.window
    }

    /// Lets an adversary interfere. A later call replaces an earlier one of the same kind.
    pub fn interfere(&mut self, interference: &Interference) {
        self.desk.interfere(interference);
        if let Some(isolation) = Isolation::of(interference) {
            self.isolation = Some(isolation);
        }
    }

    /// Runs to the end.
    pub fn run<O: Observer>(mut self, observer: &mut O) -> Totals {
        self.begin(observer);
        while let Some((now, event)) = self.queue.pop() {
            self.totals.events += 1;
            match Event::unpack(event) {
                Event::Arrive(place) => self.arrive(now, place, observer),
                Event::Leave(place) => self.leave(now, place, observer),
                Event::Slot(client) => self.slot(now, client, observer),
                Event::Loop(client) => self.client_loop(now, client, observer),
                Event::Drop(client) => self.drop_packet(now, client, observer),
                Event::Downlink(client) => self.frame(now, client, observer),
                Event::Write(client) => self.write(now, client, observer),
                Event::Presence(client) => self.change_presence(now, client, observer),
                Event::Urgent(client) => self.round_of_questions(now, client, observer),
                Event::Round(mix) => self.mix_round(now, mix, observer),
                Event::MixLoop(mix) => self.mix_loop(now, mix, observer),
                Event::LinkDummy(node) => self.link_dummy(now, node, observer),
                Event::Digest => self.digest(now, observer),
                Event::Flood => self.flood(now, observer),
            }
        }
        self.totals.in_flight = self.packets.in_flight() as u64;
        self.totals.in_flight_max = self.packets.places() as u64;
        self.totals.occupancy = self.nodes.occupancy(self.window.1);
        self.totals
    }

    /// Enters the first event of everything that happens by itself.
    fn begin<O: Observer>(&mut self, observer: &mut O) {
        for client in 0..self.layout.clients() {
            self.begin_client(client, observer);
        }
        self.begin_nodes();
        if let Some(isolation) = &self.isolation {
            self.queue.push(isolation.from(), Event::Flood.pack());
        }
    }
}

#[cfg(test)]
mod tests;
