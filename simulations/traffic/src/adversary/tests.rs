//! Attacks on single packets against the engine: where they must succeed, and where they must not.

use super::{Adversary, EndTiming, ExactTracing, PathCompromise, ReleaseTime};
use crate::engine::record;
use crate::experiment::AttackPlan;
use crate::party::Party;
use crate::random::Seed;
use crate::scenario::{Mixing, Route, Scenario};
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
