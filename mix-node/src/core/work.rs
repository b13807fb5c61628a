//! The work that a mix hands out: layers to take off packets, tags to make durable.
//!
//! Both take long where the core must not: the one is almost all of a packet's computation and runs on every
//! processor, the other waits for a disk. What comes back is handed in again as an event.

use std::fmt;
use std::time::Duration;

use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, Opened};
use sotto_protocol::sphinx::{Fingerprint, Packet, Refusal};
use sotto_protocol::time::Timestamp;

/// Packets that were admitted, to be unwrapped by whoever has a processor to spare.
pub struct UnwrapJob {
    pub(super) arrived: Vec<Timestamp>,
    pub(super) packets: Vec<Packet>,
    pub(super) now_epoch: u64,
    pub(super) delay_max: Duration,
    /// Shared with the core. What a job still holds is wiped when the job is done.
    pub(super) keys: HopKeys,
}

impl UnwrapJob {
    /// How many packets.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether there is no packet; the core makes no such job.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Takes this node's layer off each packet.
    pub fn run(self, unwrapper: &mut BatchUnwrapper) -> UnwrapDone {
        let mut opened = Vec::with_capacity(self.packets.len());
        unwrapper.unwrap(&self.keys, self.now_epoch, self.delay_max, self.packets, &mut opened);
        UnwrapDone { arrived: self.arrived, opened }
    }
}

impl fmt::Debug for UnwrapJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnwrapJob({} packets)", self.packets.len())
    }
}

/// What came of a job, packet by packet.
#[must_use = "its packets stay `held` until it is handed in"]
pub struct UnwrapDone {
    pub(super) arrived: Vec<Timestamp>,
    pub(super) opened: Vec<Result<Opened, Refusal>>,
}

impl fmt::Debug for UnwrapDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnwrapDone({} packets)", self.opened.len())
    }
}

/// Tags that have to be durable before the packets leave that they were taken from.
#[must_use = "the packets stay `held` until the commit is handed back"]
pub struct TagCommit {
    /// Which commit it is, to be handed back with its outcome.
    pub id: CommitId,
    /// Each tag's fingerprint with the epoch of the key that it was seen under.
    pub tags: Vec<(u64, Fingerprint)>,
}

impl fmt::Debug for TagCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagCommit({:?}, {} tags)", self.id, self.tags.len())
    }
}

/// A commit's number. They are handed back in the order in which they were handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitId(pub(super) u64);
