//! How many packets a client may send: what its cover class sends, with room for bursts.
//!
//! An honest client sends at the rates of its class and no faster. Somebody without a name could otherwise
//! have one connection keep an entry busy, and through it every mix behind. Why a packet may be late or
//! come in a burst, a stalled connection for example, is not looked at.

use std::time::Duration;

use sotto_protocol::directory::CoverClass;
use sotto_protocol::time::Timestamp;

use super::config::{ALLOWANCE_AT_START, ALLOWANCE_MAX};

/// How many times as fast as its class a client may be for long. At two, the excess of a Poisson process
/// stays below the starting allowance but for once in 10^8 sessions.
const RATE_EXCESS: f64 = 2.0;

/// What a session may still send, as a generic cell rate algorithm (ITU-T I.371) keeps it: one point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// When all that was sent would have been sent at the allowed rate.
    paid_until: Timestamp,
}

impl Allowance {
    /// A new session's: small, so that many short sessions are worth no more than a long one.
    pub(crate) fn new(now: Timestamp, interval: Duration) -> Self {
        Self { paid_until: now + interval.saturating_mul(ALLOWANCE_MAX - ALLOWANCE_AT_START) }
    }

    /// Takes one packet off the allowance; `false`, and no change, if nothing is left. `interval` is the
    /// present [`uplink_interval`] of the session's class.
    pub(crate) fn take(&mut self, now: Timestamp, interval: Duration) -> bool {
        let paid_until = self.paid_until.max(now) + interval;
        let is_within = paid_until <= now + interval.saturating_mul(ALLOWANCE_MAX);
        if is_within {
            self.paid_until = paid_until;
        }
        is_within
    }
}

/// The interval between packets of a client that sends as fast as it may for long.
pub(crate) fn uplink_interval(class: &CoverClass) -> Duration {
    let means = [class.payload_interval_ms_mean, class.loop_interval_ms_mean, class.drop_interval_ms_mean];
    // No interval of a valid consensus is zero.
    let packets_per_ms: f64 = means.into_iter().map(|mean| f64::from(mean.max(1)).recip()).sum();
    Duration::from_secs_f64((packets_per_ms * RATE_EXCESS * 1000.0).recip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn taken(allowance: &mut Allowance, now: Timestamp) -> u32 {
        (0..10_000).map(|_| u32::from(allowance.take(now, INTERVAL))).sum()
    }

    #[test]
    fn a_burst_is_bounded_and_time_brings_more_up_to_the_most() {
        let now = Timestamp::from_millis(1_000_000);
        let mut allowance = Allowance::new(now, INTERVAL);
        assert_eq!(taken(&mut allowance, now), ALLOWANCE_AT_START);
        assert_eq!(taken(&mut allowance, now), 0);
        assert_eq!(taken(&mut allowance, now + INTERVAL * 10), 10);
        assert_eq!(taken(&mut allowance, now + INTERVAL * 100_000), ALLOWANCE_MAX);
    }

    #[test]
    fn the_rate_is_twice_that_of_all_three_processes() {
        let class = CoverClass {
            name: "standard".to_owned(),
            payload_interval_ms_mean: 1000,
            loop_interval_ms_mean: 2000,
            drop_interval_ms_mean: 2000,
            downlink_interval_ms_mean: 500,
        };
        assert_eq!(uplink_interval(&class), Duration::from_millis(250));
    }
}
