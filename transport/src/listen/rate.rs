//! A rate with room for bursts, as one point in time: the generic cell rate algorithm (ITU-T I.371, annex A), which
//! admits what a token bucket would.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

/// So many in a second, and so many at once after a pause.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    /// Between two, of those who come as fast as they may for long.
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// `per_s` a second, at least one; `burst` at once, at least one.
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_s.max(1), burst: burst.max(1) }
    }

    /// Until when everything will be paid for if one more is admitted `now`; `None` if it is too much.
    ///
    /// `paid_until` says it for what was admitted so far; zero if there was nothing.
    pub(super) fn admit(self, now: Timestamp, paid_until: Timestamp) -> Option<Timestamp> {
        let paid_until = paid_until.max(now) + self.interval;
        (paid_until <= now + self.interval.saturating_mul(self.burst)).then_some(paid_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(rate: Rate, now: Timestamp, paid_until: &mut Timestamp) -> u32 {
        let mut count = 0;
        while let Some(paid) = rate.admit(now, *paid_until) {
            *paid_until = paid;
            count += 1;
        }
        count
    }

    #[test]
    fn a_burst_is_bounded_and_time_brings_more_up_to_the_burst() {
        let rate = Rate::new(10, 5);
        let now = Timestamp::from_millis(1_000_000);
        let mut paid_until = Timestamp::default();
        assert_eq!(admitted(rate, now, &mut paid_until), 5);
        assert_eq!(admitted(rate, now, &mut paid_until), 0);
        assert_eq!(admitted(rate, now + Duration::from_millis(99), &mut paid_until), 0);
        assert_eq!(admitted(rate, now + Duration::from_millis(200), &mut paid_until), 2);
        assert_eq!(admitted(rate, now + Duration::from_secs(3600), &mut paid_until), 5);
    }
}
