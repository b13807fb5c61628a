//! Random waiting times: the delay that a sender asks of each hop, and the gaps of Poisson processes.
//!
//! What is not here: the means, which the consensus sets, and any waiting.

use std::time::Duration;

use rand::{CryptoRng, RngExt};
use rand_distr::{Distribution, Exp1};

/// A delay for one hop: exponential with the given mean, conditioned on being at most `max`.
///
/// Drawn by inverting the truncated distribution, so it takes one draw whatever `max` is, and no delay is
/// more likely for being the maximum. The mean of what is drawn is a little below `mean`: with
/// `max` at 50 means the difference is below 10^-19 of it.
#[must_use]
pub fn draw_delay(mean: Duration, max: Duration, rng: &mut impl CryptoRng) -> Duration {
    if mean.is_zero() || max.is_zero() {
        return Duration::ZERO;
    }
    let mean_s = mean.as_secs_f64();
    let below_max = -(-max.as_secs_f64() / mean_s).exp_m1();
    let uniform: f64 = rng.random();
    seconds(-mean_s * (-uniform * below_max).ln_1p()).min(max)
}

/// The time to the next event of a Poisson process whose events are `mean` apart on average. Zero for a
/// mean of zero.
#[must_use]
pub fn draw_exponential(mean: Duration, rng: &mut impl CryptoRng) -> Duration {
    let unit: f64 = Exp1.sample(rng);
    seconds(mean.as_secs_f64() * unit)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
