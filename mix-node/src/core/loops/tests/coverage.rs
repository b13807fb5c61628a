//! Whether the intervals hold what they promise.

use std::collections::BTreeMap;

use super::super::tomography::{Loss, Observations};
use super::*;

type LossOf = fn(&Link) -> f64;

/// Runs of each case.
const RUNS: u64 = 30;

/// Estimates of all links from so many loops.
fn estimates(network: &mut Network, loops: usize, loss: impl Fn(&Link) -> f64) -> BTreeMap<Link, Loss> {
    let outcomes: Vec<(Vec<Link>, bool)> = (0..loops)
        .map(|_| {
            let route = network.route();
            let lost = network.happens(&route, &loss);
            (route.links().collect(), lost)
        })
        .collect();
    Observations::new(outcomes).losses().into_iter().map(|(link, loss)| (*link, loss)).collect()
}

fn mixed(link: &Link) -> f64 {
    let bad_link = (node(1, 0), node(2, 1));
    let bad_node = node(3, 1);
    match link {
        link if *link == bad_link => 0.3,
        (from, _) if *from == bad_node => 0.1,
        _ => 0.01,
    }
}

#[test]
fn intervals_cover_the_true_loss_in_95_percent_of_runs() {
    let losses: [(&str, LossOf); 3] =
        [("1 % everywhere", |_| 0.01), ("5 % everywhere", |_| 0.05), ("one bad link, one bad node", mixed)];
    for (name, loss) in losses {
        for loops in [60, 300] {
            let (mut covered, mut intervals, mut width) = (0.0, 0.0, 0.0);
            let mut missed: BTreeMap<Link, u32> = BTreeMap::new();
            for seed in 0..RUNS {
                let mut network = Network::new([2, 2, 2], seed);
                for (link, found) in estimates(&mut network, loops, loss) {
                    assert!(found.low <= found.estimate && found.estimate <= found.high, "{found:?}");
                    intervals += 1.0;
                    width += found.high - found.low;
                    if (found.low..=found.high).contains(&loss(&link)) {
                        covered += 1.0;
                    } else {
                        *missed.entry(link).or_default() += 1;
                    }
                }
            }
            let (share, width) = (covered / intervals, width / intervals);
            println!("{name}, {loops} loops: {share:.3} of intervals cover, mean width {width:.3}");
            assert!(share >= 0.95, "{name}, {loops} loops: {share}");
            // For each link alone: of 30 intervals that cover with 95 %, more than 5 miss in 1 of 300 cases.
            assert!(missed.values().all(|misses| *misses <= 5), "{name}, {loops} loops: {missed:?}");
        }
    }
}

#[test]
fn a_bad_link_is_told_from_its_neighbours() {
    let mut network = Network::new([3, 3, 3], 7);
    let bad = (node(1, 1), node(2, 2));
    let found = estimates(&mut network, 1_000, |link| if *link == bad { 0.5 } else { 0.01 });
    let of_bad = found[&bad];
    assert!((0.35..0.65).contains(&of_bad.estimate), "{of_bad:?}");
    assert!(of_bad.low > 0.25, "{of_bad:?}");
    for (link, other) in found.iter().filter(|(link, _)| **link != bad) {
        assert!(other.estimate < 0.1 && other.low < 0.02, "{link:?}: {other:?}");
    }
}

#[test]
fn what_loops_cannot_tell_apart_lies_in_both_intervals() {
    let mut network = Network::new([2, 2, 2], 8);
    // The first link loses half. So would a node behind it that drops half: the links out of it.
    let found =
        estimates(&mut network, 600, |(from, to)| if (*from, *to) == (OWN, node(1, 0)) { 0.5 } else { 0.0 });
    let first = found[&(OWN, node(1, 0))];
    let behind = found[&(node(1, 0), node(2, 0))];
    assert!(first.low < 0.01 && first.high > 0.5, "{first:?}");
    assert!(behind.low < 0.01 && behind.high > 0.4, "{behind:?}");
    assert!(found[&(OWN, node(1, 1))].high < 0.02, "{found:?}");
}

#[test]
fn without_losses_the_interval_ends_where_clopper_and_pearsons_does() {
    let route = [1, 2, 3];
    let observations = Observations::new((0..100).map(|_| (route, false)));
    let loss = observations.losses()[&1];
    // 1 - 0.025^(1/100), to the accuracy of the halvings.
    assert!((loss.high - 0.036_217).abs() < 3e-4, "{loss:?}");
    assert_eq!((loss.estimate, loss.low), (0.0, 0.0));
}

#[test]
fn a_single_proportion_has_its_maximum_and_interval() {
    let observations = Observations::new((0..200).map(|index| ([1], index % 4 == 0)));
    let loss = observations.losses()[&1];
    assert!((loss.estimate - 0.25).abs() < 1e-3, "{loss:?}");
    // The roots of 200 * KL(1/4 || p) = ln 40.
    let kl = |p: f64| 0.25 * (0.25 / p).ln() + 0.75 * (0.75 / (1.0 - p)).ln();
    for end in [loss.low, loss.high] {
        assert!((200.0 * kl(end) - 40f64.ln()).abs() < 0.05, "{loss:?}");
    }
}

#[test]
fn where_the_work_ends_the_interval_is_wider_and_not_another() {
    let mut network = Network::new([3, 3, 3], 9);
    let outcomes: Vec<(Vec<Link>, bool)> = (0..400)
        .map(|_| {
            let route = network.route();
            let lost = network.happens(&route, mixed);
            (route.links().collect(), lost)
        })
        .collect();
    let observations = Observations::new(outcomes);
    let full = observations.losses();
    // For no interval of a link that lost any.
    let estimated_only = observations.losses_within(0);
    let mut wider = 0;
    for (link, loss) in &full {
        let without = estimated_only[link];
        assert!(without.low <= loss.low && loss.high <= without.high + 1e-3, "{loss:?} {without:?}");
        wider += u32::from(without.high > loss.high + 0.01);
    }
    assert!(wider > 5, "{wider} intervals became wider");
}

#[test]
fn as_many_losses_as_the_window_holds_are_estimated() {
    // All routes differ, and half of the loops are lost: no longer sum of visits occurs.
    let loops = (0..1_024u32).map(|index| ([index, 2_000 + index / 2, 4_000 + index / 3], index % 2 == 0));
    let observations = Observations::new(loops);
    let losses = observations.losses();
    assert_eq!(losses.len(), 1_024 + 512 + 342);
    for (element, loss) in losses {
        assert!(loss.low <= loss.estimate && loss.estimate <= loss.high, "{element}: {loss:?}");
    }
}
