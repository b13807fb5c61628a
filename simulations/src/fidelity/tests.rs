//! The model tells what the cores do, and a model that does not is found out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sotto_traffic::scenario::{Latency, Mixing, Topology};

use super::*;
use crate::stats::ks_exponential;

/// A tenth of [`small`], which is compared as a whole by `sotto-sim verify --fidelity`.
fn shorter() -> Scenario {
    Scenario { duration_s: 60.0, warmup_s: 10.0, ..small() }
}

static CORES: LazyLock<Observed> = LazyLock::new(|| cores::run(&shorter(), Seed::new(5)).unwrap());

#[test]
fn model_and_cores_are_alike() {
    let all = compare_samples(&model(&shorter(), CORES.before_s, 40, Seed::new(6)).unwrap(), &CORES);
    assert_eq!(all.len(), 17);
    let differ: Vec<&Comparison> = all.iter().filter(|one| !one.holds).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn what_cannot_be_compared_does_not_hold() {
    let mut flat = Observed { occupancy: vec![3; 500], ..Observed::default() };
    flat.on_links.insert("a to b".to_owned(), vec![(5, 20.0); 10]);
    let all = compare_samples(&flat, &flat);
    for name in ["held by a mix", "packets from a to b"] {
        assert!(!all.iter().find(|one| one.name == name).unwrap().holds, "{name}: one class, no variance");
    }
}

/// A model of another scenario and one of [`small`], and whether this comparison tells them apart.
fn finds(change: fn(&mut Scenario), name: &str) -> bool {
    static SMALL: LazyLock<Observed> = LazyLock::new(|| model(&small(), 100.0, 1, Seed::new(1)).unwrap());
    let mut other = small();
    change(&mut other);
    let all = compare_samples(&model(&other, 100.0, 4, Seed::new(2)).unwrap(), &SMALL);
    !all.iter().find(|one| one.name == name).unwrap().holds
}

#[test]
fn each_comparison_finds_out_a_model_that_is_wrong() {
    let slower: fn(&mut Scenario) = |one| one.mixing = Mixing::Poisson { delay_ms_mean: 280.0 };
    for name in ["holding at a hop", "client to mailbox", "held by a mix"] {
        assert!(finds(slower, name), "{name}");
    }
    let much_slower: fn(&mut Scenario) = |one| one.mixing = Mixing::Poisson { delay_ms_mean: 500.0 };
    for name in ["mailbox to client", "loop"] {
        assert!(finds(much_slower, name), "{name}");
    }
    assert!(finds(|one| one.mixing = Mixing::Poisson { delay_ms_mean: 1000.0 }, "message"));
    let hasty: fn(&mut Scenario) = |one| {
        one.clients[0].payload_interval_ms_mean *= 0.8;
        one.clients[0].downlink_interval_ms_mean *= 0.8;
    };
    for name in
        ["uplink gaps", "downlink gaps", "packets from client to layer 0", "packets from layer 1 to layer 2"]
    {
        assert!(finds(hasty, name), "{name}");
    }
    assert!(finds(|one| one.behaviour.receipts = false, "writes per message"));
}

#[test]
fn where_nothing_differs_p_values_are_uniform() {
    const PAIRS: u64 = 24;
    let short = Scenario { duration_s: 240.0, warmup_s: 10.0, ..small() };
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for pair in 0..PAIRS {
        let observed =
            |runs, seed| model(&short, 0.0, runs, Seed::new(9).replication(2 * pair + seed)).unwrap();
        for one in compare_samples(&observed(2, 0), &observed(1, 1)) {
            values.entry(one.name).or_default().push(one.p_value);
        }
    }
    assert_eq!(values.len(), 17);
    for (name, p_values) in values {
        // -2 ln p of each is chi-square with two degrees of freedom: exponential of mean 2.
        let surprises: Vec<f64> = p_values.iter().map(|p| -2.0 * p.ln()).collect();
        let p_value = ks_exponential(&surprises, 2.0);
        println!("{name}: {p_value:.4}");
        assert!(p_value > 0.001, "{name}: {p_value} {p_values:?}");
    }
}

#[test]
fn what_the_cores_cannot_run_is_refused_with_its_field() {
    let refused = |change: fn(&mut Scenario)| {
        let mut scenario = small();
        change(&mut scenario);
        vnet_plan(&scenario, Seed::new(1)).unwrap_err().field
    };
    assert!(vnet_plan(&small(), Seed::new(1)).is_ok());
    assert_eq!(refused(|one| one.network.layers = 2), "network.layers");
    assert_eq!(refused(|one| one.network.topology = Topology::Cascade), "network.topology");
    assert_eq!(refused(|one| one.mixing = Mixing::Threshold { packets: 5 }), "mixing.strategy");
    assert_eq!(refused(|one| one.mixing = Mixing::Poisson { delay_ms_mean: 0.5 }), "mixing.delay_ms_mean");
    assert_eq!(refused(|one| one.latency = Latency::Uniform { ms_min: 1.0, ms_max: 2.0 }), "latency.kind");
    assert_eq!(refused(|one| one.clients[0].count = 3), "clients[0].count");
    assert_eq!(refused(|one| one.clients[0].downlink_interval_ms_mean = 5000.0), "the scenario's rates");
    assert_eq!(refused(|one| one.duration_s = 1e6), "duration_s and warmup_s");
}
