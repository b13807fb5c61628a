//! What the tests of adversaries share.

use super::Adversary;
use crate::experiment::AttackPlan;
use crate::party::Party;
use crate::random::Seed;
use crate::scoreboard::{Score, Tally, ask};
use crate::toy::Played;

/// The score of an adversary that is asked about 200 targets with ten candidates.
pub(super) fn scored(played: &Played, adversary: &dyn Adversary, corrupt: &[Party]) -> Score {
    let plan = AttackPlan { name: adversary.name().into(), targets: 200, candidates: 10 };
    ask(&played.recording, &played.layout, &played.scenario, corrupt, adversary, &plan, Seed::new(11))
}

/// Requires that decoys are guessed: within six standard deviations.
pub(super) fn guesses(tally: &Tally) {
    let p = tally.baseline();
    let deviation = (p * (1.0 - p) / f64::from(tally.decoy_trials)).sqrt();
    assert!(tally.decoy_trials > 10);
    assert!((tally.decoy_success() - p).abs() < 6.0 * deviation, "{} of {p}", tally.decoy_success());
}
