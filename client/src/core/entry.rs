//! The entry that the client connects to: one, kept as long as it works.
//!
//! An entry sees a client's address. A client that tried many would sooner or later meet a bad one, so the
//! choice is sticky and survives restarts. A network that is down looks like an entry that fails, and happens
//! every day: so after repeated failure the client takes turns among a few entries that it keeps, the first
//! choice first after a restart, and never goes on to further ones while these are listed.

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;

use super::limits::{ENTRIES_KEPT_MAX, ENTRY_FAILURES_MAX};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Where the profile as a whole is kept.
pub(crate) const PROFILE_KEY: RecordKey = RecordKey { kind: RecordKind::Profile, id: [0; 16] };

/// What is kept of the profile as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The entries that were chosen, in the order of choice.
    pub(crate) entries: Vec<NodeId>,
}

impl Profile {
    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: PROFILE_KEY, value: record::encode(self)? })
    }
}

/// The choices, which of them is in use, and how often in a row it has failed.
#[derive(Debug, Default)]
pub(crate) struct StickyEntry {
    entries: Vec<NodeId>,
    at: usize,
    failures: u32,
}

impl StickyEntry {
    /// The choices that were kept.
    pub(crate) fn restored(profile: &Profile) -> Self {
        Self { entries: profile.entries.clone(), at: 0, failures: 0 }
    }

    /// The choice in use, if there is one.
    pub(crate) fn chosen(&self) -> Option<NodeId> {
        self.entries.get(self.at).copied()
    }

    /// All choices, in their order.
    pub(crate) fn entries(&self) -> &[NodeId] {
        &self.entries
    }

    /// The entry to connect to, of those that the consensus lists.
    pub(crate) fn choose(&mut self, consensus: &Consensus, rng: &mut impl CryptoRng) -> Option<NodeId> {
        let listed: Vec<NodeId> = consensus.entries().map(|entry| entry.node).collect();
        let current = self.chosen().filter(|chosen| listed.contains(chosen));
        self.entries.retain(|entry| listed.contains(entry));
        let kept_at = current.and_then(|chosen| self.entries.iter().position(|entry| *entry == chosen));
        match kept_at {
            Some(at) if self.failures < ENTRY_FAILURES_MAX => {
                self.at = at;
                return self.chosen();
            }
            Some(at) => self.at = at.saturating_add(1),
            None => self.at = 0,
        }
        self.failures = 0;
        if self.at >= self.entries.len() {
            let others: Vec<NodeId> =
                listed.into_iter().filter(|entry| !self.entries.contains(entry)).collect();
            match others.choose(rng).filter(|_| self.entries.len() < ENTRIES_KEPT_MAX) {
                Some(other) => self.entries.push(*other),
                None => self.at = 0,
            }
        }
        self.chosen()
    }

    /// The entry could not be reached.
    pub(crate) fn failed(&mut self, entry: &NodeId) {
        if self.chosen() == Some(*entry) {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// The entry works.
    pub(crate) fn worked(&mut self, entry: &NodeId) {
        if self.chosen() == Some(*entry) {
            self.failures = 0;
        }
    }
}
