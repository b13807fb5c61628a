//! The time, for the shells to hand to the cores, and sleeping until a point in it.
//!
//! [`Clock`] starts from the system's time of day and advances with the monotonic clock, so that `now` never
//! goes back. Where the time of day runs ahead of it (a machine woke from sleep, on which the
//! monotonic clock had stood still, or NTP stepped a late clock forward) it follows. It does not follow
//! backwards: a node started with a clock that was ahead keeps that time until it is restarted.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sotto_protocol::time::Timestamp;
use tokio::time::Sleep;

/// How far the time of day may run ahead before the clock follows it: above the slewing of NTP.
const DRIFT_MAX: Duration = Duration::from_secs(2);

/// The longest single sleep, after which the time of day is looked at again.
const NAP_MAX: Duration = Duration::from_secs(5);

/// A clock that never goes back. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    /// What to add to the time since `started`, in microseconds since the Unix epoch. Only grows.
    base_micros: Arc<AtomicU64>,
}

impl Clock {
    /// The system's time, from now on.
    #[must_use]
    pub fn system() -> Self {
        Self { started: instant_now(), base_micros: Arc::new(AtomicU64::new(wall_micros())) }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed_micros = micros(instant_now().saturating_duration_since(self.started));
        let base_micros = self.base_micros.load(Ordering::Acquire);
        let base_micros = match base_that_catches_up(base_micros, elapsed_micros, wall_micros()) {
            Some(ahead) => self.base_micros.fetch_max(ahead, Ordering::AcqRel).max(ahead),
            None => base_micros,
        };
        Timestamp::from_micros(base_micros.saturating_add(elapsed_micros))
    }

    /// Returns when [`now`](Self::now) has reached `at`, never before; for [`Timestamp::NEVER`], not at all.
    ///
    /// Wakes at most about a millisecond late, the resolution of the runtime's timers, and within
    /// five seconds of waking up if the machine slept in between.
    pub async fn sleep_until(&self, at: Timestamp) {
        if at == Timestamp::NEVER {
            future::pending::<()>().await;
        }
        loop {
            let remaining = at.since(self.now());
            if remaining.is_zero() {
                return;
            }
            tokio::time::sleep(remaining.min(NAP_MAX)).await;
        }
    }
}

/// The new base of a clock that shows `base + elapsed` while the time of day is `wall`, if it has to
/// follow. All in microseconds.
fn base_that_catches_up(base_micros: u64, elapsed_micros: u64, wall_micros: u64) -> Option<u64> {
    let shown_micros = base_micros.saturating_add(elapsed_micros);
    let is_late = wall_micros > shown_micros.saturating_add(micros(DRIFT_MAX));
    is_late.then(|| wall_micros.saturating_sub(elapsed_micros))
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock for the cores")]
fn instant_now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the time of day")]
fn wall_micros() -> u64 {
    // A system set to a time before 1970 counts as 1970: its consensus will be refused as not yet valid.
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A span that starts over at each sign of life and can be waited for in between.
///
/// Unlike a timeout around each wait it keeps running when a wait is cancelled.
pub(crate) struct Countdown {
    span: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Countdown {
    /// Starts to count down `span`.
    pub(crate) fn new(span: Duration) -> Self {
        Self { span, sleep: Box::pin(tokio::time::sleep(span)) }
    }

    /// Starts over.
    #[expect(
        clippy::disallowed_methods,
        reason = "a deadline on the runtime's own clock, which tests may pause"
    )]
    pub(crate) fn restart(&mut self) {
        self.sleep.as_mut().reset(tokio::time::Instant::now() + self.span);
    }

    /// Returns when the span has run out.
    pub(crate) async fn run_out(&mut self) {
        self.sleep.as_mut().await;
    }
}

/// Measures how long something lasts, for decisions about retries only.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(instant_now())
    }

    /// The time since its start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        instant_now().saturating_duration_since(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_follows_a_time_of_day_that_ran_ahead_and_no_other() {
        let second = 1_000_000;
        assert_eq!(base_that_catches_up(100 * second, 5 * second, 105 * second), None);
        assert_eq!(base_that_catches_up(100 * second, 5 * second, 106 * second), None, "slewing");
        assert_eq!(base_that_catches_up(100 * second, 5 * second, 90 * second), None, "set back");
        assert_eq!(
            base_that_catches_up(100 * second, 5 * second, 3705 * second),
            Some(3700 * second),
            "slept"
        );
    }

    #[tokio::test]
    async fn sleeping_never_ends_early() {
        let clock = Clock::system();
        for span_ms in [0, 1, 7] {
            let at = clock.now() + Duration::from_millis(span_ms);
            clock.sleep_until(at).await;
            assert!(clock.now() >= at);
        }
    }

    #[tokio::test]
    async fn sleeping_until_never_does_not_end() {
        let clock = Clock::system();
        let slept =
            tokio::time::timeout(Duration::from_millis(20), clock.sleep_until(Timestamp::NEVER)).await;
        assert!(slept.is_err());
    }

    #[test]
    fn clones_agree_and_time_does_not_go_back() {
        let clock = Clock::system();
        let clone = clock.clone();
        let mut before = clock.now();
        for _ in 0..1000 {
            let now = clone.now();
            assert!(now >= before);
            before = now;
        }
    }
}
