//! Whole runs: what a toy of an engine would get wrong.

use super::*;
use crate::observer::{Fact, MessageEvent, PacketKind, Sighting, Unobserved, WireId};
use crate::party::Role;
use crate::scenario::{Latency, Mixing, Online, Route, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// Twenty clients with nothing but drops: plain forwarding to mailboxes.
fn drops(layers: u32, delay_ms: f64) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.network.layers = layers;
    scenario.network.entries = 0;
    scenario.network.mix_loop_interval_ms_mean = 0.0;
    scenario.network.link_dummy_interval_ms_mean = 0.0;
    scenario.mixing = Mixing::Poisson { delay_ms_mean: delay_ms };
    scenario.duration_s = 200.0;
    scenario.warmup_s = 10.0;
    scenario.behaviour.writing = crate::scenario::Writing::Poisson { per_day_mean: 0.0 };
    let class = &mut scenario.clients[0];
    class.count = 20;
    class.payload_interval_ms_mean = 3_600_000.0;
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
    scenario.behaviour.writing = crate::scenario::Writing::Poisson { per_day_mean: 8640.0 };
    scenario.latency = Latency::Uniform { ms_min: 5.0, ms_max: 80.0 };
    scenario
}

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

#[derive(Default)]
struct Ends {
    alive: BTreeMap<u64, (PacketKind, u32)>,
    seen: BTreeSet<u64>,
    passages: u64,
    arrivals: u64,
}

impl Observer for Ends {
    fn sent(&mut self, _: &Sighting, fact: &Fact) {
        self.passages += 1;
        self.seen.insert(fact.packet);
        self.alive.entry(fact.packet).or_insert((fact.kind, 0)).1 += 1;
    }

    fn arrived(&mut self, _: &Sighting, _: &Fact) {
        self.arrivals += 1;
    }
}

#[test]
fn every_packet_ends_in_exactly_one_way() {
    for scenario in variants() {
        let mut ends = Ends::default();
        let totals = Simulation::new(&scenario, Seed::new(1)).unwrap().run(&mut ends);
        assert_eq!(
            totals.packets,
            totals.delivered + totals.dropped + totals.blocked + totals.in_flight,
            "{totals:?}"
        );
        assert_eq!(totals.passages, ends.passages);
        assert!(totals.packets > 500 && totals.delivered > totals.packets / 2, "{totals:?}");
        assert!(totals.in_flight <= totals.in_flight_max);
    }
}
