//! An alarm that stands, and what clears it.

use sotto_protocol::time::Timestamp;

use super::evidence::CHANCE_PER_LOOP;
use super::limits::{LOOP_ALARM_KEPT, RECOVERY_RATIO};

/// The state of an alarm between its raising and its clearing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) raised_at: Timestamp,
    /// When the fate of a loop over the suspect was last known.
    heard_at: Timestamp,
    /// The share of loops that the harm takes.
    share: f64,
    /// How much better chance explains the latest loops than the harm does, at least one: a test in the
    /// other direction, by Page's rule.
    recovery: f64,
}

impl Standing {
    /// An alarm raised at `raised_at` because of harm to this share of the loops.
    pub(crate) const fn new(raised_at: Timestamp, now: Timestamp, share: f64) -> Self {
        Self { raised_at, heard_at: now, share, recovery: 1.0 }
    }

    /// Takes a loop over the suspect; says whether the harm is over.
    pub(crate) fn observe(&mut self, now: Timestamp, bad: bool) -> bool {
        let chance = CHANCE_PER_LOOP;
        let ratio = if bad { chance / self.share } else { (1.0 - chance) / (1.0 - self.share) };
        self.recovery = (self.recovery * ratio).max(1.0);
        self.heard_at = now;
        self.recovery >= RECOVERY_RATIO
    }

    /// Whether nothing was heard of the suspect for too long.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        now.since(self.heard_at) > LOOP_ALARM_KEPT
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn loops_to_clear(share: f64) -> u32 {
        let now = Timestamp::from_millis(0);
        let mut standing = Standing::new(now, now, share);
        let mut loops = 1;
        while !standing.observe(now, false) {
            loops += 1;
        }
        loops
    }

    #[test]
    fn the_more_was_taken_the_sooner_recovery_shows() {
        assert_eq!([0.95, 0.5, 0.24].map(loops_to_clear), [4, 15, 40]);
    }

    #[test]
    fn harm_that_goes_on_clears_nothing() {
        let now = Timestamp::from_millis(0);
        let mut standing = Standing::new(now, now, 0.5);
        for _ in 0..1_000 {
            assert!(!standing.observe(now, false));
            assert!(!standing.observe(now, true));
        }
    }

    #[test]
    fn silence_clears_after_a_day() {
        let now = Timestamp::from_millis(0);
        let standing = Standing::new(now, now, 0.5);
        assert!(!standing.is_stale(now + LOOP_ALARM_KEPT));
        assert!(standing.is_stale(now + LOOP_ALARM_KEPT + Duration::from_millis(1)));
    }
}
