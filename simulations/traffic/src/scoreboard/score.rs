//! What an adversary's answers are worth.

use std::collections::BTreeMap;

use super::calibration::Reliability;
use super::interval::clopper_pearson;
use crate::adversary::{Answer, Kind};
use crate::metrics::success::among_first;
use crate::results::Measures;

/// The share of runs in which an interval holds what it says.
const CONFIDENCE: f64 = 0.95;

/// Answers to questions of one kind, counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Questions about targets.
    pub trials: u32,
    /// Right answers; of k candidates with the same largest weight each counts 1/k.
    pub hits: f64,
    /// The sum of 1/candidates.
    guesses: f64,
    /// Questions about decoys.
    pub decoy_trials: u32,
    /// Answers that name the candidate that was declared right.
    pub decoy_hits: f64,
    /// Answers with the right candidate among the ten first.
    top10: f64,
    /// The sum of the right candidates' ranks, from 1.
    ranks: f64,
    /// The sum of squared differences of weights and truth.
    squares: f64,
    /// How weights and truth agree.
    reliability: Reliability,
}

impl Tally {
    /// Counts an answer about a target whose right candidate is this one.
    pub fn target(&mut self, answer: &Answer, right: usize) {
        let Some(place) = Place::of(answer, right) else { return };
        self.trials += 1;
        self.hits += among_first(answer.weights(), right, 1);
        self.top10 += among_first(answer.weights(), right, 10);
        self.ranks += place.before + f64::midpoint(place.tied, 1.0);
        self.guesses += 1.0 / place.candidates;
        let uniform = 1.0 / place.candidates;
        let silent = answer.weights().iter().all(|weight| *weight == 0.0);
        for (index, weight) in answer.weights().iter().enumerate() {
            let weight = if silent { uniform } else { *weight };
            let truth = if index == right { 1.0 } else { 0.0 };
            self.squares += (weight - truth) * (weight - truth);
            self.reliability.add(weight, truth);
        }
    }

    /// Counts an answer about a decoy for which this candidate was declared right.
    pub fn decoy(&mut self, answer: &Answer, declared: usize) {
        if declared >= answer.weights().len() {
            return;
        }
        self.decoy_trials += 1;
        self.decoy_hits += among_first(answer.weights(), declared, 1);
    }

    /// Adds another's counts.
    pub fn absorb(&mut self, other: &Self) {
        self.trials += other.trials;
        self.hits += other.hits;
        self.guesses += other.guesses;
        self.decoy_trials += other.decoy_trials;
        self.decoy_hits += other.decoy_hits;
        self.top10 += other.top10;
        self.ranks += other.ranks;
        self.squares += other.squares;
        self.reliability.absorb(&other.reliability);
    }

    /// The share of right answers; not a number without trials, as are the following.
    #[must_use]
    pub fn success(&self) -> f64 {
        self.hits / f64::from(self.trials)
    }

    /// What guessing reaches: the mean of 1/candidates.
    #[must_use]
    pub fn baseline(&self) -> f64 {
        self.guesses / f64::from(self.trials)
    }

    /// The share of answers about decoys that name what was declared right; the baseline if there are none.
    #[must_use]
    pub fn decoy_success(&self) -> f64 {
        if self.decoy_trials == 0 {
            return self.baseline();
        }
        self.decoy_hits / f64::from(self.decoy_trials)
    }

    /// The interval of Clopper and Pearson (1934) of the success, at 95 %.
    #[must_use]
    pub fn success_interval(&self) -> (f64, f64) {
        clopper_pearson(self.hits, self.trials, CONFIDENCE)
    }

    /// (success - reference) / (1 - baseline), from -1 to 1: 0 is guessing, 1 is knowing. The reference is the baseline, or the
    /// success on decoys where its interval of 95 % lies above the baseline: the larger of both would grow with the noise of few
    /// decoys, and hide an advantage that is there.
    #[must_use]
    pub fn advantage(&self) -> f64 {
        let reference = if self.decoys_tell() { self.decoy_success() } else { self.baseline() };
        self.scaled(self.success(), reference)
    }

    /// The advantage at both ends of [`Self::success_interval`], each against the farther end of the decoys' interval where
    /// they count.
    #[must_use]
    pub fn advantage_interval(&self) -> (f64, f64) {
        let (low, high) = self.success_interval();
        let baseline = self.baseline();
        let (least, most) = if self.decoys_tell() { self.decoy_interval() } else { (baseline, baseline) };
        (self.scaled(low, most), self.scaled(high, least))
    }

    /// Whether decoys are named more often than guessing explains.
    fn decoys_tell(&self) -> bool {
        self.decoy_interval().0 > self.baseline()
    }

    fn decoy_interval(&self) -> (f64, f64) {
        clopper_pearson(self.decoy_hits, self.decoy_trials, CONFIDENCE)
    }

    fn scaled(&self, success: f64, reference: f64) -> f64 {
        let baseline = self.baseline();
        // With one candidate each there is nothing to find out.
        if baseline >= 1.0 {
            return 0.0;
        }
        ((success - reference) / (1.0 - baseline)).clamp(-1.0, 1.0)
    }

    /// The share of answers with the right candidate among the ten first.
    #[must_use]
    pub fn top10(&self) -> f64 {
        self.top10 / f64::from(self.trials)
    }

    /// The mean rank of the right candidate, from 1; of ties the mean of their ranks.
    #[must_use]
    pub fn rank_mean(&self) -> f64 {
        self.ranks / f64::from(self.trials)
    }

    /// The mean over questions of the squared differences of weights and truth (Brier 1950): 0 is knowing.
    #[must_use]
    pub fn brier(&self) -> f64 {
        self.squares / f64::from(self.trials)
    }

    /// The mean squared difference of weights and frequencies in ten bins of weights (the reliability of Murphy 1973): 0 is an
    /// adversary that knows how much it knows.
    #[must_use]
    pub fn calibration(&self) -> f64 {
        self.reliability.mean_squared_difference()
    }
}

/// Where a candidate stands among the weights.
struct Place {
    candidates: f64,
    /// How many have more weight.
    before: f64,
    /// How many have the same, itself included.
    tied: f64,
}

impl Place {
    #[expect(clippy::cast_precision_loss, reason = "candidates are fewer than 2^52")]
    fn of(answer: &Answer, candidate: usize) -> Option<Self> {
        let weights = answer.weights();
        let weight = *weights.get(candidate)?;
        Some(Self {
            candidates: weights.len() as f64,
            before: weights.iter().filter(|other| **other > weight).count() as f64,
            tied: weights.iter().filter(|other| **other == weight).count() as f64,
        })
    }
}

/// What one adversary reached in one run, or in many together.
#[derive(Clone, Debug)]
pub struct Score {
    /// The adversary's name.
    pub adversary: String,
    /// By the kind of question.
    pub kinds: BTreeMap<Kind, Tally>,
}

impl Score {
    /// All kinds of questions together.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.kinds.values() {
            total.absorb(tally);
        }
        total
    }

    /// The advantage in the kind of question in which it is largest; `None` if nothing could be asked. Questions of
    /// [`Kind::Order`] are left out: to know the order of two packets is to know nothing about people.
    #[must_use]
    pub fn worst_advantage(&self) -> Option<f64> {
        let about_people = self.kinds.iter().filter(|(kind, _)| **kind != Kind::Order);
        let advantages = about_people.map(|(_, tally)| tally.advantage());
        advantages.filter(|advantage| advantage.is_finite()).reduce(f64::max)
    }

    /// Adds the same adversary's score of another run.
    pub fn absorb(&mut self, other: &Self) {
        for (kind, tally) in &other.kinds {
            self.kinds.entry(*kind).or_default().absorb(tally);
        }
    }

    /// The measures `attack.NAME.*` and `attack.NAME.KIND.*`, as [`results`](crate::results) names them.
    pub fn note(&self, measures: &mut Measures) {
        let total = self.total();
        let (low, high) = total.success_interval();
        let name = |measure: &str| format!("attack.{}.{measure}", self.adversary);
        measures.set(name("trials"), f64::from(total.trials));
        measures.set(name("hits"), total.hits);
        measures.set(name("success"), total.success());
        measures.set(name("success_low"), low);
        measures.set(name("success_high"), high);
        measures.set(name("baseline"), total.baseline());
        measures.set(name("advantage"), total.advantage());
        measures.set(name("decoy_hits"), total.decoy_hits);
        measures.set(name("decoy_success"), total.decoy_success());
        measures.set(name("top10"), total.top10());
        measures.set(name("rank_mean"), total.rank_mean());
        measures.set(name("brier"), total.brier());
        measures.set(name("calibration"), total.calibration());
        for (kind, tally) in &self.kinds {
            measures.set(name(&format!("{}.success", kind.label())), tally.success());
            measures.set(name(&format!("{}.baseline", kind.label())), tally.baseline());
            measures.set(name(&format!("{}.advantage", kind.label())), tally.advantage());
            measures.set(name(&format!("{}.decoy_success", kind.label())), tally.decoy_success());
        }
    }
}

/// The score with the largest [`Score::worst_advantage`], and that: what counts is the best adversary.
#[must_use]
pub fn worst(scores: &[Score]) -> Option<(&Score, f64)> {
    let asked = scores.iter().filter_map(|score| Some((score, score.worst_advantage()?)));
    asked.max_by(|(_, one), (_, other)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_shared() {
        let mut tally = Tally::default();
        tally.target(&Answer::from_weights(vec![0.4, 0.4, 0.2]), 1);
        tally.target(&Answer::nothing(3), 2);
        tally.target(&Answer::from_weights(vec![0.1, 0.2, 0.7]), 0);
        assert!((tally.hits - (0.5 + 1.0 / 3.0)).abs() < 1e-12);
        assert!((tally.rank_mean() - (1.5 + 2.0 + 3.0) / 3.0).abs() < 1e-12);
        assert!((tally.baseline() - 1.0 / 3.0).abs() < 1e-12);
        assert!((tally.top10() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_of_twenty_equal_candidates_are_the_first_ten_half_of_the_time() {
        let mut tally = Tally::default();
        tally.target(&Answer::nothing(20), 7);
        assert!((tally.top10() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_works_on_decoys_as_well_is_no_advantage() {
        let sure = Answer::from_weights(vec![1.0, 0.0, 0.0, 0.0]);
        let mut tally = Tally::default();
        (0..20).for_each(|_| tally.target(&sure, 0));
        assert!((tally.advantage() - 1.0).abs() < 1e-12);
        let alone = tally.advantage_interval();
        (0..20).for_each(|_| tally.decoy(&sure, 0));
        assert!(tally.advantage().abs() < 1e-12);
        let (low, high) = tally.advantage_interval();
        assert!(low < 0.0 && high > 0.0 && high < alone.0, "{low} {high}");
        (0..20).for_each(|_| tally.decoy(&sure, 1));
        assert!((tally.advantage() - (1.0 - 0.5) / 0.75).abs() < 1e-12);
    }

    #[test]
    fn few_decoys_do_not_hide_an_advantage_on_average() {
        // Right in 5 of 6 of the cases among 2, and guessing at decoys: the advantage is 2/3, whatever the number of trials.
        let mut draws = crate::random::Seed::new(1).draws(crate::random::Purpose::Adversary, 0);
        let (runs, trials) = (4000_u32, 6);
        let mut sum = 0.0;
        for _ in 0..runs {
            let mut tally = Tally::default();
            for _ in 0..trials {
                let first = Answer::from_weights(vec![1.0, 0.0]);
                tally.target(&first, usize::from(draws.below(6) == 0));
                tally.decoy(&first, usize::from(draws.below(2) == 0));
            }
            sum += tally.advantage();
        }
        let mean = sum / f64::from(runs);
        // One run deviates by 0.3, and 1 in 64 has six decoys of six.
        assert!((mean - 2.0 / 3.0).abs() < 0.035, "{mean}");
    }

    #[test]
    fn nothing_asked_is_no_advantage_and_the_order_of_packets_is_not_the_worst() {
        let mut score = Score { adversary: "a".into(), kinds: BTreeMap::new() };
        assert_eq!(score.worst_advantage(), None);
        score.kinds.entry(Kind::Exit).or_default();
        assert_eq!(score.worst_advantage(), None);
        let good = Answer::from_weights(vec![1.0, 0.0]);
        score.kinds.entry(Kind::Order).or_default().target(&good, 0);
        assert_eq!(score.worst_advantage(), None);
        assert!(worst(std::slice::from_ref(&score)).is_none());
        score.kinds.entry(Kind::Exit).or_default().target(&good, 1);
        assert_eq!(score.worst_advantage(), Some(-1.0));
    }

    #[test]
    fn one_candidate_is_no_success_to_be_proud_of() {
        let mut tally = Tally::default();
        tally.target(&Answer::from_weights(vec![1.0]), 0);
        assert_eq!(tally.advantage().to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn the_worst_is_found_in_any_kind_of_question() {
        let good = Answer::from_weights(vec![1.0, 0.0]);
        let mut mixed = Score { adversary: "mixed".into(), kinds: BTreeMap::new() };
        mixed.kinds.entry(Kind::Exit).or_default().target(&good, 0);
        mixed.kinds.entry(Kind::Sender).or_default().target(&good, 1);
        let mut half = Score { adversary: "half".into(), kinds: BTreeMap::new() };
        half.kinds.entry(Kind::Exit).or_default().target(&good, 0);
        half.kinds.entry(Kind::Exit).or_default().target(&Answer::nothing(2), 0);
        assert_eq!(worst(&[half, mixed]).unwrap().0.adversary, "mixed");
        assert!(worst(&[]).is_none());
    }

    #[test]
    fn measures_have_their_names_and_no_trial_is_no_measure() {
        let mut score = Score { adversary: "a".into(), kinds: BTreeMap::new() };
        let mut measures = Measures::default();
        score.note(&mut measures);
        assert_eq!(measures.get("attack.a.trials"), Some(0.0));
        assert_eq!(measures.get("attack.a.success"), None);
        score.kinds.entry(Kind::Order).or_default().target(&Answer::from_weights(vec![0.9, 0.1]), 0);
        score.note(&mut measures);
        assert_eq!(measures.get("attack.a.success"), Some(1.0));
        assert_eq!(measures.get("attack.a.order.advantage"), Some(1.0));
    }
}
