//! Whole runs: what a toy of an engine would get wrong.

mod attack;
mod forwarding;
mod mixes;
mod people;
mod recordings;
mod repeats;

use super::*;
use crate::observer::{Fact, PacketKind, Sighting, WireId};
use crate::scenario::{Latency, Mixing, Online, Route, Topology, Writing as Habit};

/// Twenty clients with nothing but drops, straight into the layers: plain forwarding to mailboxes.
fn drops(layers: u32, delay_ms: f64) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.network.layers = layers;
    scenario.network.entries = 0;
    scenario.network.mix_loop_interval_ms_mean = 0.0;
    scenario.network.link_dummy_interval_ms_mean = 0.0;
    scenario.mixing = Mixing::Poisson { delay_ms_mean: delay_ms };
    scenario.duration_s = 200.0;
    scenario.warmup_s = 10.0;
    scenario.behaviour.writing = Habit::Poisson { per_day_mean: 0.0 };
    let class = &mut scenario.clients[0];
    class.count = 20;
    class.payload_interval_ms_mean = 86_400_000.0;
    class.loop_interval_ms_mean = 0.0;
    class.drop_interval_ms_mean = 100.0;
    class.downlink_interval_ms_mean = 0.0;
    scenario
}

/// Everything at once.
fn busy() -> Scenario {
    let mut scenario = Scenario::default();
    scenario.clients[0].count = 30;
    scenario.clients[0].online = Online::Alternating { online_s_mean: 20.0, offline_s_mean: 10.0 };
    scenario.duration_s = 60.0;
    scenario.warmup_s = 10.0;
    scenario.behaviour.writing = Habit::Poisson { per_day_mean: 8640.0 };
    scenario.latency = Latency::Uniform { ms_min: 5.0, ms_max: 80.0 };
    scenario
}

/// The busy network in all its forms.
fn variants() -> Vec<Scenario> {
    let mut variants = vec![busy(); 9];
    variants[1].network.topology = Topology::Cascade;
    variants[2].network.topology = Topology::FreeRoute;
    variants[2].network.entries = 0;
    variants[3].mixing = Mixing::Threshold { packets: 7 };
    variants[4].mixing = Mixing::Timed { interval_ms: 300.0 };
    variants[5].mixing = Mixing::Pool { interval_ms: 200.0, keep: 5, fraction: 0.6 };
    variants[6].network.route = Route::TorMix;
    variants[7].network.route = Route::Tor;
    variants[8].network.delivery = Delivery::Direct;
    variants
}

fn run<O: Observer>(scenario: &Scenario, seed: u64, observer: &mut O) -> Totals {
    Simulation::new(scenario, Seed::new(seed)).unwrap().run(observer)
}

/// Everything that was told, in order.
#[derive(Clone, Debug, Default)]
struct Log {
    sent: Vec<(Sighting, Fact)>,
    arrived: Vec<(Sighting, Fact)>,
    forwarded: Vec<(Party, WireId, WireId)>,
}

impl Observer for Log {
    fn sent(&mut self, sighting: &Sighting, fact: &Fact) {
        self.sent.push((*sighting, *fact));
    }

    fn arrived(&mut self, sighting: &Sighting, fact: &Fact) {
        self.arrived.push((*sighting, *fact));
    }

    fn forwarded(&mut self, node: Party, incoming: WireId, outgoing: WireId) {
        self.forwarded.push((node, incoming, outgoing));
    }
}

fn log(scenario: &Scenario, seed: u64) -> (Log, Totals) {
    let mut log = Log::default();
    let totals = run(scenario, seed, &mut log);
    (log, totals)
}
