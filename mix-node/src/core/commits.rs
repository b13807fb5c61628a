//! Packets between their unwrapping and the moment from which a restarted node would know them again.
//!
//! One commit is under way at a time, and the next takes all that has come since: a group commit (Gawlick and
//! Kinkade, "Varieties of Concurrency Control in IMS/VS Fast Path", 1985). A packet whose delay is longer than a
//! commit loses no time by it. What a commit does is not decided here, nor what becomes of a packet afterwards.

use std::collections::VecDeque;
use std::time::Duration;

use sotto_protocol::sphinx::Fingerprint;
use sotto_protocol::time::Timestamp;

use super::work::{CommitId, TagCommit};

/// Things that wait for the commit of their tags.
pub(crate) struct Commits<T> {
    interval: Duration,
    /// Tags of no commit yet.
    tags: Vec<(u64, Fingerprint)>,
    /// What waits, each with the commit that it waits for, in order.
    waiting: VecDeque<(CommitId, T)>,
    /// The number of the commit that takes `tags`.
    next: CommitId,
    under_way: Option<CommitId>,
    /// When the next commit may begin.
    due: Timestamp,
}

impl<T> Commits<T> {
    /// Nothing waits; commits begin at least `interval` apart.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self {
            interval,
            tags: Vec::new(),
            waiting: VecDeque::new(),
            next: CommitId(0),
            under_way: None,
            due: Timestamp::from_micros(0),
        }
    }

    /// A tag for the next commit.
    pub(crate) fn add(&mut self, epoch: u64, fingerprint: Fingerprint) {
        self.tags.push((epoch, fingerprint));
    }

    /// How many tags wait for the next commit.
    pub(crate) const fn tags_len(&self) -> usize {
        self.tags.len()
    }

    /// Lets `item` wait for the commit of the tags added so far.
    pub(crate) fn wait(&mut self, item: T) {
        self.waiting.push_back((self.next, item));
    }

    /// When a commit can begin, [`Timestamp::NEVER`] while one is under way or there is no tag.
    pub(crate) const fn deadline(&self) -> Timestamp {
        if self.under_way.is_none() && !self.tags.is_empty() { self.due } else { Timestamp::NEVER }
    }

    /// The commit to begin now, if one is due.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Option<TagCommit> {
        if self.deadline() > now {
            return None;
        }
        let id = self.next;
        self.next = CommitId(id.0.saturating_add(1));
        self.under_way = Some(id);
        self.due = now + self.interval;
        Some(TagCommit { id, tags: std::mem::take(&mut self.tags) })
    }

    /// Notes the end of a commit. What waited for it comes out of [`Commits::pop_ended`].
    pub(crate) fn end(&mut self, id: CommitId) {
        if self.under_way == Some(id) {
            self.under_way = None;
        }
    }

    /// Takes the next item whose commit has ended.
    pub(crate) fn pop_ended(&mut self) -> Option<T> {
        let first_open = self.under_way.unwrap_or(self.next);
        if self.waiting.front().is_some_and(|(id, _)| *id < first_open) {
            return self.waiting.pop_front().map(|(_, item)| item);
        }
        None
    }

    /// Takes everything that waits, committed or not.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, item)| item)
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
