//! When a node publishes, polls and tries again. Pure: the time and the generator come from the caller.

use std::time::Duration;

use rand::{CryptoRng, RngExt};
use sotto_protocol::directory::{epoch_of, epoch_start};
use sotto_protocol::time::Timestamp;

/// The shortest pause before another attempt.
pub const RETRY_MIN: Duration = Duration::from_millis(200);

/// The longest pause before another attempt.
pub const RETRY_MAX: Duration = Duration::from_secs(5);

/// The longest pause of a node that its authority does not admit, before it asks again.
pub const NOT_ADMITTED_RETRY_MAX: Duration = Duration::from_secs(60);

/// An authority has at least a hundredth of an epoch, and this time at most, to sign before anybody asks.
pub const POLL_LAG_MAX: Duration = Duration::from_millis(500);

/// Polls for a new consensus are spread over at most this time after the epoch's start.
pub const POLL_SPREAD_MAX: Duration = Duration::from_secs(10);

/// When to try again what has failed since `failing_since`: after a twentieth of the time waited so far, so
/// that a short outage is noticed at once and a long one costs nobody much.
pub(super) fn retry_at(now: Timestamp, failing_since: Timestamp) -> Timestamp {
    now + (now.since(failing_since) / 20).clamp(RETRY_MIN, RETRY_MAX)
}

/// As [`retry_at`], for a node that its authority does not admit. Its operator has to be waited for, which takes minutes or
/// days, so after a quarter of the time waited so far.
pub(super) fn retry_not_admitted_at(now: Timestamp, failing_since: Timestamp) -> Timestamp {
    now + (now.since(failing_since) / 4).clamp(RETRY_MIN, NOT_ADMITTED_RETRY_MAX)
}

/// When to publish again after a descriptor was accepted: in the next epoch, once its consensus is out and
/// well before the one after it is made.
pub(super) fn next_publication(now: Timestamp, epoch_s: u32, rng: &mut impl CryptoRng) -> Timestamp {
    let next = epoch_start(epoch_of(now, epoch_s).saturating_add(1), epoch_s);
    let length = Duration::from_secs(epoch_s.into());
    next + spread(length / 10, rng) + length / 10 * rng.random_range(1..5)
}

/// When to ask for the consensus that follows one that is valid until `valid_until`.
pub(super) fn next_poll(valid_until: Timestamp, epoch_s: u32, rng: &mut impl CryptoRng) -> Timestamp {
    let length = Duration::from_secs(epoch_s.into());
    valid_until + (length / 100).min(POLL_LAG_MAX) + spread((length / 60).min(POLL_SPREAD_MAX), rng)
}

/// A uniform share of `span`.
fn spread(span: Duration, rng: &mut impl CryptoRng) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.random_range(0..=micros))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn retries_grow_with_the_time_waited_between_their_bounds() {
        let since = Timestamp::from_millis(1_000_000);
        for (waited_ms, pause_ms) in
            [(0, 200), (4_000, 200), (20_000, 1_000), (100_000, 5_000), (9_000_000, 5_000)]
        {
            let now = since + Duration::from_millis(waited_ms);
            assert_eq!(
                retry_at(now, since).since(now),
                Duration::from_millis(pause_ms),
                "after {waited_ms} ms"
            );
        }
    }

    #[test]
    fn a_node_that_is_not_admitted_asks_less_and_less() {
        let since = Timestamp::from_millis(1_000_000);
        let retries = |span_s: u64| {
            let mut now = since;
            let times = std::iter::from_fn(|| {
                now = retry_not_admitted_at(now, since);
                Some(now)
            });
            times.take_while(|at| at.since(since) <= Duration::from_secs(span_s)).count()
        };
        assert_eq!(retries(1), 5, "whoever is admitted a moment after its start is there at once");
        assert_eq!(retries(8), 14);
        let day = Duration::from_secs(86_400);
        let now = since + day;
        assert_eq!(retry_not_admitted_at(now, since).since(now), NOT_ADMITTED_RETRY_MAX);
        assert!(retries(86_400) < 1_500, "hardly more than one a minute");
    }

    #[test]
    fn a_node_publishes_in_the_first_half_of_every_epoch() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut now = Timestamp::from_millis(1_700_000_123_456);
        for _ in 0..200 {
            let next = next_publication(now, 60, &mut rng);
            assert_eq!(epoch_of(next, 60), epoch_of(now, 60) + 1);
            assert!(next.since(epoch_start(epoch_of(next, 60), 60)) <= Duration::from_secs(30));
            now = next;
        }
    }

    #[test]
    fn polls_follow_the_epochs_start_closely() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let start = Timestamp::from_millis(1_700_000_000_000);
        for (epoch_s, first_ms, last_ms) in [(10, 100, 267), (3600, 500, 10_500), (86_400, 500, 10_500)] {
            for _ in 0..100 {
                let poll = next_poll(start, epoch_s, &mut rng);
                assert!(poll >= start + Duration::from_millis(first_ms));
                assert!(poll <= start + Duration::from_millis(last_ms));
            }
        }
    }
}
