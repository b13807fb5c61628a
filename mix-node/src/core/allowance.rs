//! How many packets a client may send: what its cover class sends, with room for bursts.
//!
//! An honest client sends at the rates of its class and no faster. Somebody without a name could otherwise
//! have one connection keep an entry busy, and through it every mix behind. Why a packet may be late or
//! come in a burst, a stalled connection for example, is not looked at.
//!
//! What is too much is dropped. Reading and dropping has a price as well, so whoever goes on regardless, faster than any
//! mistake explains, is not read any more.

use std::time::Duration;

use sotto_protocol::directory::CoverClass;
use sotto_protocol::time::Timestamp;

use super::config::{ALLOWANCE_AT_START, ALLOWANCE_MAX};
use super::refusal::DropLabel;

/// How many times as fast as its class a client may be for long. At two, the excess of a Poisson process
/// stays below the starting allowance but for once in 10^8 sessions.
const RATE_EXCESS: f64 = 2.0;

/// Why a client's packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UplinkRefusal {
    /// Nobody is connected under this address.
    SessionUnknown,
    /// The client sends faster than its class does.
    TooFast,
    /// It has done so for long, and more than twice as fast as it may.
    Flood,
}

impl UplinkRefusal {
    /// How the packet stands in the ledger.
    pub(crate) const fn drop_label(self) -> DropLabel {
        match self {
            Self::SessionUnknown => DropLabel::SessionUnknown,
            Self::TooFast | Self::Flood => DropLabel::UplinkTooFast,
        }
    }
}

/// What a session may still send, as a generic cell rate algorithm (ITU-T I.371) keeps it: one point in time; and by another one
/// how much of what was too much is forgiven.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// When all that was sent would have been sent at the allowed rate.
    paid_until: Timestamp,
    /// The same of what was dropped.
    forgiven_until: Timestamp,
}

impl Allowance {
    /// A new session's: small, so that many short sessions are worth no more than a long one.
    pub(crate) fn new(now: Timestamp, interval: Duration) -> Self {
        let paid_until = now + interval.saturating_mul(ALLOWANCE_MAX - ALLOWANCE_AT_START);
        Self { paid_until, forgiven_until: now }
    }

    /// When one more packet may come: not before `now`.
    pub(crate) fn ready_at(&self, now: Timestamp, interval: Duration) -> Timestamp {
        let paid = self.paid_until.max(now) + interval;
        now.max(paid - interval.saturating_mul(ALLOWANCE_MAX))
    }

    /// Takes one packet off the allowance, or says that nothing is left. `interval` is the present
    /// [`uplink_interval`] of the session's class.
    ///
    /// As many packets may be too much as may be sent, in the same time and at once, before that is a flood: a client that keeps to
    /// a class of twice the rate, from a consensus that it has not replaced yet, is cut down to its class and no more.
    pub(crate) fn take(&mut self, now: Timestamp, interval: Duration) -> Result<(), UplinkRefusal> {
        if one_more(&mut self.paid_until, now, interval) {
            Ok(())
        } else if one_more(&mut self.forgiven_until, now, interval) {
            Err(UplinkRefusal::TooFast)
        } else {
            Err(UplinkRefusal::Flood)
        }
    }
}

/// Counts one more packet, unless [`ALLOWANCE_MAX`] have come in advance of their time.
fn one_more(paid_until: &mut Timestamp, now: Timestamp, interval: Duration) -> bool {
    let paid = (*paid_until).max(now) + interval;
    let is_within = paid <= now + interval.saturating_mul(ALLOWANCE_MAX);
    if is_within {
        *paid_until = paid;
    }
    is_within
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

    /// How many packets pass before one is too much.
    fn taken(allowance: &mut Allowance, now: Timestamp) -> usize {
        (0..10_000).take_while(|_| allowance.take(now, INTERVAL).is_ok()).count()
    }

    fn size(count: u32) -> usize {
        usize::try_from(count).unwrap()
    }

    #[test]
    fn a_burst_is_bounded_and_time_brings_more_up_to_the_most() {
        let now = Timestamp::from_millis(1_000_000);
        let mut allowance = Allowance::new(now, INTERVAL);
        assert_eq!(taken(&mut allowance, now), size(ALLOWANCE_AT_START));
        assert_eq!(taken(&mut allowance, now), 0);
        assert_eq!(taken(&mut allowance, now + INTERVAL * 10), 10);
        assert_eq!(taken(&mut allowance, now + INTERVAL * 100_000), size(ALLOWANCE_MAX));
    }

    /// Has a client send at `times` its allowed rate for so many allowed packets, and counts what was too much, and what of
    /// that a flood.
    fn sent_at(times: u32, intervals: u32) -> (u32, u32) {
        let mut now = Timestamp::from_millis(1_000_000);
        let mut allowance = Allowance::new(now, INTERVAL);
        let (mut too_fast, mut floods) = (0, 0);
        for _ in 0..times * intervals {
            match allowance.take(now, INTERVAL) {
                Ok(()) => {}
                Err(UplinkRefusal::TooFast) => too_fast += 1,
                Err(UplinkRefusal::Flood) => floods += 1,
                Err(UplinkRefusal::SessionUnknown) => panic!("nobody asked"),
            }
            now = now + INTERVAL / times;
        }
        (too_fast, floods)
    }

    #[test]
    fn a_packet_may_come_when_it_is_said_and_not_a_moment_before() {
        let mut now = Timestamp::from_millis(1_000_000);
        let mut allowance = Allowance::new(now, INTERVAL);
        for sent in 0..1_000 {
            let ready_at = allowance.ready_at(now, INTERVAL);
            assert_eq!(ready_at > now, sent >= ALLOWANCE_AT_START, "{sent}");
            let early = ready_at - Duration::from_micros(1);
            assert!(sent < ALLOWANCE_AT_START || allowance.take(early, INTERVAL).is_err(), "{sent}");
            now = ready_at;
            assert_eq!(allowance.take(now, INTERVAL), Ok(()), "{sent}");
        }
    }

    #[test]
    fn too_much_is_a_flood_above_twice_the_allowed_rate_only() {
        assert_eq!(sent_at(1, 100_000), (0, 0));
        let (too_fast, floods) = sent_at(2, 100_000);
        assert!(too_fast > 99_000 && floods == 0, "{too_fast} {floods}");
        let (too_fast, floods) = sent_at(3, 1_000);
        assert!(too_fast > 1_000 && floods > 500, "{too_fast} {floods}");
        let (too_fast, floods) = sent_at(1_000, 10);
        assert!(too_fast < ALLOWANCE_MAX + 11 && floods > 9_000, "{too_fast} {floods}");
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
