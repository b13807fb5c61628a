//! Confidence intervals: of means over independent replications, and of rates.
//!
//! What is resampled or averaged must be independent: replications, not the packets of one run.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF, Normal, StudentsT};

use crate::random::Draws;

/// An estimate and the interval that has the true value with the confidence asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value is in it, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Half its width.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The mean of a sample and its standard error; `None` with fewer than two values.
#[must_use]
pub fn mean_and_error(sample: &[f64]) -> Option<(f64, f64)> {
    if sample.len() < 2 {
        return None;
    }
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0) / n).sqrt()))
}

/// The interval of a mean by Student's t ("Student", Biometrika 6, 1908). Exact for normal values; good for others from about
/// 20 on. `None` with fewer than two values or a confidence that is not between 0 and 1.
#[must_use]
pub fn student_t(sample: &[f64], confidence: f64) -> Option<Interval> {
    let (mean, error) = mean_and_error(sample)?;
    let t = student_quantile(sample.len(), confidence)?;
    Some(Interval { estimate: mean, low: mean - t * error, high: mean + t * error })
}

/// How many standard errors the interval of [`student_t`] of so many values reaches to each side.
#[must_use]
pub fn student_quantile(values: usize, confidence: f64) -> Option<f64> {
    let beyond = beyond(confidence)?;
    Some(StudentsT::new(0.0, 1.0, values as f64 - 1.0).ok()?.inverse_cdf(1.0 - beyond))
}

/// The exact interval of a rate of `hits` in `trials` (Clopper and Pearson, Biometrika 26, 1934): it covers at least with this
/// confidence. `None` without trials, with more hits than trials, or a confidence that is not between 0 and 1.
#[must_use]
pub fn clopper_pearson(hits: u64, trials: u64, confidence: f64) -> Option<Interval> {
    if trials == 0 || hits > trials {
        return None;
    }
    let beyond = beyond(confidence)?;
    let (k, n) = (hits as f64, trials as f64);
    let low = if hits == 0 { 0.0 } else { Beta::new(k, n - k + 1.0).ok()?.inverse_cdf(beyond) };
    let high = if hits == trials { 1.0 } else { Beta::new(k + 1.0, n - k).ok()?.inverse_cdf(1.0 - beyond) };
    Some(Interval { estimate: k / n, low, high })
}

/// The percentile bootstrap of a statistic (Efron and Tibshirani, "An Introduction to the Bootstrap", section 13.3) from so many
/// resamples. It is too narrow for small samples. `None` as for [`student_t`], or without resamples.
pub fn bootstrap_percentile(
    sample: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    confidence: f64,
    resamples: u32,
    draws: &mut Draws,
) -> Option<Interval> {
    let beyond = beyond(confidence)?;
    let values = resample(sample, &statistic, resamples, draws)?;
    Some(Interval {
        estimate: statistic(sample),
        low: at_share(&values, beyond)?,
        high: at_share(&values, 1.0 - beyond)?,
    })
}

/// The bootstrap with correction of bias and acceleration, BCa (Efron, "Better Bootstrap Confidence Intervals", JASA 82,
/// 1987): for statistics that are skewed. `None` as for [`bootstrap_percentile`].
pub fn bootstrap_bca(
    sample: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    confidence: f64,
    resamples: u32,
    draws: &mut Draws,
) -> Option<Interval> {
    let beyond = beyond(confidence)?;
    let values = resample(sample, &statistic, resamples, draws)?;
    let estimate = statistic(sample);
    let first = values.first()?;
    if values.last()? <= first {
        return Some(Interval { estimate, low: estimate, high: estimate });
    }
    let normal = Normal::standard();
    let n = values.len() as f64;
    let below = values.iter().filter(|value| **value < estimate).count() as f64;
    let equal = values.iter().filter(|value| **value == estimate).count() as f64;
    let bias = normal.inverse_cdf(((below + equal / 2.0) / n).clamp(0.5 / n, 1.0 - 0.5 / n));
    let acceleration = acceleration(sample, &statistic);
    let end = |share: f64| {
        let z = bias + normal.inverse_cdf(share);
        at_share(&values, normal.cdf(bias + z / (1.0 - acceleration * z)))
    };
    Some(Interval { estimate, low: end(beyond)?, high: end(1.0 - beyond)? })
}

/// The acceleration by the jackknife: a sixth of the skewness of the statistic without each value.
fn acceleration(sample: &[f64], statistic: &impl Fn(&[f64]) -> f64) -> f64 {
    let without: Vec<f64> = (0..sample.len())
        .map(|left_out| {
            let kept: Vec<f64> =
                sample.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, value)| *value).collect();
            statistic(&kept)
        })
        .collect();
    let mean = without.iter().sum::<f64>() / without.len() as f64;
    let (squares, cubes) = without
        .iter()
        .map(|value| mean - value)
        .fold((0.0, 0.0), |(squares, cubes), off| (squares + off * off, cubes + off * off * off));
    if squares > 0.0 { cubes / (6.0 * f64::powf(squares, 1.5)) } else { 0.0 }
}

/// The statistic of resamples, sorted.
fn resample(
    sample: &[f64],
    statistic: &impl Fn(&[f64]) -> f64,
    resamples: u32,
    draws: &mut Draws,
) -> Option<Vec<f64>> {
    let count = u32::try_from(sample.len()).ok().filter(|count| *count >= 2 && resamples > 0)?;
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            let again: Vec<f64> =
                (0..count).filter_map(|_| sample.get(draws.below(count) as usize)).copied().collect();
            statistic(&again)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    Some(values)
}

/// The sorted value at a share of the way.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn at_share(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(((share * (last + 1) as f64) as usize).min(last)).copied()
}

/// What lies beyond each end; `None` if that is not a confidence.
fn beyond(confidence: f64) -> Option<f64> {
    (confidence > 0.0 && confidence < 1.0).then_some((1.0 - confidence) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    fn mean(sample: &[f64]) -> f64 {
        sample.iter().sum::<f64>() / sample.len() as f64
    }

    /// How often intervals of samples of `size` values contain `truth`.
    fn coverage(
        runs: u32,
        size: u32,
        truth: f64,
        value: impl Fn(&mut Draws) -> f64,
        interval: impl Fn(&[f64], &mut Draws) -> Interval,
    ) -> f64 {
        let mut draws = Seed::new(12).draws(Purpose::Bootstrap, 0);
        let covered = (0..runs)
            .filter(|_| {
                let sample: Vec<f64> = (0..size).map(|_| value(&mut draws)).collect();
                interval(&sample, &mut draws).contains(truth)
            })
            .count();
        covered as f64 / f64::from(runs)
    }

    fn normal(draws: &mut Draws) -> f64 {
        Normal::standard().inverse_cdf(draws.unit())
    }

    #[test]
    fn student_t_covers_as_often_as_it_says() {
        for confidence in [0.8, 0.95] {
            let share = coverage(4000, 5, 0.0, normal, |sample, _| student_t(sample, confidence).unwrap());
            let tolerance = 4.0 * (confidence * (1.0 - confidence) / 4000_f64).sqrt();
            assert!((share - confidence).abs() < tolerance, "{confidence}: {share}");
        }
    }

    #[test]
    fn bootstraps_cover_nearly_as_often_and_bca_more_of_a_skewed_mean() {
        let exponential = |draws: &mut Draws| draws.exponential(1.0);
        let percentile = coverage(400, 30, 1.0, exponential, |sample, draws| {
            bootstrap_percentile(sample, mean, 0.9, 300, draws).unwrap()
        });
        let bca = coverage(400, 30, 1.0, exponential, |sample, draws| {
            bootstrap_bca(sample, mean, 0.9, 300, draws).unwrap()
        });
        // A standard error of 0.015, and both are known to fall short by some per cent at 30 skewed values.
        assert!((0.82..0.95).contains(&percentile) && (0.84..0.95).contains(&bca), "{percentile} {bca}");
        // The long tail is above: BCa lies higher than the percentiles do.
        let mut draws = Seed::new(13).draws(Purpose::Bootstrap, 0);
        let sample: Vec<f64> = (0..30).map(|_| draws.exponential(1.0)).collect();
        let plain = bootstrap_percentile(&sample, mean, 0.9, 4000, &mut draws).unwrap();
        let better = bootstrap_bca(&sample, mean, 0.9, 4000, &mut draws).unwrap();
        assert!(better.low > plain.low && better.high > plain.high, "{better:?} {plain:?}");
    }

    #[test]
    fn clopper_pearson_covers_at_least_as_often_as_it_says() {
        // Exactly, by the binomial distribution of 20 trials.
        for rate in [0.02, 0.1, 0.37, 0.5, 0.95] {
            let covered: f64 = (0..=20_u32)
                .filter(|hits| clopper_pearson(u64::from(*hits), 20, 0.95).unwrap().contains(rate))
                .map(|hits| {
                    let ways: f64 = (0..hits).map(|i| f64::from(20 - i) / f64::from(i + 1)).product();
                    ways * rate.powf(f64::from(hits)) * (1.0 - rate).powf(f64::from(20 - hits))
                })
                .sum();
            assert!(covered >= 0.95, "{rate}: {covered}");
        }
        // 0 of 20: 1 - 0.025^(1/20).
        let none = clopper_pearson(0, 20, 0.95).unwrap();
        assert_eq!(none.low, 0.0);
        assert!((none.high - (1.0 - 0.025_f64.powf(0.05))).abs() < 1e-6);
        assert_eq!(clopper_pearson(20, 20, 0.95).unwrap().high, 1.0);
    }

    #[test]
    fn what_has_no_interval_has_none() {
        let mut draws = Seed::new(14).draws(Purpose::Bootstrap, 0);
        assert_eq!(student_t(&[1.0], 0.95), None);
        assert_eq!(student_t(&[1.0, 2.0], 1.0), None);
        assert_eq!(clopper_pearson(1, 0, 0.95), None);
        assert_eq!(clopper_pearson(3, 2, 0.95), None);
        assert_eq!(bootstrap_percentile(&[1.0, 2.0], mean, 0.95, 0, &mut draws), None);
        let constant = bootstrap_bca(&[2.0; 5], mean, 0.95, 50, &mut draws).unwrap();
        assert_eq!((constant.low, constant.high), (2.0, 2.0));
    }
}
