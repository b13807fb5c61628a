//! What the loops say about one link or node, of one kind of harm.

use super::evidence::{CHANCE_PER_LOOP, Evidence, onset_score};
use super::limits::CHANCE_PER_LINK;

/// Loops, and those of them that were bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) loops: u64,
    pub(crate) bad: u64,
}

impl Tally {
    fn count(&mut self, bad: bool) {
        self.loops += 1;
        self.bad += u64::from(bad);
    }
}

/// The tests of one suspect.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Suspicion {
    beyond_chance: Evidence,
    beyond_others: Evidence,
    /// Of the loops that avoid the suspect: what they show, it cannot have done.
    without_it: Evidence,
    /// A sum that is zero when the harm, if any, has not begun (Page, "Continuous inspection schemes",
    /// Biometrika 41, 1954).
    onset: f64,
    /// Since the harm began: loops over the suspect, and others.
    here: Tally,
    elsewhere: Tally,
    /// Keeps the tallies while an alarm stands.
    pub(crate) standing: bool,
}

impl Suspicion {
    /// Takes a loop that had the suspect on its route with `probability`, and did (`member`) or not.
    pub(crate) fn observe(&mut self, probability: f64, member: bool, bad: bool) {
        let has_others = probability < 1.0;
        if has_others {
            self.beyond_others.weigh_against_others(probability, member, bad);
        }
        if member {
            self.beyond_chance.weigh_against_chance(bad);
            self.onset = (self.onset + onset_score(bad)).max(0.0);
            if self.onset > 0.0 || self.standing {
                self.here.count(bad);
            } else {
                (self.here, self.elsewhere) = Default::default();
            }
        } else {
            self.without_it.weigh_against_chance(bad);
            if self.here.loops > 0 {
                self.elsewhere.count(bad);
            }
        }
    }

    /// The evidence that loops over the suspect fare worse than chance does them, and worse than
    /// others: the smaller of the two, as either could be wrong alone. A suspect that every loop meets
    /// cannot be told from anything, and has none.
    pub(crate) fn evidence(&self) -> f64 {
        self.beyond_chance.value().min(self.beyond_others.value())
    }

    /// The evidence that loops fare worse than chance does them without the suspect's part.
    pub(crate) fn evidence_without_it(&self) -> f64 {
        self.without_it.value()
    }

    /// The evidence that loops over the suspect fare worse than chance does them.
    pub(crate) fn evidence_beyond_chance(&self) -> f64 {
        self.beyond_chance.value()
    }

    /// Loops over the suspect since the harm began.
    pub(crate) const fn here(&self) -> Tally {
        self.here
    }

    /// Other loops since then.
    pub(crate) const fn elsewhere(&self) -> Tally {
        self.elsewhere
    }

    /// The share of loops over the suspect that the harm takes, at least so much that it can be told
    /// from chance and at most so much that a few can return.
    pub(crate) fn share(&self) -> f64 {
        let chance = CHANCE_PER_LOOP;
        let share = if self.here.loops == 0 { 0.0 } else { ratio(self.here) };
        share.clamp(chance + 10.0 * CHANCE_PER_LINK, 0.95)
    }
}

/// The share of bad loops, zero if there were none at all.
#[expect(clippy::cast_precision_loss, reason = "counts of loops are far below 2^53")]
pub(crate) fn ratio(tally: Tally) -> f64 {
    if tally.loops == 0 { 0.0 } else { tally.bad as f64 / tally.loops as f64 }
}
