//! The set of all tags seen under one hop key.

use std::fmt;

use super::run::ENTRY_BITS;
use super::shard::Shard;
use super::{Fingerprint, ReplayTag, ReplayVerdict, TagHashKey};

/// The upper bits of a fingerprint tell its shard.
const SHARDS: usize = 1 << (Fingerprint::BITS - ENTRY_BITS);
const ENTRY_MASK: u64 = (1 << ENTRY_BITS) - 1;

/// The tags seen under one key. It forgets nothing: it is dropped with its key. `Debug` shows how many there are.
///
/// Looking up and adding take a time that does not depend on who made the tags: one in 512 additions merges a
/// shard, a thousandth of the set.
pub struct ReplaySet {
    key: TagHashKey,
    shards: Box<[Shard]>,
    /// Holds one shard's entries while they are merged.
    scratch: Vec<u64>,
    /// Shards that [`freeze_step`](Self::freeze_step) has been through.
    frozen: usize,
    len: usize,
    tags_max: usize,
}

impl ReplaySet {
    /// An empty set that takes at most `tags_max` tags.
    #[must_use]
    pub fn new(key: TagHashKey, tags_max: usize) -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Self { key, shards, scratch: Vec::new(), frozen: 0, len: 0, tags_max }
    }

    /// Looks `tag` up and remembers it. Call only for a packet whose header MAC has been verified. What is
    /// [`ReplayVerdict::Fresh`] has its fingerprint to be made durable before the packet leaves the node.
    pub fn insert(&mut self, tag: &ReplayTag) -> (ReplayVerdict, Fingerprint) {
        self.insert_below(self.tags_max, tag)
    }

    /// As [`insert`](Self::insert), for what may take half of the room and no more.
    pub fn insert_in_half(&mut self, tag: &ReplayTag) -> (ReplayVerdict, Fingerprint) {
        self.insert_below(self.tags_max / 2, tag)
    }

    /// Remembers a fingerprint that was made durable earlier under the same key, whether there is room or not:
    /// its packet has left the node.
    pub fn restore(&mut self, fingerprint: Fingerprint) {
        self.remember(fingerprint);
    }

    /// As [`restore`](Self::restore), for many at once, which are brought into order: a million of them take a fraction
    /// of the time, since one shard is worked on after the other.
    pub fn restore_batch(&mut self, fingerprints: &mut [Fingerprint]) {
        fingerprints.sort_unstable();
        for fingerprint in fingerprints {
            self.remember(*fingerprint);
        }
    }

    /// To be called when the key's epoch is over and few tags are to come: brings the set into its densest form.
    /// Tags that come later are remembered all the same. It takes a tenth of a second with 18 million tags; who
    /// cannot wait so long calls [`freeze_step`](Self::freeze_step).
    pub fn freeze(&mut self) {
        while self.freeze_step() {}
    }

    /// As [`freeze`](Self::freeze), for the next of 1,024 shards alone. Returns whether there are more.
    pub fn freeze_step(&mut self) -> bool {
        if let Some(shard) = self.shards.get_mut(self.frozen) {
            shard.freeze(&mut self.scratch);
            self.frozen = self.frozen.saturating_add(1);
        }
        let has_more = self.frozen < SHARDS;
        if !has_more {
            self.frozen = 0;
            self.scratch = Vec::new();
        }
        has_more
    }

    /// How many tags are remembered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no tag is remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many tags it takes at most.
    #[must_use]
    pub const fn tags_max(&self) -> usize {
        self.tags_max
    }

    /// Bytes of memory that the set takes, without what the allocator adds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let shards: usize = self.shards.iter().map(Shard::memory_bytes).sum();
        let scratch = self.scratch.capacity().saturating_mul(size_of::<u64>());
        size_of::<Self>() + size_of_val::<[Shard]>(&self.shards) + shards + scratch
    }

    fn insert_below(&mut self, tags_max: usize, tag: &ReplayTag) -> (ReplayVerdict, Fingerprint) {
        let fingerprint = self.key.fingerprint(tag);
        (self.judge(tags_max, fingerprint), fingerprint)
    }

    pub(super) fn judge(&mut self, tags_max: usize, fingerprint: Fingerprint) -> ReplayVerdict {
        if self.len < tags_max {
            return if self.remember(fingerprint) { ReplayVerdict::Fresh } else { ReplayVerdict::Replayed };
        }
        let (number, entry) = place(fingerprint);
        if self.shards.get(number).is_some_and(|shard| shard.contains(entry)) {
            ReplayVerdict::Replayed
        } else {
            ReplayVerdict::Full
        }
    }

    /// Whether it was not there.
    fn remember(&mut self, fingerprint: Fingerprint) -> bool {
        let (number, entry) = place(fingerprint);
        // There is a shard for each number.
        let is_new = self.shards.get_mut(number).is_some_and(|shard| shard.insert(entry, &mut self.scratch));
        self.len = self.len.saturating_add(usize::from(is_new));
        is_new
    }
}

impl fmt::Debug for ReplaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplaySet({} of {} tags)", self.len, self.tags_max)
    }
}

/// The shard of a fingerprint, and its entry there.
fn place(fingerprint: Fingerprint) -> (usize, u64) {
    let bits = fingerprint.bits();
    (usize::try_from(bits >> ENTRY_BITS).unwrap_or(usize::MAX), bits & ENTRY_MASK)
}
