//! What the logs of replay tags ask of the disk when the node unwraps as many packets as it can.
//!
//! No packet leaves before its tag is durable. One commit is under way at a time, and the next takes all tags that have
//! come meanwhile, so a slow disk makes packets late before it makes them few.

use std::time::Duration;

use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::Fingerprint;
use sotto_transport::node::tag_log::{RECORD_OVERHEAD, RECORD_TAGS_MAX};

use crate::core::COMMIT_INTERVAL;
use crate::shell::check::{Check, Verdict};

/// Epochs whose logs have tags: the present one and the one before.
const EPOCHS_KEPT: u64 = 2;
const DAY_S: u64 = 86_400;

/// What is known of the machine.
pub(super) struct Demand {
    /// Packets a second that it unwraps.
    pub(super) rate: u64,
    /// How long a durable write takes on average.
    pub(super) write: Duration,
    /// The length of an epoch.
    pub(super) epoch_s: u32,
    /// Bytes free on the disk, if the system tells.
    pub(super) free: Option<u64>,
}

/// Commits a second, one after the other.
pub(super) fn commits_per_s(write: Duration) -> u64 {
    let micros = u64::try_from(write.max(COMMIT_INTERVAL).as_micros()).unwrap_or(u64::MAX);
    1_000_000 / micros.max(1)
}

/// What the disk and the keys' room for tags allow, against what comes at most; nothing without a measurement.
pub(super) fn check(demand: Option<&Demand>) -> Option<Check> {
    let name = "tag-logs";
    let Demand { rate, write, epoch_s, free } = *demand?;
    let commits = commits_per_s(write);
    let by_disk = commits.saturating_mul(RECORD_TAGS_MAX.into());
    let by_key = u64::try_from(REPLAY_TAGS_MAX).unwrap_or(u64::MAX) / u64::from(epoch_s.max(1));
    let lasting = rate.min(by_key).min(by_disk);
    let day = bytes(lasting, commits, DAY_S);
    let kept = EPOCHS_KEPT.saturating_mul(bytes(lasting, commits, epoch_s.into()));
    let value = format!(
        "{commits} commits/s are enough for {by_disk} packets/s; {} MB a day at {lasting} packets/s",
        day / 1_000_000
    );
    let wrong = |explanation: String, remedy: &str| {
        Some(Check::wrong(name, Verdict::Warn, value.clone(), explanation, remedy))
    };
    if by_disk < rate {
        return wrong(
            format!("the processors unwrap {rate} packets/s: the disk holds them up"),
            "a disk of flash memory, or one with fewer users",
        );
    }
    let of_free = free.map(|free| format!(" of {} MB that are free", free / 1_000_000)).unwrap_or_default();
    if free.is_some_and(|free| free < kept) {
        return wrong(
            format!("the logs of two epochs take {} MB at that rate{of_free}", kept / 1_000_000),
            "make room, or move the node's directory to a larger disk",
        );
    }
    let room = if by_key < rate {
        format!(
            "; over an epoch of {epoch_s} s a key has room for the tags of {by_key} packets/s, less than `capacity`"
        )
    } else {
        String::new()
    };
    Some(Check::ok(
        name,
        value,
        format!("the logs of two epochs take {} MB{of_free}{room}", kept / 1_000_000),
    ))
}

/// Bytes that are written in so many seconds.
fn bytes(rate: u64, commits_per_s: u64, seconds: u64) -> u64 {
    let tags = rate.saturating_mul(Fingerprint::LEN as u64);
    // No more commits than tags.
    let overhead = commits_per_s.min(rate).saturating_mul(RECORD_OVERHEAD as u64);
    tags.saturating_add(overhead).saturating_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(rate: u64, write_ms: u64, free: Option<u64>) -> Demand {
        Demand { rate, write: Duration::from_millis(write_ms), epoch_s: 3_600, free }
    }

    #[test]
    fn the_figures_are_those_of_the_format() {
        // 200 commits and 1,000 tags a second: 200 * 10 + 1,000 * 7 bytes.
        let check = check(Some(&demand(1_000, 5, None))).unwrap();
        assert_eq!(check.verdict, Verdict::Ok);
        assert_eq!(
            check.value,
            "200 commits/s are enough for 1638400 packets/s; 777 MB a day at 1000 packets/s"
        );
        assert_eq!(check.explanation, "the logs of two epochs take 64 MB");
    }

    #[test]
    fn commits_are_no_closer_than_the_node_makes_them() {
        assert_eq!(commits_per_s(Duration::from_micros(10)), 500);
        assert_eq!(commits_per_s(Duration::from_secs(2)), 0);
    }

    #[test]
    fn a_key_s_room_a_slow_disk_and_a_small_one_are_told() {
        let many = check(Some(&demand(50_000, 2, None))).unwrap();
        assert_eq!(many.verdict, Verdict::Ok);
        assert!(many.explanation.contains("room for the tags of 18641 packets/s"), "{}", many.explanation);
        assert!(many.value.ends_with("at 18641 packets/s"), "{}", many.value);
        assert_eq!(check(Some(&demand(50_000, 500, None))).unwrap().verdict, Verdict::Warn);
        let kept = 2 * bytes(1_000, 200, 3_600);
        let verdict = |free| check(Some(&demand(1_000, 5, Some(free)))).unwrap().verdict;
        assert_eq!((verdict(kept), verdict(kept - 1)), (Verdict::Ok, Verdict::Warn));
        assert_eq!(check(None), None);
    }
}
