//! One Poisson process: the times at which something is sent whether there is something to say or not.
//!
//! Each time follows from the previous one and a single draw, never from what is sent, so that the
//! times carry nothing about the traffic.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

use super::config::CATCH_UP_MAX;

/// A Poisson process with a mean interval; a mean of zero means that it never ticks.
#[derive(Clone, Debug)]
pub(crate) struct PoissonClock {
    interval_mean: Duration,
    due: Timestamp,
}

impl PoissonClock {
    /// A process that starts now.
    pub(crate) fn new(now: Timestamp, interval_mean: Duration, rng: &mut impl CryptoRng) -> Self {
        Self { interval_mean, due: next(now, interval_mean, rng) }
    }

    /// The time of the next tick, [`Timestamp::NEVER`] if there is none.
    pub(crate) const fn due(&self) -> Timestamp {
        self.due
    }

    /// Passes the tick that is due and draws the next one, counted from when this tick was due and not
    /// from when the caller came round to it. A process that fell far behind starts afresh from `now`.
    pub(crate) fn advance(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let base = if now.since(self.due) > CATCH_UP_MAX { now } else { self.due };
        self.due = next(base, self.interval_mean, rng);
    }

    /// Adopts another mean. A tick already drawn is drawn anew, which is the same process, as the
    /// exponential distribution has no memory.
    pub(crate) fn set_interval_mean(
        &mut self,
        now: Timestamp,
        interval_mean: Duration,
        rng: &mut impl CryptoRng,
    ) {
        if interval_mean != self.interval_mean {
            *self = Self::new(now, interval_mean, rng);
        }
    }
}

fn next(base: Timestamp, interval_mean: Duration, rng: &mut impl CryptoRng) -> Timestamp {
    if interval_mean.is_zero() {
        return Timestamp::NEVER;
    }
    base + draw_exponential(interval_mean, rng)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const MEAN: Duration = Duration::from_millis(100);

    #[test]
    fn a_mean_of_zero_never_ticks() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        assert_eq!(
            PoissonClock::new(Timestamp::from_millis(5), Duration::ZERO, &mut rng).due(),
            Timestamp::NEVER
        );
    }

    #[test]
    fn the_rate_is_the_one_asked_for() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let start = Timestamp::from_millis(0);
        let mut clock = PoissonClock::new(start, MEAN, &mut rng);
        for _ in 1..10_000 {
            clock.advance(clock.due(), &mut rng);
        }
        let interval_mean_ms = clock.due().since(start).as_secs_f64() * 1000.0 / 10_000.0;
        assert!(
            (97.0..103.0).contains(&interval_mean_ms),
            "four standard errors are 4 ms, got {interval_mean_ms} ms"
        );
    }

    #[test]
    fn a_late_caller_does_not_shift_the_times() {
        let start = Timestamp::from_millis(0);
        let times = |lateness: Duration| {
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let mut clock = PoissonClock::new(start, MEAN, &mut rng);
            let mut times = vec![];
            for _ in 0..50 {
                times.push(clock.due());
                clock.advance(clock.due() + lateness, &mut rng);
            }
            times
        };
        assert_eq!(times(Duration::ZERO), times(Duration::from_millis(30)));
    }

    #[test]
    fn after_a_long_stop_the_process_starts_afresh_instead_of_bursting() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let mut clock = PoissonClock::new(Timestamp::from_millis(0), MEAN, &mut rng);
        let late = Timestamp::from_millis(3_600_000);
        clock.advance(late, &mut rng);
        assert!(clock.due() > late);
    }

    #[test]
    fn another_mean_is_adopted_and_the_same_mean_changes_nothing() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let now = Timestamp::from_millis(1_000);
        let mut clock = PoissonClock::new(now, MEAN, &mut rng);
        let due = clock.due();
        clock.set_interval_mean(now, MEAN, &mut rng);
        assert_eq!(clock.due(), due);
        clock.set_interval_mean(now, Duration::ZERO, &mut rng);
        assert_eq!(clock.due(), Timestamp::NEVER);
    }
}
