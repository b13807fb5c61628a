//! Batches, rounds and pools as an observer of the whole network sees them.

use std::collections::BTreeMap;

use super::*;

/// For each mix, what happens in order of time: packets that came, and packets that left at once.
fn flows(scenario: &Scenario, seed: u64) -> BTreeMap<Party, Vec<(SimTime, i64)>> {
    let (log, _) = log(scenario, seed);
    let layout = scenario.layout();
    let mut flows: BTreeMap<Party, BTreeMap<(SimTime, bool), i64>> = BTreeMap::new();
    for (sighting, _) in log.arrived.iter().filter(|(sighting, _)| layout.is_mix(sighting.to)) {
        *flows.entry(sighting.to).or_default().entry((sighting.at, false)).or_default() += 1;
    }
    for (sighting, _) in log.sent.iter().filter(|(sighting, _)| layout.is_mix(sighting.from)) {
        *flows.entry(sighting.from).or_default().entry((sighting.at, true)).or_default() -= 1;
    }
    flows
        .into_iter()
        .map(|(mix, flow)| (mix, flow.into_iter().map(|((at, _), count)| (at, count)).collect()))
        .collect()
}

fn with(mixing: Mixing) -> Scenario {
    let mut scenario = drops(2, 0.0);
    scenario.mixing = mixing;
    scenario.duration_s = 50.0;
    scenario.latency = Latency::Uniform { ms_min: 5.0, ms_max: 80.0 };
    scenario
}

#[test]
fn a_threshold_mix_sends_batches_of_exactly_so_many_when_the_last_comes() {
    let flows = flows(&with(Mixing::Threshold { packets: 7 }), 1);
    assert_eq!(flows.len(), 4);
    for flow in flows.values() {
        let mut held = 0;
        let mut batches = 0;
        for (_, count) in flow {
            if *count < 0 {
                assert_eq!(count % 7, 0);
                batches += 1;
            }
            held += count;
            // Two packets can come at the same instant, when one had to wait for the other on the link.
            assert!(*count > 0 || (0..7).contains(&held), "{held} stay");
        }
        assert!(batches > 500);
    }
}

#[test]
fn a_pool_keeps_what_it_must_and_rounds_are_an_interval_apart() {
    for (keep, tenths) in [(5_u32, 6), (8, 10), (0, 10)] {
        let mixing = Mixing::Pool { interval_ms: 200.0, keep, fraction: f64::from(tenths) / 10.0 };
        for flow in flows(&with(mixing), 2).values() {
            let (mut held, mut rounds, mut phase) = (0_i64, 0, None);
            for (at, count) in flow {
                if *count < 0 {
                    let expected = (held - i64::from(keep)) * i64::from(tenths) / 10;
                    assert_eq!(-count, expected, "of {held}");
                    let in_interval = at.as_nanos() % 200_000_000;
                    assert_eq!(*phase.get_or_insert(in_interval), in_interval);
                    rounds += 1;
                }
                held += count;
            }
            assert!(rounds > 200 && held >= i64::from(keep));
        }
    }
}

#[test]
fn a_timed_mix_sends_all_that_it_holds() {
    for flow in flows(&with(Mixing::Timed { interval_ms: 300.0 }), 3).values() {
        let mut held = 0;
        for (_, count) in flow {
            held += count;
            assert!(*count > 0 || held == 0);
        }
    }
}

#[test]
fn mix_loops_come_back_and_every_link_carries_dummies_at_its_rate() {
    let mut scenario = drops(3, 50.0);
    scenario.network.entries = 2;
    scenario.network.link_dummy_interval_ms_mean = 100.0;
    scenario.network.mix_loop_interval_ms_mean = 200.0;
    let layout = scenario.layout();
    let (log, _) = log(&scenario, 4);
    let mut dummies = BTreeMap::<_, u32>::new();
    let mut loops = BTreeMap::<u64, Vec<Party>>::new();
    for (sighting, fact) in &log.sent {
        match fact.kind {
            PacketKind::LinkDummy => *dummies.entry((sighting.from, sighting.to)).or_default() += 1,
            PacketKind::MixLoop => loops.entry(fact.packet).or_default().push(sighting.from),
            _ => {}
        }
    }
    // Entries to first mixes, two layers of links, last mixes to mailboxes and entries, mailboxes to first mixes.
    assert_eq!(dummies.len(), 4 + 4 + 4 + 4 + 4 + 4);
    // 210 s at 10 a second: six standard deviations are 275.
    assert!(dummies.values().all(|count| count.abs_diff(2100) < 275), "{dummies:?}");
    let mut ends = BTreeMap::new();
    for (sighting, fact) in log.arrived.iter().filter(|(_, fact)| fact.kind == PacketKind::MixLoop) {
        ends.insert(fact.packet, sighting.to);
    }
    let mut makers = BTreeMap::<_, u32>::new();
    for (packet, passed) in loops.iter().filter(|(_, passed)| passed.len() == 4) {
        *makers.entry(passed[0]).or_default() += 1;
        assert!(ends[packet] == passed[0] || layout.is_mix(ends[packet]));
    }
    let back = loops.iter().filter(|(packet, passed)| ends.get(packet) == Some(&passed[0])).count();
    assert!(back > loops.len() * 99 / 100, "all but those still under way come back");
    // 210 s at 5 a second: six standard deviations are 195.
    assert_eq!(makers.len(), 8);
    assert!(makers.values().all(|count| count.abs_diff(1050) < 195), "{makers:?}");
}
