//! A node's hop keys by epoch, to be shared by the threads that unwrap.
//!
//! What is not here: replay tags and their durability, which the node's core keeps for each key, and making and
//! storing keys.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::super::{HopPublic, HopSecret};

/// The keys in use. A clone is cheap and holds the same keys, which no later change touches; a key is wiped when
/// the last clone that holds it is dropped. `Debug` shows epochs and public halves only.
#[derive(Clone, Default)]
pub struct HopKeys {
    keys: Arc<BTreeMap<u64, Arc<HopSecret>>>,
    retired_before: u64,
}

impl HopKeys {
    /// No key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These keys and one more, as [`insert`](Self::insert) adds it.
    #[must_use]
    pub fn with(mut self, epoch: u64, secret: HopSecret) -> Self {
        self.insert(epoch, secret);
        self
    }

    /// Adds the key of an epoch. `false`, and no change, if the epoch has a key or has been retired: a key must not
    /// come back without the tags that were seen under it.
    pub fn insert(&mut self, epoch: u64, secret: HopSecret) -> bool {
        if epoch < self.retired_before || self.contains(epoch) {
            return false;
        }
        Arc::make_mut(&mut self.keys).insert(epoch, Arc::new(secret));
        true
    }

    /// Drops the keys of all epochs before `epoch`, which must not come back.
    pub fn retire_before(&mut self, epoch: u64) {
        self.retired_before = self.retired_before.max(epoch);
        let retained = Arc::make_mut(&mut self.keys).split_off(&self.retired_before);
        self.keys = Arc::new(retained);
    }

    /// Whether there is a key for `epoch`.
    #[must_use]
    pub fn contains(&self, epoch: u64) -> bool {
        self.keys.contains_key(&epoch)
    }

    /// The epochs that have a key, ascending, with the public halves.
    #[must_use]
    pub fn public_keys(&self) -> Vec<(u64, HopPublic)> {
        self.keys.iter().map(|(epoch, secret)| (*epoch, secret.public())).collect()
    }

    /// The keys that a packet may be made for at `now_epoch`, in the order in which they are tried: this epoch's,
    /// that of the epoch before, that of the epoch after.
    pub(super) fn candidates(&self, now_epoch: u64) -> impl Iterator<Item = (u64, &HopSecret)> {
        [Some(now_epoch), now_epoch.checked_sub(1), now_epoch.checked_add(1)]
            .into_iter()
            .flatten()
            .filter_map(|epoch| self.keys.get(&epoch).map(|secret| (epoch, &**secret)))
    }
}

impl fmt::Debug for HopKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HopKeys({:?})", self.public_keys())
    }
}
