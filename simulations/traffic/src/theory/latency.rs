//! How long a packet is on its way: a sum of exponential delays, and links.
//!
//! Source: Kesdogan, Egner and Büschkes, "Stop-and-Go MIXes", IH 1998, section 3; the Erlang distribution in Johnson, Kotz
//! and Balakrishnan, "Continuous Univariate Distributions 1", chapter 17.

use statrs::distribution::{ContinuousCDF, Gamma};

use super::{OutsideFormula, positive, require};

const NAME: &str = "the latency of Poisson mixes";

/// The latency of a way over so many hops of one mean delay, and links of constant latency. In milliseconds.
///
/// Holds where nothing else delays packets: no queue before the first hop, no shaping behind the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixLatency {
    hops: u32,
    delay_ms_mean: f64,
    links_ms: f64,
}

impl MixLatency {
    /// So many hops of a mean delay each, and the sum of the latencies of all links.
    ///
    /// # Errors
    /// No hop, a delay that is not above 0, or links of negative latency.
    pub fn new(hops: u32, delay_ms_mean: f64, links_ms: f64) -> Result<Self, OutsideFormula> {
        require(hops > 0, NAME, "the number of hops", f64::from(hops), "1 or more")?;
        positive(NAME, "the mean delay in ms", delay_ms_mean)?;
        require(
            links_ms.is_finite() && links_ms >= 0.0,
            NAME,
            "the links' latency in ms",
            links_ms,
            "0 or more",
        )?;
        Ok(Self { hops, delay_ms_mean, links_ms })
    }

    /// The mean: L m + links.
    #[must_use]
    pub fn mean_ms(&self) -> f64 {
        f64::from(self.hops) * self.delay_ms_mean + self.links_ms
    }

    /// The variance in ms²: L m².
    #[must_use]
    pub fn variance_ms2(&self) -> f64 {
        f64::from(self.hops) * self.delay_ms_mean * self.delay_ms_mean
    }

    /// The share of packets that arrives within this time.
    #[must_use]
    pub fn cdf(&self, ms: f64) -> f64 {
        self.erlang().map_or(f64::NAN, |erlang| erlang.cdf((ms - self.links_ms).max(0.0)))
    }

    /// The time within which this share arrives.
    ///
    /// # Errors
    /// A share that is not between 0 and 1, both excluded.
    pub fn quantile_ms(&self, share: f64) -> Result<f64, OutsideFormula> {
        require(share > 0.0 && share < 1.0, NAME, "the quantile", share, "between 0 and 1")?;
        Ok(self.links_ms + self.erlang().map_or(f64::NAN, |erlang| erlang.inverse_cdf(share)))
    }

    fn erlang(&self) -> Option<Gamma> {
        // Both parameters are above 0, which is all that the distribution asks.
        Gamma::new(f64::from(self.hops), 1.0 / self.delay_ms_mean).ok()
    }
}

/// The mean time in milliseconds that a message waits for its slot where slots come at the times of a Poisson process and
/// one user's messages at those of another: the time in an M/M/1 queue (Kleinrock 1975, section 3.2), 1/(a - w).
///
/// # Errors
/// An interval of slots that is not above 0, or messages that come as often as slots or oftener.
pub fn slot_wait_ms(slot_ms_mean: f64, messages_per_s: f64) -> Result<f64, OutsideFormula> {
    positive("the wait for a slot", "the slots' mean interval in ms", slot_ms_mean)?;
    let slots_per_s = 1000.0 / slot_ms_mean;
    let fits = messages_per_s >= 0.0 && messages_per_s < slots_per_s;
    require(
        fits,
        "the wait for a slot",
        "messages per second",
        messages_per_s,
        "0 to below the slots per second",
    )?;
    Ok(1000.0 / (slots_per_s - messages_per_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn sums_of_delays_have_this_mean_variance_and_quantiles() {
        let way = MixLatency::new(4, 200.0, 100.0).unwrap();
        let mut draws = Seed::new(2).draws(Purpose::Delay, 0);
        let n = 100_000_u32;
        let sample: Vec<f64> =
            (0..n).map(|_| 100.0 + (0..4).map(|_| draws.exponential(200.0)).sum::<f64>()).collect();
        let mean = sample.iter().sum::<f64>() / f64::from(n);
        assert!((mean - way.mean_ms()).abs() < 4.0 * (way.variance_ms2() / f64::from(n)).sqrt());
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        // The kurtosis of an Erlang distribution of 4 is 4.5: the variance's standard error is variance sqrt(3.5 / n).
        assert!((variance / way.variance_ms2() - 1.0).abs() < 4.0 * (3.5 / f64::from(n)).sqrt());
        for share in [0.05, 0.5, 0.99] {
            let at = way.quantile_ms(share).unwrap();
            let below = sample.iter().filter(|x| **x <= at).count() as f64 / f64::from(n);
            assert!((below - share).abs() < 4.0 * (share * (1.0 - share) / f64::from(n)).sqrt(), "{share}");
            assert!((way.cdf(at) - share).abs() < 1e-6);
        }
        assert_eq!(way.cdf(99.0), 0.0);
    }

    #[test]
    fn the_wait_for_a_slot_is_that_of_a_queue() {
        // Lindley's recursion of the time in an M/M/1 queue; its values hang together over about 1/(1 - load)^2 messages.
        let mut draws = Seed::new(3).draws(Purpose::PayloadSlots, 0);
        let (n, mut time, mut sum) = (400_000_u32, 0.0_f64, 0.0);
        for _ in 0..n {
            time = (time - draws.exponential(2000.0)).max(0.0) + draws.exponential(1000.0);
            sum += time;
        }
        let expected = slot_wait_ms(1000.0, 0.5).unwrap();
        assert_eq!(expected, 2000.0);
        assert!((sum / f64::from(n) / expected - 1.0).abs() < 0.03);
        assert!(slot_wait_ms(1000.0, 1.0).is_err());
        assert!(
            MixLatency::new(0, 1.0, 0.0).is_err()
                && MixLatency::new(1, 1.0, 0.0).unwrap().quantile_ms(1.0).is_err()
        );
    }
}
