//! How often chance alone raises an alarm: less often than calculated.

use super::super::detector::Detector;
use super::super::evidence::{CHANCE_PER_LOOP, Evidence};
use super::super::limits::{CHANCE_PER_LINK, LOOP_LINKS_MAX, TESTS_PER_LOOP};
use super::super::suspect::Suspect;
use super::*;

/// Alarms in so many loops, each of whose links loses with the given probability.
fn alarms(mut detector: Detector, sizes: [u8; 3], loops: u64, loss: impl Fn(u64) -> f64) -> u64 {
    let mut network = Network::new(sizes, 1);
    for index in 0..loops {
        let route = network.route();
        let bad = network.happens(&route, |_| loss(index));
        let Network { now, chances, .. } = &network;
        detector.observe(*now, &route, chances, bad);
    }
    detector.raised()
}

/// The mean number of loops that count, as `take` says, until the evidence reaches the threshold.
fn run_length_mean(threshold: f64, take: impl Fn(&mut Evidence, &mut ChaCha8Rng) -> bool) -> f64 {
    let runs = 400;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut loops = 0u32;
    for _ in 0..runs {
        let mut evidence = Evidence::default();
        while evidence.value() < threshold {
            loops += u32::from(take(&mut evidence, &mut rng));
        }
    }
    f64::from(loops) / f64::from(runs)
}

#[test]
fn chance_takes_as_many_trials_to_the_threshold_as_the_threshold_is_high() {
    let threshold = 200.0;
    let chance = run_length_mean(threshold, |evidence, rng| {
        evidence.weigh_against_chance(rng.random::<f64>() < CHANCE_PER_LOOP);
        true
    });
    // Counted are the loops over the suspect, a quarter of all.
    let others = run_length_mean(threshold, |evidence, rng| {
        let member = rng.random::<f64>() < 0.25;
        evidence.weigh_against_others(0.25, member, rng.random::<f64>() < CHANCE_PER_LOOP);
        member
    });
    println!("threshold {threshold}: {chance:.0} trials against chance, {others:.0} against others");
    for mean in [chance, others] {
        assert!((threshold..10.0 * threshold).contains(&mean), "{mean}");
    }
}

#[test]
fn false_alarms_are_rarer_than_calculated() {
    // The threshold for one false alarm in 500 loops by all tests; those of one kind are half of them.
    let loops = 60_000;
    let calculated = loops / 500 / 2;
    let raised =
        alarms(Detector::with_threshold(500.0 * TESTS_PER_LOOP), [2, 2, 2], loops, |_| CHANCE_PER_LINK);
    println!("{raised} false alarms in {loops} loops, {calculated} calculated at most");
    assert!((1..=calculated).contains(&raised), "{raised}");
}

#[test]
fn chance_raises_no_alarm_in_weeks() {
    for sizes in [[2, 2, 2], [1, 3, 4]] {
        // 100,000 loops are 11 days and a half at the default rate.
        assert_eq!(alarms(Detector::new(), sizes, 100_000, |_| CHANCE_PER_LINK), 0, "{sizes:?}");
    }
}

#[test]
fn a_network_that_loses_more_everywhere_blames_no_node_and_no_link() {
    let mut network = Network::new([2, 3, 2], 2);
    let mut detector = Detector::new();
    for index in 0..6_000u32 {
        let route = network.route();
        // Quiet, then an hour in which every link loses a tenth, then quiet again.
        let loss = if (1_000..1_360).contains(&index) { 0.1 } else { CHANCE_PER_LINK };
        let bad = network.happens(&route, |_| loss);
        let Network { now, chances, .. } = &network;
        detector.observe(*now, &route, chances, bad);
        let blamed = detector.standing().any(|(suspect, ..)| *suspect != Suspect::Everywhere);
        assert!(!blamed, "{:?}", detector.standing().collect::<Vec<_>>());
    }
    assert_eq!((detector.raised(), detector.standing().count()), (1, 0), "raised once and cleared");
}

#[test]
fn many_links_are_forgotten_and_the_tests_stay_within_their_bounds() {
    let mut network = Network::new([120, 120, 120], 3);
    let mut detector = Detector::new();
    for _ in 0..700 {
        let route = network.route();
        let Network { now, chances, .. } = &network;
        detector.observe(*now, &route, chances, false);
    }
    let cases = detector.cases();
    assert_eq!(cases, 1 + 360 + LOOP_LINKS_MAX, "everywhere, nodes, links");
    assert_eq!(detector.raised(), 0);
}
