//! How strongly the loops speak against chance: the Shiryaev-Roberts statistic of Bernoulli trials.
//!
//! `R_n = R_(n-1) * L_n + 1`, where `L_n` is the likelihood ratio of the n-th loop between "something
//! takes a share `d` of the loops here" and "chance". Under chance no `L_n` has a mean above one, so
//! `R_n - n` is a supermartingale, and the mean number of loops until `R` first exceeds `A` is at least
//! `A`, however often one looks (Pollak, "Average run lengths of an optimal method of detecting a
//! change in distribution", Annals of Statistics 15(2), 1987; for ratios that need no exact model, the
//! e-detectors of Shin, Ramdas and Rinaldo, arXiv 2203.03532). The average over several `d` has the
//! same property.

use super::limits::{CHANCE_PER_LINK, LOOPS_PER_FALSE_ALARM, TESTS_PER_LOOP};

/// The shares of loops that somebody might take away, one alternative each: somewhat, many, nearly all.
const SHARES: [f64; 3] = [0.1, 0.3, 0.95];

/// The evidence at which an alarm is raised, `A`: with twelve statistics to which each loop adds at
/// most one, this bounds the rate of false alarms to one in [`LOOPS_PER_FALSE_ALARM`] loops.
pub(super) const ALARM_THRESHOLD: f64 = TESTS_PER_LOOP * LOOPS_PER_FALSE_ALARM;
/// Where evidence stops growing. Two suspects that have reached it can no longer be compared.
pub(super) const EVIDENCE_MAX: f64 = 1e250;

/// The probability that chance takes a loop somewhere on its way over four links.
pub(super) const CHANCE_PER_LOOP: f64 = {
    let twice = (1.0 - CHANCE_PER_LINK) * (1.0 - CHANCE_PER_LINK);
    1.0 - twice * twice
};

/// One statistic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Evidence {
    by_share: [f64; SHARES.len()],
}

impl Evidence {
    /// The value that is compared with the threshold.
    pub(crate) fn value(&self) -> f64 {
        let shares = self.by_share.len().max(1);
        (self.by_share.iter().sum::<f64>() / super::route::count(shares)).min(EVIDENCE_MAX)
    }

    /// Takes a loop over what is tested: was it bad beyond what chance does at most?
    pub(crate) fn weigh_against_chance(&mut self, bad: bool) {
        self.weigh(|share| beyond_chance(share, bad));
        self.begin();
    }

    /// Takes a loop whose route touched what is tested (`member`) with `probability`: is the outcome
    /// tied to the route? Holds whatever share of all loops is bad, as long as the route has no part in it.
    pub(crate) fn weigh_against_others(&mut self, probability: f64, member: bool, bad: bool) {
        self.weigh(|share| beyond_others(share, probability, member, bad));
        if member {
            self.begin();
        }
    }

    fn weigh(&mut self, ratio: impl Fn(f64) -> f64) {
        let limit = EVIDENCE_MAX * super::route::count(SHARES.len());
        for (evidence, share) in self.by_share.iter_mut().zip(SHARES) {
            *evidence = (*evidence * ratio(share)).min(limit);
        }
    }

    /// From the next loop on, the change may have begun.
    fn begin(&mut self) {
        for evidence in &mut self.by_share {
            *evidence += 1.0;
        }
    }
}

/// What a loop adds to the sum that finds the harm's beginning: the logarithm of the ratio for the middle
/// share. That of the smallest would count hours before the beginning in.
pub(super) fn onset_score(bad: bool) -> f64 {
    let [_, share, _] = SHARES;
    beyond_chance(share, bad).ln()
}

/// `P(outcome | a share is taken) / P(outcome | chance)` of a loop over what is tested.
fn beyond_chance(share: f64, bad: bool) -> f64 {
    let chance = CHANCE_PER_LOOP;
    if bad { (chance + share * (1.0 - chance)) / chance } else { 1.0 - share }
}

/// `P(route | outcome, a share is taken) / P(route | outcome, the route has no part in it)`.
fn beyond_others(share: f64, probability: f64, member: bool, bad: bool) -> f64 {
    let chance = CHANCE_PER_LOOP;
    let taken = if bad { share * (1.0 - chance) } else { -share };
    let base = if bad { chance } else { 1.0 };
    let all = base + probability * taken;
    if member { (base + taken) / all } else { base / all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_chance_no_ratio_has_a_mean_above_one() {
        for share in SHARES {
            for chance in [0.0, 0.01, CHANCE_PER_LOOP] {
                let mean = chance * beyond_chance(share, true) + (1.0 - chance) * beyond_chance(share, false);
                assert!(mean <= 1.0 + 1e-12, "{share} {chance}: {mean}");
            }
            for probability in [0.01, 0.25, 0.5, 0.9] {
                for bad in [false, true] {
                    let mean = probability * beyond_others(share, probability, true, bad)
                        + (1.0 - probability) * beyond_others(share, probability, false, bad);
                    assert!((mean - 1.0).abs() < 1e-12, "{share} {probability} {bad}: {mean}");
                }
            }
        }
    }

    #[test]
    fn ratios_are_those_of_the_two_models() {
        let chance = 1.0 - 0.99f64.powi(4);
        let taken = chance + 0.3 * (1.0 - chance);
        assert!((beyond_chance(0.3, true) - taken / chance).abs() < 1e-12);
        assert!((beyond_chance(0.3, false) - (1.0 - taken) / (1.0 - chance)).abs() < 1e-12);
        // By Bayes' rule: P(member | bad) = P(member) P(bad | member) / P(bad).
        let by_bayes = |member: f64, others: f64| member / (0.25 * member + 0.75 * others);
        assert!((beyond_others(0.3, 0.25, true, true) - by_bayes(taken, chance)).abs() < 1e-12);
        assert!((beyond_others(0.3, 0.25, true, false) - by_bayes(1.0 - taken, 1.0 - chance)).abs() < 1e-12);
    }

    #[test]
    fn evidence_is_bounded() {
        let mut evidence = Evidence::default();
        for _ in 0..10_000 {
            evidence.weigh_against_chance(true);
        }
        assert!((evidence.value() / EVIDENCE_MAX - 1.0).abs() < 1e-9, "{evidence:?}");
    }
}
