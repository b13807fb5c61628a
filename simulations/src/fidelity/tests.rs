//! The model tells what the cores do, and a model that does not is found out.

use std::sync::LazyLock;

use sotto_traffic::scenario::{Latency, Mixing, Topology};

use super::*;

/// A tenth of [`small`], which is compared as a whole by `sotto-sim verify --fidelity`.
fn shorter() -> Scenario {
    Scenario { duration_s: 60.0, warmup_s: 10.0, ..small() }
}

static CORES: LazyLock<Observed> = LazyLock::new(|| cores::run(&shorter(), Seed::new(5)).unwrap());

fn against(of_model: Scenario) -> Vec<Comparison> {
    let longer = Scenario { duration_s: 3000.0, ..of_model };
    compare_samples(&model(&longer, Seed::new(6)).unwrap(), &CORES)
}

#[test]
fn model_and_cores_are_alike() {
    let all = against(shorter());
    for one in &all {
        println!(
            "{}: statistic {:.4}, p {:.2e}, effect {:+.3}, n {} and {}",
            one.name, one.statistic, one.p_value, one.effect, one.n_model, one.n_cores
        );
    }
    assert_eq!(all.len(), 17);
    let differ: Vec<&Comparison> = all.iter().filter(|one| !one.holds).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn a_model_with_another_delay_or_rate_is_found_out() {
    let fails = |scenario, name: &str| {
        let all = against(scenario);
        let found = all.iter().find(|one| one.name == name).unwrap();
        assert!(!found.holds, "{found:?}");
    };
    let slower = Scenario { mixing: Mixing::Poisson { delay_ms_mean: 240.0 }, ..shorter() };
    fails(slower.clone(), "holding at a hop");
    fails(slower, "client to mailbox");
    let mut hasty = shorter();
    hasty.clients[0].payload_interval_ms_mean *= 0.6;
    fails(hasty, "packets from client to layer 0");
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
