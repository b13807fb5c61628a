//! Attacks on single packets against the engine: where they must succeed, and where they must not.

use super::{Adversary, EndTiming, ExactTracing, PathCompromise, ReleaseTime};
use crate::engine::record;
use crate::experiment::AttackPlan;
use crate::metrics::interval::mean_and_error;
use crate::party::Party;
use crate::random::Seed;
use crate::scenario::{Delivery, Mixing, Route, Scenario};
use crate::scoreboard::{Score, ask};

/// The default network with fewer clients and more messages.
fn scenario() -> Scenario {
    let mut scenario = Scenario { duration_s: 60.0, ..Scenario::default() };
    scenario.clients[0].count = 50;
    scenario.behaviour.writing = crate::scenario::Writing::Poisson { per_day_mean: 8640.0 };
    scenario
}

fn scores(scenario: &Scenario, corrupt: &[Party], adversaries: &[&dyn Adversary]) -> Vec<Score> {
    let seed = Seed::new(7);
    let run = record(scenario, seed, None).unwrap();
    let score = |adversary: &&dyn Adversary| {
        let plan = AttackPlan { name: adversary.name().into(), targets: 150, candidates: 20 };
        ask(&run.recording, &run.layout, scenario, corrupt, *adversary, &plan, seed)
    };
    adversaries.iter().map(score).collect()
}

#[test]
fn cover_alone_hides_no_packet_that_is_not_delayed() {
    let mut scenario = scenario();
    scenario.mixing = Mixing::Poisson { delay_ms_mean: 0.0 };
    for score in scores(&scenario, &[], &[&ExactTracing, &EndTiming, &ReleaseTime]) {
        for (kind, tally) in &score.kinds {
            assert!(tally.trials > 100, "{} {kind:?}", score.adversary);
            assert!(tally.advantage() > 0.9, "{} {kind:?} {}", score.adversary, tally.advantage());
        }
    }
}

#[test]
fn long_delays_hide_packets_from_the_whole_view_and_from_the_ends() {
    let mut scenario = scenario();
    scenario.mixing = Mixing::Poisson { delay_ms_mean: 5000.0 };
    scenario.duration_s = 120.0;
    for score in scores(&scenario, &[], &[&ExactTracing, &EndTiming]) {
        for (kind, tally) in &score.kinds {
            assert!(tally.trials > 100, "{} {kind:?}", score.adversary);
            assert!(tally.advantage() < 0.2, "{} {kind:?} {}", score.adversary, tally.advantage());
            assert!(tally.calibration() < 0.01, "{} {kind:?} {}", score.adversary, tally.calibration());
        }
    }
}

#[test]
fn tor_alone_leaves_the_timing_of_its_ends_and_mixes_behind_it_do_not() {
    let advantage = |route| {
        let mut scenario = scenario();
        scenario.network.route = route;
        // Few other packets.
        scenario.clients[0].count = 10;
        scenario.behaviour.contacts = crate::scenario::Contacts::Pairs;
        scenario.mixing = Mixing::Poisson { delay_ms_mean: 2000.0 };
        scores(&scenario, &[], &[&EndTiming])[0].total().advantage()
    };
    let (tor, both) = (advantage(Route::Tor), advantage(Route::TorMix));
    assert!(tor > 0.4, "{tor}");
    assert!(both < 0.2, "{both}");
}

#[test]
fn whole_paths_of_corrupt_nodes_are_known_in_the_engines_networks() {
    let scenario = scenario();
    let layout = scenario.layout();
    let all: Vec<Party> = (0..layout.mixes()).map(|number| layout.nth_mix(number)).collect();
    let score = &scores(&scenario, &all, &[&PathCompromise])[0];
    assert!(score.total().success() > 0.999, "{}", score.total().success());
    // Without the last layer nothing is known of the end.
    let score = &scores(&scenario, &all[..6], &[&PathCompromise])[0];
    assert!(score.total().advantage() < 0.3, "{}", score.total().advantage());
}

/// Who sees every link is no worse off than who sees the ends, whatever mixes make of their own.
#[test]
fn the_whole_view_is_worth_as_much_as_its_ends() {
    let default = scenario();
    let mut many_dummies = scenario();
    many_dummies.network.link_dummy_interval_ms_mean = 100.0;
    many_dummies.network.mix_loop_interval_ms_mean = 1000.0;
    let mut no_entries = scenario();
    no_entries.network.entries = 0;
    let mut direct = scenario();
    direct.network.delivery = Delivery::Direct;
    direct.clients[0].downlink_interval_ms_mean = 0.0;
    let networks = [
        ("default", default),
        ("many dummies", many_dummies),
        ("no entries", no_entries),
        ("direct, no downlink", direct),
    ];
    for (name, mut scenario) in networks {
        scenario.mixing = Mixing::Poisson { delay_ms_mean: 200.0 };
        let mut differences: std::collections::BTreeMap<_, Vec<(f64, f64)>> = Default::default();
        for seed in (20..28).map(Seed::new) {
            let run = record(&scenario, seed, None).unwrap();
            let [whole, ends] = [&ExactTracing as &dyn Adversary, &EndTiming].map(|adversary| {
                let plan = AttackPlan { name: adversary.name().into(), targets: 400, candidates: 20 };
                ask(&run.recording, &run.layout, &scenario, &[], adversary, &plan, seed)
            });
            for (kind, tally) in &whole.kinds {
                let other = &ends.kinds[kind];
                let difference = (tally.success() - other.success(), tally.brier() - other.brier());
                differences.entry(*kind).or_default().push(difference);
            }
        }
        for (kind, rows) in differences {
            let (success, success_error) =
                mean_and_error(&rows.iter().map(|row| row.0).collect::<Vec<_>>()).unwrap();
            let (brier, brier_error) =
                mean_and_error(&rows.iter().map(|row| row.1).collect::<Vec<_>>()).unwrap();
            println!(
                "{name} {kind:?}: success {success:+.4} ({success_error:.4}), Brier {brier:+.5} ({brier_error:.5})"
            );
            assert!(success > -0.02, "{name} {kind:?}: {success} {success_error}");
            assert!(brier < 0.003, "{name} {kind:?}: {brier} {brier_error}");
        }
    }
}
