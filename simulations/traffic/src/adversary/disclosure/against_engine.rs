//! The attacks against the traffic model, asked by the scoreboard.

use super::all;
use crate::adversary::{Adversary, Kind, by_name};
use crate::engine::record;
use crate::experiment::AttackPlan;
use crate::random::Seed;
use crate::scenario::{
    Behaviour, ClientClass, Contacts, Delivery, Mailboxes, Mixing, Network, Notice, Scenario, Writing,
};
use crate::scoreboard::{Score, ask, interference};
use crate::view::Recording;

/// Classical mixing: clients send when their users write, straight to recipients.
fn classical(mixing: Mixing, per_day_mean: f64) -> Scenario {
    Scenario {
        network: Network {
            delivery: Delivery::Direct,
            entries: 0,
            layers: 1,
            mixes_per_layer: 1,
            mix_loop_interval_ms_mean: 0.0,
            link_dummy_interval_ms_mean: 0.0,
            ..Network::default()
        },
        mixing,
        clients: vec![bare(60)],
        behaviour: Behaviour {
            writing: Writing::Poisson { per_day_mean },
            contacts: Contacts::Uniform { count: 2 },
            ..Behaviour::default()
        },
        duration_s: 3600.0,
        ..Scenario::default()
    }
}

/// Clients without cover.
fn bare(count: u32) -> ClientClass {
    ClientClass {
        count,
        payload_interval_ms_mean: 0.0,
        loop_interval_ms_mean: 0.0,
        drop_interval_ms_mean: 0.0,
        downlink_interval_ms_mean: 0.0,
        ..ClientClass::default()
    }
}

fn score(scenario: &Scenario, adversary: &dyn Adversary, seeds: u64) -> Score {
    let plan = AttackPlan { name: adversary.name().to_owned(), targets: 40, candidates: 20 };
    let mut sum: Option<Score> = None;
    for seed in (1..=seeds).map(Seed::new) {
        let layout = scenario.layout();
        let active = interference(adversary, &Recording::default(), &layout, scenario, seed);
        let run = record(scenario, seed, active.as_ref()).unwrap();
        let one = ask(&run.recording, &run.layout, scenario, &run.corrupt, adversary, &plan, seed);
        match &mut sum {
            Some(sum) => sum.absorb(&one),
            None => sum = Some(one),
        }
    }
    sum.unwrap()
}

fn report(name: &str, score: &Score) -> (f64, f64) {
    let total = score.total();
    println!(
        "{name}: {}: success {:.3} (decoys {:.3}, guessing {:.3}, {} trials)",
        score.adversary,
        total.success(),
        total.decoy_success(),
        total.baseline(),
        total.trials
    );
    (total.success(), total.decoy_success())
}

const NEED_BOXES: [&str; 2] = ["corrupt-mailbox", "equivocating-digest"];

#[test]
fn without_cover_every_attack_on_rounds_finds_contacts() {
    let poisson = classical(Mixing::Poisson { delay_ms_mean: 2000.0 }, 3000.0);
    let threshold = classical(Mixing::Threshold { packets: 10 }, 3000.0);
    for (name, scenario) in [("poisson", &poisson), ("threshold", &threshold)] {
        for adversary in all().iter().filter(|adversary| !NEED_BOXES.contains(&adversary.name())) {
            let (success, decoys) = report(name, &score(scenario, adversary.as_ref(), 1));
            assert!(success > 0.5, "{name}: {}: {success}", adversary.name());
            assert!(decoys < 0.25, "{name}: {}: {decoys}", adversary.name());
        }
    }
}

#[test]
fn with_the_default_cover_no_attack_is_above_guessing() {
    let covered = Scenario {
        clients: vec![ClientClass { count: 60, ..ClientClass::default() }],
        duration_s: 120.0,
        behaviour: Behaviour {
            writing: Writing::Poisson { per_day_mean: 5000.0 },
            contacts: Contacts::Uniform { count: 2 },
            ..Behaviour::default()
        },
        ..Scenario::default()
    };
    assert_eq!(all().len(), 9);
    for adversary in &all() {
        let score = score(&covered, adversary.as_ref(), 3);
        let (success, _) = report("covered", &score);
        let total = score.total();
        let trials = f64::from(total.trials);
        let guessing = total.baseline();
        assert!(trials > 60.0, "{trials}");
        let bound = guessing + 4.0 * (guessing * (1.0 - guessing) / trials).sqrt();
        assert!(success < bound, "{}: {success}, at most {bound}", adversary.name());
    }
}

/// One mailbox with digests; clients without cover.
pub(super) fn one_mailbox() -> Scenario {
    let open = classical(Mixing::Poisson { delay_ms_mean: 200.0 }, 1000.0);
    Scenario {
        network: Network { layers: 3, delivery: Delivery::Mailbox, ..open.network },
        mailboxes: Mailboxes { count: 1, replicas: 1, notice: Notice::Digest { interval_s: 10.0 } },
        ..open
    }
}

#[test]
fn a_corrupt_mailbox_names_pairs_without_cover() {
    let open = one_mailbox();
    for adversary in NEED_BOXES.map(|name| by_name(name).unwrap()) {
        let score = score(&open, adversary.as_ref(), 1);
        let contacts = &score.kinds[&Kind::Contact];
        println!(
            "open: {}: success {:.3} (decoys {:.3})",
            adversary.name(),
            contacts.success(),
            contacts.decoy_success()
        );
        assert!(contacts.success() > 0.8, "{}: {}", adversary.name(), contacts.success());
        assert!(contacts.decoy_success() < 0.25, "{}: {}", adversary.name(), contacts.decoy_success());
    }
}
