//! What is shown of files, and how fast they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sotto_protocol::time::Timestamp;

use super::part::PART_LEN;
use super::transfer::{Stage, Transfer};
use crate::core::message::Direction;
use crate::core::scheduler::WRITE_SHARE;

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Nobody has said whether it is wanted. A received one in a restored profile is shown so, too.
    Offered,
    /// Parts are sent, or come.
    Running,
    /// One side has paused it.
    Paused,
    /// Received: all of it is there, and is being checked.
    Checking,
    /// Received: whole and checked. Sent: the receiver has told so.
    Done,
    /// The receiver does not want it.
    Declined,
    /// One of the sides wants it no more.
    Cancelled,
    /// Another file came than was offered, or what was asked for is not here any more.
    Failed,
}

impl FileState {
    pub(super) const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Offered => Self::Offered,
            Stage::Running => Self::Running,
            Stage::Held | Stage::Paused => Self::Paused,
            Stage::Checking => Self::Checking,
            Stage::Done => Self::Done,
            Stage::Declined => Self::Declined,
            Stage::Cancelled => Self::Cancelled,
            Stage::Wrong | Stage::Gone => Self::Failed,
        }
    }

    /// The stable name of the state, as in JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Checking => "checking",
            Self::Done => "done",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing happens any more by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Declined | Self::Cancelled | Self::Failed)
    }
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileView {
    /// The contact's name.
    pub contact: String,
    /// The place of its message in the conversation.
    pub seq: u64,
    /// Whether it is sent or received.
    pub direction: Direction,
    /// What its sender calls it: text to show, escaped, and never a path.
    pub name: String,
    /// Its length in bytes, as its sender says.
    pub size: u64,
    /// How far it is.
    pub state: FileState,
    /// Sent: bytes that every replica has stored. Received: bytes that have come.
    pub done_bytes: u64,
    /// Bytes per second: as measured, or before that as the slots allow. None unless it is running.
    pub rate_bytes_per_s: Option<u64>,
    /// Seconds that are left at this rate.
    pub eta_s: Option<u64>,
}

/// How fast one file is, and how much of it was told.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    since: Timestamp,
    from_bytes: u64,
    told_percent: u64,
}

/// From so much time on a rate is one that was measured.
const MEASURED_MIN: Duration = Duration::from_secs(10);

impl Pace {
    pub(super) const fn new(now: Timestamp, done_bytes: u64) -> Self {
        Self { since: now, from_bytes: done_bytes, told_percent: 0 }
    }

    /// The measured rate in bytes per second, once there is one.
    pub(super) fn rate(&self, now: Timestamp, done_bytes: u64) -> Option<u64> {
        let span = now.since(self.since);
        let gained = done_bytes.saturating_sub(self.from_bytes);
        let measured = span >= MEASURED_MIN && gained > 0;
        measured.then(|| gained.saturating_mul(1000) / u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether a further percent of it is done since this was asked last.
    pub(super) fn is_news(&mut self, done_bytes: u64, size: u64) -> bool {
        let percent = done_bytes.saturating_mul(100).checked_div(size).unwrap_or(100);
        let is_news = percent > self.told_percent;
        self.told_percent = percent;
        is_news
    }
}

/// What the slots of a class carry while one file is sent and polls wait, in bytes per second.
pub(super) fn expected_rate(payload_interval_ms_mean: u32, replicas: u8) -> u64 {
    let (writes, slots) = WRITE_SHARE;
    let bytes = (PART_LEN as u64).saturating_mul(1000).saturating_mul(writes);
    let per = u64::from(payload_interval_ms_mean).saturating_mul(u64::from(replicas)).saturating_mul(slots);
    bytes.checked_div(per).unwrap_or(0)
}

/// What is shown of a transfer, apart from its rate.
pub(super) fn done_bytes(transfer: &Transfer, under_way: u64) -> u64 {
    match (transfer.stage, transfer.direction) {
        (Stage::Done | Stage::Checking, _) => transfer.size,
        (Stage::Running | Stage::Paused | Stage::Held, _) => {
            transfer.size.saturating_sub(transfer.bytes_of(&transfer.open)).saturating_sub(under_way)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_measured_and_each_percent_is_news_once() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let mut pace = Pace::new(at(0), 1000);
        assert_eq!(pace.rate(at(5), 6000), None);
        assert_eq!(pace.rate(at(10), 6000), Some(500));
        let told: Vec<u64> = (0..=1000).filter(|done| pace.is_news(*done, 1000)).collect();
        assert_eq!(told, (1..=100).map(|percent| percent * 10).collect::<Vec<u64>>());
    }

    #[test]
    fn the_slots_of_a_class_give_a_rate() {
        // Ten slots a second, four of five for writes, each box twice.
        assert_eq!(expected_rate(100, 2), 4 * PART_LEN as u64);
        assert_eq!(expected_rate(0, 2), 0);
    }
}
