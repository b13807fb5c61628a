//! Two-sample and goodness-of-fit tests, and the quantiles that reports print.
//!
//! Not here: any model of traffic. Callers bring samples and a significance level.

use std::collections::BTreeMap;

use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_ur;

/// What each sample must be expected to have of a class of a chi-square test.
const EXPECTED_MIN: f64 = 8.0;

/// The p-value of the two-sample Kolmogorov-Smirnov test: how likely samples at least as different as
/// these are, if both come from the same continuous distribution.
///
/// Uses the asymptotic distribution with Stephens' correction (Numerical Recipes, 3rd edition, section
/// 14.3.3), good to a few per cent from about 20 values a side. Returns 1 for an empty sample.
#[must_use]
pub fn ks_two_sample(left: &[f64], right: &[f64]) -> f64 {
    let (n, m) = (count(left.len()), count(right.len()));
    if left.is_empty() || right.is_empty() {
        return 1.0;
    }
    kolmogorov_tail((n * m / (n + m)).sqrt(), ks_distance(left, right))
}

/// The largest distance of two samples' distribution functions. 0 for an empty sample.
#[must_use]
pub fn ks_distance(left: &[f64], right: &[f64]) -> f64 {
    let (Some(left), Some(right)) = (sorted(left), sorted(right)) else { return 0.0 };
    let (mut i, mut j, mut distance) = (0_usize, 0_usize, 0.0_f64);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        let (a, b) = (*a, *b);
        // All that are equal at once: between two equal values there is no step.
        let at = a.min(b);
        i += left.iter().skip(i).take_while(|value| **value <= at).count();
        j += right.iter().skip(j).take_while(|value| **value <= at).count();
        distance = distance.max((share(i, left.len()) - share(j, right.len())).abs());
    }
    distance
}

/// Chi-square and its p-value of two samples of counts: whether both come from one distribution (Press et al., Numerical
/// Recipes, 3rd edition, section 14.3.2). Values are put together from below until both samples are expected to have
/// `EXPECTED_MIN` of each class. Where there are less than two classes nothing is
/// compared: the statistic is NaN, the p-value 1.
#[must_use]
pub fn chi_square_two_sample(left: &[u32], right: &[u32]) -> (f64, f64) {
    let mut values: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    left.iter().for_each(|value| values.entry(*value).or_default().0 += 1.0);
    right.iter().for_each(|value| values.entry(*value).or_default().1 += 1.0);
    let (n, m) = (count(left.len()), count(right.len()));
    let smaller = n.min(m) / (n + m);
    let mut classes: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for (a, b) in values.into_values() {
        if let Some(last) = classes.last_mut() {
            *last = (last.0 + a, last.1 + b);
            if (last.0 + last.1) * smaller >= EXPECTED_MIN {
                classes.push((0.0, 0.0));
            }
        }
    }
    // What is left over at the end is too little for a class of its own.
    if let Some(rest) = classes.pop()
        && let Some(last) = classes.last_mut()
    {
        *last = (last.0 + rest.0, last.1 + rest.1);
    }
    let freedom = count(classes.len()) - 1.0;
    if freedom < 1.0 {
        return (f64::NAN, 1.0);
    }
    let statistic: f64 =
        classes.iter().map(|(a, b)| (a * (m / n).sqrt() - b * (n / m).sqrt()).powi(2) / (a + b)).sum();
    (statistic, gamma_ur(freedom / 2.0, statistic / 2.0))
}

/// How likely a normal deviate is at least as far from 0. 1 for what is no number.
#[must_use]
pub fn normal_two_sided(deviate: f64) -> f64 {
    if deviate.is_nan() { 1.0 } else { erfc(deviate.abs() / std::f64::consts::SQRT_2) }
}

/// The p-value of the one-sample Kolmogorov-Smirnov test against an exponential distribution of known mean.
#[must_use]
pub fn ks_exponential(sample: &[f64], mean: f64) -> f64 {
    let Some(sample) = sorted(sample) else { return 1.0 };
    let n = sample.len();
    let distance = sample.iter().enumerate().fold(0.0_f64, |worst, (i, value)| {
        let expected = 1.0 - (-value / mean).exp();
        worst.max((expected - share(i, n)).abs()).max((share(i + 1, n) - expected).abs())
    });
    kolmogorov_tail(count(n).sqrt(), distance)
}

/// The value below which a share `q` (0 to 1) of the sample lies, by linear interpolation. `None` for an empty sample.
#[must_use]
pub fn quantile(sample: &[f64], q: f64) -> Option<f64> {
    let sample = sorted(sample)?;
    let position = q.clamp(0.0, 1.0) * count(sample.len() - 1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= position < length")]
    let below = position.floor() as usize;
    let low = sample.get(below)?;
    let high = sample.get(below + 1).unwrap_or(low);
    Some(low + (high - low) * position.fract())
}

fn sorted(sample: &[f64]) -> Option<Vec<f64>> {
    if sample.is_empty() {
        return None;
    }
    let mut sample = sample.to_vec();
    sample.sort_by(f64::total_cmp);
    Some(sample)
}

#[expect(clippy::cast_precision_loss, reason = "sample sizes are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

fn share(part: usize, whole: usize) -> f64 {
    count(part) / count(whole)
}

/// P(D > distance) for the effective size's square root: 2 * sum over k of (-1)^(k-1) exp(-2 k^2 x^2).
fn kolmogorov_tail(root: f64, distance: f64) -> f64 {
    let x = (root + 0.12 + 0.11 / root) * distance;
    if x < 0.2 {
        // The alternating series does not settle this close to zero, where the probability is 1 to 12 digits.
        return 1.0;
    }
    let sum: f64 = (1..=100)
        .map(|k| {
            let k = f64::from(k);
            let term = (-2.0 * k * k * x * x).exp();
            if k % 2.0 == 0.0 { -term } else { term }
        })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use rand_distr::{Distribution, Exp};

    fn exponential(seed: u64, mean: f64, n: usize) -> Vec<f64> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Exp::new(1.0 / mean).unwrap().sample_iter(&mut rng).take(n).collect()
    }

    #[test]
    fn same_process_passes_and_another_mean_fails() {
        assert!(ks_two_sample(&exponential(1, 2.0, 2000), &exponential(2, 2.0, 2000)) > 0.01);
        assert!(ks_two_sample(&exponential(1, 2.0, 2000), &exponential(2, 1.5, 2000)) < 1e-4);
        assert!(ks_exponential(&exponential(3, 2.0, 2000), 2.0) > 0.01);
        assert!(ks_exponential(&exponential(3, 2.0, 2000), 1.5) < 1e-4);
    }

    #[test]
    fn constant_gaps_are_no_poisson_process() {
        assert!(ks_exponential(&vec![2.0; 200], 2.0) < 1e-9);
    }

    #[test]
    fn the_tail_agrees_with_published_critical_values() {
        // Smirnov (1948): P(sqrt(n) D > 1.3581) = 0.05, > 1.6276 = 0.01, for large n.
        assert!((kolmogorov_tail(1e9, 1.3581e-9) - 0.05).abs() < 1e-4);
        assert!((kolmogorov_tail(1e9, 1.6276e-9) - 0.01).abs() < 1e-4);
    }

    #[test]
    fn p_values_are_uniform_under_the_hypothesis() {
        let below = (0..400)
            .filter(|seed| {
                ks_two_sample(&exponential(2 * seed, 1.0, 300), &exponential(2 * seed + 1, 1.0, 300)) < 0.1
            })
            .count();
        // Binomial(400, 0.1): five standard deviations are 30.
        assert!((10..=70).contains(&below), "{below} of 400 p-values below 0.1");
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[1.0, 2.0], 1.0), Some(2.0));
    }
}
