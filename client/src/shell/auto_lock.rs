//! When a profile locks by itself: so many minutes after the last command of the user.
//!
//! It is told of activity and asked for its deadline; it has no clock and locks nothing. What counts as activity is
//! decided where calls arrive.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

/// The longest time that can be asked for, in minutes: a week.
pub const AUTO_LOCK_MIN_MAX: u32 = 7 * 24 * 60;

const SECONDS_A_MINUTE: u64 = 60;

/// The decision when to lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AutoLock {
    /// None: never.
    idle_max: Option<Duration>,
    active_at: Timestamp,
}

/// So many minutes as [`AutoLock`] takes them; 0 for never.
#[must_use]
pub fn idle_max(minutes: u32) -> Option<Duration> {
    let seconds = u64::from(minutes.min(AUTO_LOCK_MIN_MAX)).saturating_mul(SECONDS_A_MINUTE);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

impl AutoLock {
    /// Locks after this long without activity, from `now` on; none for never.
    #[must_use]
    pub const fn new(idle_max: Option<Duration>, now: Timestamp) -> Self {
        Self { idle_max, active_at: now }
    }

    /// The user has done something. A time that lies back is not counted.
    pub fn active(&mut self, now: Timestamp) {
        self.active_at = self.active_at.max(now);
    }

    /// When to lock, unless something happens before.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.idle_max.map_or(Timestamp::NEVER, |idle_max| self.active_at + idle_max)
    }

    /// Whether it is time.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.deadline() <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> Timestamp {
        Timestamp::from_millis(1_777_638_896_000) + MINUTE * minutes
    }

    #[test]
    fn it_is_due_so_many_minutes_after_the_last_activity() {
        let mut lock = AutoLock::new(idle_max(10), at(0));
        assert_eq!(lock.deadline(), at(10));
        lock.active(at(7));
        assert!(!lock.is_due(at(17) - Duration::from_micros(1)));
        assert!(lock.is_due(at(17)));
        lock.active(at(3));
        assert_eq!(lock.deadline(), at(17), "what is told late moves nothing back");
        assert!(lock.is_due(at(1_000_000)), "a machine that slept through the moment locks when it wakes");
    }

    #[test]
    fn nothing_asked_for_is_never_and_too_much_is_the_most() {
        let mut never = AutoLock::new(idle_max(0), at(0));
        assert_eq!(never.deadline(), Timestamp::NEVER);
        never.active(at(5));
        assert!(!never.is_due(at(1_000_000)));
        assert_eq!(AutoLock::new(idle_max(u32::MAX), at(0)).deadline(), at(AUTO_LOCK_MIN_MAX));
    }
}
