//! How long a client waits for an answer before the command goes again.

use crate::scenario::{Latency, Mixing, Scenario};
use crate::time::SimTime;

/// How often the mean round trip a client waits. In four times the mean hardly a sum of exponential times falls.
const ROUND_TRIPS: f64 = 4.0;
/// What it waits besides.
const SLACK_S: f64 = 20.0;
/// The least where batches or pools hold packets: how long depends on all traffic, which no client knows.
const BATCH_S_MIN: f64 = 3600.0;
/// What a link of a matrix is taken to be.
const MATRIX_MS: f64 = 1000.0;

/// The time from which on an unanswered command goes again.
pub(super) fn patience(scenario: &Scenario) -> SimTime {
    let hold_ms = match scenario.mixing {
        Mixing::Poisson { delay_ms_mean } => delay_ms_mean,
        Mixing::Timed { interval_ms } => interval_ms,
        Mixing::Pool { interval_ms, fraction, .. } => interval_ms / fraction,
        Mixing::Threshold { .. } => 0.0,
    };
    let link_ms = match scenario.latency {
        Latency::Fixed { ms } => ms,
        Latency::Uniform { ms_max, .. } => ms_max,
        Latency::Matrix { .. } => MATRIX_MS,
    };
    let downlink_ms =
        scenario.clients.iter().map(|class| class.downlink_interval_ms_mean).fold(0.0, f64::max);
    let hops = f64::from(scenario.network.hops());
    // Tor is another party on the way.
    let one_way_ms = hops * hold_ms + (hops + 2.0) * link_ms;
    let least_s = match scenario.mixing {
        Mixing::Poisson { .. } | Mixing::Timed { .. } => 0.0,
        Mixing::Pool { .. } | Mixing::Threshold { .. } => BATCH_S_MIN,
    };
    let wait_s = ROUND_TRIPS * (2.0 * one_way_ms + downlink_ms) / 1000.0 + SLACK_S;
    SimTime::from_secs_f64(wait_s.max(least_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_outlasts_round_trips_of_every_way_of_mixing() {
        let with = |mixing| patience(&Scenario { mixing, ..Scenario::default() }).as_secs_f64();
        // 4 hops of 200 ms, 6 links of 20 ms, twice, and a downlink of 500 ms.
        let poisson = with(Mixing::Poisson { delay_ms_mean: 200.0 });
        assert!((poisson - (4.0 * (2.0 * 0.92 + 0.5) + 20.0)).abs() < 1e-6, "{poisson}");
        assert!(with(Mixing::Timed { interval_ms: 60_000.0 }) > 4.0 * 8.0 * 60.0);
        let pool = Mixing::Pool { interval_ms: 1000.0, keep: 500, fraction: 0.5 };
        for mixing in [Mixing::Threshold { packets: 50 }, pool] {
            assert!((with(mixing) - BATCH_S_MIN).abs() < 1e-6);
        }
    }
}
