//! The entry that the client connects to: one, kept as long as it works.
//!
//! An entry sees a client's address. A client that tried many would sooner or later meet a bad one, so the
//! choice is sticky and survives restarts. A network that is down looks like an entry that fails, and happens
//! every day: so after repeated failure the client takes turns among a few entries that it keeps, the first
//! choice first after a restart, and never goes on to further ones while these are listed.

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use sotto_protocol::ident::NodeId;

use super::limits::{ENTRIES_KEPT_MAX, ENTRY_FAILURES_MAX};
use super::route::Route;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Where the entries of route `mix` are kept.
const MIX_KEY: RecordKey = RecordKey { kind: RecordKind::Profile, id: [0; 16] };
/// Where those of route `tor+mix` are kept.
const TOR_MIX_KEY: RecordKey = RecordKey { kind: RecordKind::Profile, id: [2; 16] };

/// What is kept of the profile as a whole for one route over entries.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The entries that were chosen, in the order of choice.
    pub(crate) entries: Vec<NodeId>,
}

impl Profile {
    /// The change that keeps it. Route `tor` has no entries; its would be those of `mix`.
    pub(crate) fn put(&self, route: Route) -> Result<Change, StoreError> {
        let key = if route == Route::TorMix { TOR_MIX_KEY } else { MIX_KEY };
        Ok(Change::Put { key, value: record::encode(self)? })
    }

    /// Which route's record this is.
    pub(crate) fn route_of(key: &RecordKey) -> Result<Route, StoreError> {
        [(MIX_KEY, Route::Mix), (TOR_MIX_KEY, Route::TorMix)]
            .into_iter()
            .find_map(|(known, route)| (known == *key).then_some(route))
            .ok_or_else(|| StoreError::Damaged("a record of the profile has an unknown name".into()))
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

    /// The entry to connect to, of those that are `listed`.
    pub(crate) fn choose(&mut self, listed: Vec<NodeId>, rng: &mut impl CryptoRng) -> Option<NodeId> {
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
