//! The entry that the client connects to: one, kept as long as it works.
//!
//! An entry sees a client's address. A client that tried many would sooner or later meet a bad one, so the
//! choice is sticky, survives restarts and changes only after repeated failure or when the entry leaves.

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;

use super::limits::ENTRY_FAILURES_MAX;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Where the profile as a whole is kept.
pub(crate) const PROFILE_KEY: RecordKey = RecordKey { kind: RecordKind::Profile, id: [0; 16] };

/// What is kept of the profile as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The entry in use.
    pub(crate) entry: Option<NodeId>,
}

impl Profile {
    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: PROFILE_KEY, value: record::encode(self)? })
    }
}

/// The choice and how often in a row it has failed.
#[derive(Debug, Default)]
pub(crate) struct StickyEntry {
    chosen: Option<NodeId>,
    failures: u32,
}

impl StickyEntry {
    /// The choice that was kept.
    pub(crate) const fn restored(profile: Profile) -> Self {
        Self { chosen: profile.entry, failures: 0 }
    }

    /// The choice, if there is one.
    pub(crate) const fn chosen(&self) -> Option<NodeId> {
        self.chosen
    }

    /// The entry to connect to, of those that the consensus lists. Whether it is a new choice.
    pub(crate) fn choose(
        &mut self,
        consensus: &Consensus,
        rng: &mut impl CryptoRng,
    ) -> Option<(NodeId, bool)> {
        let entries: Vec<NodeId> = consensus.entries().map(|entry| entry.node).collect();
        let current = self.chosen.filter(|chosen| entries.contains(chosen));
        if let Some(current) = current
            && self.failures < ENTRY_FAILURES_MAX
        {
            return Some((current, false));
        }
        let others: Vec<NodeId> = entries.into_iter().filter(|entry| Some(*entry) != current).collect();
        let next = others.choose(rng).copied().or(current)?;
        self.failures = 0;
        let is_new = self.chosen != Some(next);
        self.chosen = Some(next);
        Some((next, is_new))
    }

    /// The entry could not be reached.
    pub(crate) fn failed(&mut self, entry: &NodeId) {
        if self.chosen == Some(*entry) {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// The entry works.
    pub(crate) fn worked(&mut self, entry: &NodeId) {
        if self.chosen == Some(*entry) {
            self.failures = 0;
        }
    }
}
