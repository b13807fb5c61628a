//! Quantiles of many values in little memory: buckets whose bounds grow by a constant factor.
//!
//! As in HdrHistogram and DDSketch (Masson, Rim and Lee, VLDB 2019, section 2): the relative error of a quantile is bounded, whatever
//! the distribution. Two histograms can be added.

/// The bounds grow by this factor: a quantile is at most 0.5 % off.
const GROWTH: f64 = 1.01;
/// Values below count as this.
const LEAST: f64 = 1e-3;
/// With the growth above, values up to 1e-3 * 1.01^4096 = 5e14 are told apart: no more buckets are made.
const BUCKETS_MAX: usize = 4096;

/// A histogram of numbers from 0.001 to about 5e14; mean and variance are exact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogHistogram {
    buckets: Vec<u64>,
    count: u64,
    mean: f64,
    /// The sum of squared deviations (Welford).
    squares: f64,
}

impl LogHistogram {
    /// Notes a value; one that is not a number or negative is left out.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of a bucket, at most 4,095"
    )]
    pub fn note(&mut self, value: f64) {
        if !(value.is_finite() && value >= 0.0) {
            return;
        }
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
        let bucket = ((value.max(LEAST) / LEAST).ln() / GROWTH.ln()).floor() as usize;
        let bucket = bucket.min(BUCKETS_MAX - 1);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(slot) = self.buckets.get_mut(bucket) {
            *slot += 1;
        }
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean; `None` without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The variance, divided by n - 1; `None` with fewer than two values.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }

    /// The value below which a share `q` (0 to 1) lies, at most 0.5 % off; `None` without values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let wanted = q.clamp(0.0, 1.0) * self.count as f64;
        let mut below = 0;
        for (bucket, count) in (0_i32..).zip(&self.buckets) {
            below += count;
            if *count > 0 && below as f64 >= wanted {
                return Some(LEAST * GROWTH.powi(bucket) * GROWTH.sqrt());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn quantiles_are_within_half_a_per_cent_and_memory_is_bounded() {
        let mut draws = Seed::new(1).draws(Purpose::Delay, 0);
        let mut values: Vec<f64> = (0..50_000).map(|_| draws.exponential(300.0)).collect();
        let mut histogram = LogHistogram::default();
        values.iter().for_each(|value| histogram.note(*value));
        values.sort_by(f64::total_cmp);
        for q in [0.05, 0.5, 0.95, 0.99] {
            let exact = values[(q * 50_000.0) as usize];
            assert!((histogram.quantile(q).unwrap() / exact - 1.0).abs() < 0.0055, "{q}");
        }
        let mean = values.iter().sum::<f64>() / 50_000.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 49_999.0;
        assert!((histogram.mean().unwrap() - mean).abs() < 1e-9 * mean);
        assert!((histogram.variance().unwrap() - variance).abs() < 1e-9 * variance);
        histogram.note(f64::MAX);
        histogram.note(0.0);
        assert_eq!(histogram.buckets.len(), BUCKETS_MAX);
        assert_eq!(histogram.count(), 50_002);
    }

    #[test]
    fn nothing_has_no_quantile() {
        let mut histogram = LogHistogram::default();
        histogram.note(f64::NAN);
        histogram.note(-1.0);
        assert_eq!((histogram.mean(), histogram.variance(), histogram.quantile(0.5)), (None, None, None));
    }
}
