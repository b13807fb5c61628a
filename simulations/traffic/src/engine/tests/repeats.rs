//! The same run twice, on one thread or eight, and variants that share their luck.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::*;
use crate::scenario::ClientClass;

#[test]
fn the_same_seed_gives_the_same_run_on_one_thread_or_eight() {
    let variants = variants();
    let runs: Vec<(usize, u64)> = (0..variants.len()).flat_map(|index| [(index, 7), (index, 8)]).collect();
    let digest = |(index, seed): &(usize, u64)| {
        let recorded = record(&variants[*index], Seed::new(*seed), None).unwrap();
        format!("{:?} {:?}", recorded.recording, recorded.totals)
    };
    let on = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| runs.par_iter().map(digest).collect::<Vec<_>>())
    };
    let (one, eight) = (on(1), on(8));
    assert!(one == eight);
    assert!(one.chunks(2).all(|seeds| seeds[0] != seeds[1]), "another seed gives another run");
}

/// By packets, told apart by client, kind and number: when they were sent by each party on their way.
type Journeys = BTreeMap<(Party, u8, usize), Vec<(Party, SimTime)>>;

fn journeys(scenario: &Scenario, seed: u64) -> Journeys {
    let (log, _) = log(scenario, seed);
    let mut names = BTreeMap::new();
    let mut counts = BTreeMap::<_, usize>::new();
    let mut journeys = Journeys::new();
    for (sighting, fact) in &log.sent {
        let name = *names.entry(fact.packet).or_insert_with(|| {
            let count = counts.entry((sighting.from, fact.kind as u8)).or_default();
            *count += 1;
            (sighting.from, fact.kind as u8, *count)
        });
        journeys.entry(name).or_default().push((sighting.from, sighting.at));
    }
    journeys
}

#[test]
fn cover_of_one_client_leaves_everybody_elses_luck_alone() {
    let mut scenario = drops(3, 100.0);
    scenario.duration_s = 30.0;
    scenario.latency = Latency::Uniform { ms_min: 5.0, ms_max: 80.0 };
    scenario.clients.push(ClientClass { count: 1, ..scenario.clients[0].clone() });
    let before = journeys(&scenario, 1);
    scenario.clients[1].loop_interval_ms_mean = 100.0;
    scenario.clients[1].payload_interval_ms_mean = 500.0;
    let mut after = journeys(&scenario, 1);
    assert!(after.len() > before.len() + 200);
    after.retain(|name, _| before.contains_key(name));
    // On links that both use, packets of one client do not meet those of another before the first mix; behind it a draw
    // that would overtake waits. So routes are the same, and nearly all times.
    assert_eq!(before.len(), after.len());
    let mut same = 0;
    for (name, journey) in &before {
        let other = &after[name];
        if name.0 != Party(20) {
            assert_eq!(journey[0], other[0], "{name:?}");
        }
        same += usize::from(journey == other);
    }
    assert!(same * 10 > before.len() * 7, "{same} of {}", before.len());
}

#[test]
fn one_more_client_and_more_cover_change_no_route_and_no_delay() {
    let mut scenario = drops(3, 100.0);
    scenario.duration_s = 30.0;
    let before = journeys(&scenario, 1);
    scenario.clients.push(ClientClass {
        count: 1,
        loop_interval_ms_mean: 50.0,
        ..scenario.clients[0].clone()
    });
    let after = journeys(&scenario, 1);
    // Nodes have other numbers when there is one client more.
    let shifted = |party: Party| if party.0 < 20 { party } else { Party(party.0 + 1) };
    for ((maker, kind, number), journey) in &before {
        let journey: Vec<_> = journey.iter().map(|(party, at)| (shifted(*party), *at)).collect();
        assert_eq!(after[&(*maker, *kind, *number)], journey);
    }
    assert!(after.len() > before.len() + 500);
}

#[test]
fn delays_scale_with_their_mean_and_nothing_else_changes() {
    let journeys_of = |delay| journeys(&drops(3, delay), 1);
    let (one, three) = (journeys_of(100.0), journeys_of(300.0));
    let mut hops = 0;
    for (name, slow) in &three {
        let fast = &one[name];
        assert_eq!(slow[0], fast[0]);
        for (slow, fast) in slow.windows(2).zip(fast.windows(2)) {
            assert_eq!((slow[0].0, slow[1].0), (fast[0].0, fast[1].0));
            let held = |pair: &[(Party, SimTime)]| pair[1].1.since(pair[0].1).as_nanos() as f64 - 20e6;
            assert!((held(slow) - 3.0 * held(fast)).abs() < 5.0, "{name:?}");
            hops += 1;
        }
    }
    assert!(hops > 100_000);
}
