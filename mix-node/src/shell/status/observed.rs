//! A status as the operator's commands and the metrics look at it: typed where the status is, and forgiving where
//! the transport makes parts of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sotto_protocol::directory::epoch_of;
use sotto_protocol::time::Timestamp;

use super::MixStatus;

/// A status with what is made of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    pub(crate) status: MixStatus,
    pub(crate) peers: Vec<PeerView>,
}

/// An outgoing link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct PeerView {
    pub(crate) node: String,
    pub(crate) up: bool,
    pub(crate) queued: u64,
    pub(crate) packets_sent: u64,
    pub(crate) packets_lost: u64,
    pub(crate) connects: u64,
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Observed {
    /// From what the control socket answers.
    ///
    /// # Errors
    ///
    /// When it is no status: the node is ending, or of another version.
    pub(crate) fn from_value(value: Value) -> Result<Self, serde_json::Error> {
        let status: MixStatus = serde_json::from_value(value)?;
        let peers = serde_json::from_value(status.member.peers.clone()).unwrap_or_default();
        Ok(Self { status, peers })
    }

    /// Why the last attempt at `what` (`publish` or `fetch`) failed, label and words, if it did.
    pub(crate) fn failure(&self, what: &str) -> Option<(&str, &str)> {
        let failure = self.status.member.membership.get(format!("{what}_failure"))?;
        Some((failure.get(0)?.as_str()?, failure.get(1)?.as_str()?))
    }

    /// The epoch in which the node's descriptor was last accepted.
    pub(crate) fn published_epoch(&self) -> Option<u64> {
        self.status.member.membership.get("published")?.as_u64()
    }

    /// By how many epochs the newest consensus is behind the time, `None` without a consensus.
    pub(crate) fn epochs_behind(&self, now: Timestamp, epoch_s: u32) -> Option<u64> {
        let epoch = self.status.report.consensus_epoch?;
        Some(epoch_of(now, epoch_s).saturating_sub(epoch))
    }

    /// Sessions, connected and resumable together.
    pub(crate) fn sessions(&self) -> usize {
        let sessions = &self.status.report.sessions;
        sessions.connected.saturating_add(sessions.resumable)
    }

    /// Replay tags of the key that has the most, and how many it may have; `None` without a key.
    pub(crate) fn tags(&self) -> Option<(usize, usize)> {
        let pipeline = &self.status.report.pipeline;
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        (pipeline.tags_max > 0).then(|| (number(pipeline.tags_fullest_key), number(pipeline.tags_max)))
    }
}
