//! The exact set of replay tags seen under one hop key.
//!
//! What is not here: keeping the tags across a restart; the caller's store does that before a packet
//! leaves the node.

use std::collections::HashSet;
use std::fmt;

/// Derived by HKDF from a packet's shared secret with one hop: equal for two packets only if the secret is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayTag([u8; 32]);

impl ReplayTag {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ReplayTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayTag([scrubbed])")
    }
}

/// What the cache says about a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// Not seen before; it is remembered now.
    Fresh,
    /// Seen before.
    Replayed,
    /// Not seen before, but there is no room to remember it, so the packet cannot be let through.
    Full,
}

/// The tags seen under one key. It forgets nothing: it is dropped with its key.
#[derive(Debug)]
pub struct ReplayCache {
    tags: HashSet<ReplayTag>,
    tags_max: usize,
}

impl ReplayCache {
    /// An empty cache that holds at most `tags_max` tags.
    #[must_use]
    pub fn new(tags_max: usize) -> Self {
        Self { tags: HashSet::new(), tags_max }
    }

    /// Looks `tag` up and remembers it. Call only for a packet whose header MAC has been verified.
    pub fn insert(&mut self, tag: ReplayTag) -> ReplayVerdict {
        self.insert_below(self.tags_max, tag)
    }

    /// As [`insert`](Self::insert), for what may take half of the room and no more.
    pub fn insert_in_half(&mut self, tag: ReplayTag) -> ReplayVerdict {
        self.insert_below(self.tags_max / 2, tag)
    }

    fn insert_below(&mut self, tags_max: usize, tag: ReplayTag) -> ReplayVerdict {
        if self.tags.contains(&tag) {
            return ReplayVerdict::Replayed;
        }
        if self.tags.len() >= tags_max {
            return ReplayVerdict::Full;
        }
        self.tags.insert(tag);
        ReplayVerdict::Fresh
    }

    /// How many tags are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether no tag is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}
