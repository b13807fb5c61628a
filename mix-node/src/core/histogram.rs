//! How long something took, as counts by length, in constant room.
//!
//! Lengths are told apart to within a quarter. There is one count for each, and no time of any one packet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Steps to a doubling.
const STEPS: u32 = 4;
/// Doublings from one microsecond to over a minute.
const OCTAVES: u32 = 26;
const BUCKETS: usize = (OCTAVES * STEPS) as usize;

/// Counts by length.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: [u64; BUCKETS],
    total: u64,
    max: Duration,
}

/// What a histogram tells. Percentiles are upper bounds, off by a quarter at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimesReport {
    /// How many were counted.
    pub count: u64,
    /// Half of them took at most so many milliseconds.
    pub ms_p50: f64,
    /// All but one in a hundred took at most so many milliseconds.
    pub ms_p99: f64,
    /// The longest, in milliseconds.
    pub ms_max: f64,
}

impl Histogram {
    /// Nothing counted.
    pub(crate) const fn new() -> Self {
        Self { counts: [0; BUCKETS], total: 0, max: Duration::ZERO }
    }

    /// Counts one.
    pub(crate) fn count(&mut self, length: Duration) {
        if let Some(count) = self.counts.get_mut(bucket(length)) {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
        self.max = self.max.max(length);
    }

    /// What it tells.
    pub(crate) fn report(&self) -> TimesReport {
        TimesReport {
            count: self.total,
            ms_p50: self.percentile(50),
            ms_p99: self.percentile(99),
            ms_max: millis(self.max),
        }
    }

    fn percentile(&self, percent: u64) -> f64 {
        let rank = (u128::from(self.total) * u128::from(percent)).div_ceil(100);
        let mut below = 0_u128;
        for (place, count) in self.counts.iter().enumerate() {
            below += u128::from(*count);
            if below >= rank && below > 0 {
                return millis(upper_bound(place).min(self.max));
            }
        }
        0.0
    }
}

/// The bucket of a length: four to a doubling, the first for everything under two microseconds.
fn bucket(length: Duration) -> usize {
    let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = micros.ilog2();
    // The two bits behind the leading one.
    let step = if octave >= 2 { (micros >> (octave - 2)) & 3 } else { (micros << (2 - octave)) & 3 };
    let place = u64::from(octave * STEPS) + step;
    usize::try_from(place).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The longest length of a bucket, at a microsecond's resolution.
fn upper_bound(place: usize) -> Duration {
    let place = u32::try_from(place + 1).unwrap_or(u32::MAX);
    let (octave, step) = (place / STEPS, place % STEPS);
    let quarter_micros = (u64::from(STEPS) + u64::from(step)) << octave;
    Duration::from_nanos(quarter_micros * 250)
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_off_by_a_quarter_at_most() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000 {
            histogram.count(Duration::from_micros(micros));
        }
        let report = histogram.report();
        assert_eq!(report.count, 10_000);
        assert!((5.0..=6.25).contains(&report.ms_p50), "{report:?}");
        assert!((9.9..=10.0).contains(&report.ms_p99), "never more than the longest: {report:?}");
        assert_eq!(Histogram::new().report(), TimesReport::default());
    }

    proptest! {
        #[test]
        fn a_length_is_within_its_bucket(micros in 1u64..1 << 25) {
            let length = Duration::from_micros(micros);
            let place = bucket(length);
            prop_assert!(length <= upper_bound(place));
            prop_assert!(place == 0 || length >= upper_bound(place - 1).mul_f64(0.999), "{place}");
        }
    }
}
