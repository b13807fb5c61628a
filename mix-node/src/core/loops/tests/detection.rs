//! After how many loops harm is noticed, and whom it is blamed on.

use super::super::detector::Detector;
use super::super::limits::CHANCE_PER_LINK;
use super::super::suspect::Suspect;
use super::*;

/// Loops before harm begins.
const QUIET: usize = 300;
const RUNS: u64 = 20;

/// What a run of harm to loops over `culprit` showed.
struct Run {
    /// Loops from its beginning until the culprit was under alarm; `None` if it never was.
    detected: Option<usize>,
    /// Loops from its end until no alarm stood.
    cleared: Option<usize>,
    /// Whether somebody else was under alarm when all had been seen.
    others: bool,
}

fn run(sizes: [u8; 3], culprit: Suspect, share: f64, loops: usize, seed: u64) -> Run {
    let mut network = Network::new(sizes, seed);
    let mut detector = Detector::new();
    let mut run = Run { detected: None, cleared: None, others: false };
    for index in 0..QUIET + loops + 4_000 {
        let route = network.route();
        let by_chance = network.happens(&route, |_| CHANCE_PER_LINK);
        let harm = (QUIET..QUIET + loops).contains(&index) && culprit.is_on(&route);
        let bad = by_chance || (network.rng.random::<f64>() < share && harm);
        let Network { now, chances, .. } = &network;
        detector.observe(*now, &route, chances, bad);
        let blamed = |suspect| detector.standing().any(|(other, ..)| *other == suspect);
        if run.detected.is_none() && blamed(culprit) {
            run.detected = Some(index + 1 - QUIET);
        }
        if index + 1 == QUIET + loops {
            run.others = detector.standing().any(|(other, ..)| *other != culprit);
        }
        if index >= QUIET + loops && detector.standing().count() == 0 {
            run.cleared = Some(index + 1 - QUIET - loops);
            break;
        }
    }
    run
}

/// Runs the harm with many seeds, prints the detection times, and requires them to be at most `within`
/// loops in 95 % of the runs.
fn detects(sizes: [u8; 3], culprit: Suspect, share: f64, within: usize) {
    let runs: Vec<Run> = (0..RUNS).map(|seed| run(sizes, culprit, share, 2 * within, seed)).collect();
    let mut detected: Vec<usize> = runs.iter().filter_map(|run| run.detected).collect();
    let mut cleared: Vec<usize> = runs.iter().filter_map(|run| run.cleared).collect();
    detected.sort_unstable();
    cleared.sort_unstable();
    assert_eq!(detected.len(), runs.len(), "{culprit:?} at {share}: not always detected: {detected:?}");
    assert_eq!(cleared.len(), runs.len(), "{culprit:?} at {share}: not always cleared");
    let at = |sorted: &[usize], percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
    let minutes = |loops: usize| (loops as u64 * LOOP_INTERVAL.as_secs() + 30) / 60;
    println!(
        "{sizes:?} {culprit:?} takes {share}: detected after {} loops ({} min) in half of the runs, {} ({} min) in \
         95 %; cleared after {} ({} min) in 95 %",
        at(&detected, 50),
        minutes(at(&detected, 50)),
        at(&detected, 95),
        minutes(at(&detected, 95)),
        at(&cleared, 95),
        minutes(at(&cleared, 95)),
    );
    assert!(at(&detected, 95) <= within, "{culprit:?} at {share}: {detected:?}");
    let others = runs.iter().filter(|run| run.others).count();
    assert!(others * 20 <= runs.len(), "{culprit:?} at {share}: somebody else was blamed in {others} runs");
}

#[test]
fn a_node_that_takes_everything() {
    detects([2, 2, 2], Suspect::Node(node(2, 1)), 1.0, 60);
    detects([2, 2, 2], Suspect::Node(node(1, 0)), 1.0, 60);
    detects([8, 8, 8], Suspect::Node(node(2, 1)), 1.0, 160);
}

#[test]
fn a_node_that_takes_a_fifth() {
    detects([2, 2, 2], Suspect::Node(node(3, 1)), 0.2, 1_000);
}

#[test]
fn a_link_that_takes_everything() {
    detects([2, 2, 2], Suspect::Link((node(1, 0), node(2, 1))), 1.0, 90);
}

#[test]
fn a_link_that_takes_a_fifth() {
    detects([2, 2, 2], Suspect::Link((node(2, 0), node(3, 1))), 0.2, 1_500);
}

#[test]
fn everything_lost_everywhere() {
    detects([2, 2, 2], Suspect::Everywhere, 1.0, 40);
    detects([1, 1, 1], Suspect::Everywhere, 1.0, 20);
}
