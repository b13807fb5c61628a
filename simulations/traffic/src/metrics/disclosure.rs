//! When something is disclosed: the first compromised way, and the round from which on all contacts are known.
//!
//! Here are the definitions; the observations come from adversaries.

/// When something happened first, or how long it was waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum First {
    /// After this many seconds (or rounds).
    After(f64),
    /// Not until then.
    NotWithin(f64),
}

/// The time to the first event over replications, for events at a constant rate: total time waited over the number of
/// replications in which it happened. The maximum-likelihood estimate of an exponential mean with censoring (Lawless,
/// "Statistical Models and Methods for Lifetime Data", section 4.1). `None` if it never happened.
#[must_use]
pub fn mean_time_to_first(replications: &[First]) -> Option<f64> {
    let waited: f64 = replications
        .iter()
        .map(|first| match first {
            First::After(time) | First::NotWithin(time) => *time,
        })
        .sum();
    let happened = replications.iter().filter(|first| matches!(first, First::After(_))).count();
    (happened > 0).then(|| waited / happened as f64)
}

/// Rounds to disclosure: the first round from which on, to the end, every one of the `contacts` has a larger score than
/// everybody else. `scores_by_round` are the attack's scores of all candidates after each round, from round 1. Being right once
/// by chance is not disclosure; being right at the last round is, if only just.
#[must_use]
pub fn rounds_to_disclosure(scores_by_round: &[Vec<f64>], contacts: &[usize]) -> Option<usize> {
    let disclosed = |scores: &Vec<f64>| {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (candidate, score) in scores.iter().enumerate() {
            if contacts.contains(&candidate) {
                least = least.min(*score);
            } else {
                most = most.max(*score);
            }
        }
        least > most
    };
    let steady = scores_by_round.iter().rev().take_while(|scores| disclosed(scores)).count();
    (steady > 0).then(|| scores_by_round.len() - steady + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn disclosure_has_to_last() {
        let right = vec![0.1, 0.9, 0.8];
        let wrong = vec![0.85, 0.9, 0.8];
        let contacts = [1, 2];
        let rounds = |rounds: &[&Vec<f64>]| {
            rounds_to_disclosure(
                &rounds.iter().map(|scores| (*scores).clone()).collect::<Vec<_>>(),
                &contacts,
            )
        };
        assert_eq!(rounds(&[&right, &wrong, &right, &right]), Some(3));
        assert_eq!(rounds(&[&right, &wrong]), None);
        assert_eq!(rounds(&[&right, &right]), Some(1));
        assert_eq!(rounds(&[]), None);
    }

    #[test]
    fn censored_times_count_as_waited() {
        let mut draws = Seed::new(1).draws(Purpose::Corruption, 0);
        let firsts: Vec<First> = (0..20_000)
            .map(|_| {
                let time = draws.exponential(10.0);
                if time < 5.0 { First::After(time) } else { First::NotWithin(5.0) }
            })
            .collect();
        // About 7,900 happen: a standard error of 10 / sqrt(7,900).
        assert!((mean_time_to_first(&firsts).unwrap() - 10.0).abs() < 4.0 * 10.0 / 7_900_f64.sqrt());
        assert_eq!(mean_time_to_first(&[First::NotWithin(3.0)]), None);
    }
}
