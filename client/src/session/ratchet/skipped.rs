//! Keys of envelopes that have not come yet although later ones have: kept for a while, and not too many.
//!
//! Double Ratchet, sections 2.6 and 6.4.

use sotto_protocol::time::Timestamp;

use super::super::limits::{KEY_LEN, SKIPPED_AGE_MAX, SKIPPED_MAX};
use super::super::secret::Secret;

/// The key of one envelope that was skipped. Dropped, it is wiped.
#[derive(Clone)]
pub(super) struct SkippedKey {
    /// The ratchet key of its chain.
    pub(super) chain: [u8; KEY_LEN],
    pub(super) number: u32,
    pub(super) key: Secret<32>,
    /// When it was skipped.
    pub(super) since: Timestamp,
}

impl SkippedKey {
    fn is_too_old(&self, now: Timestamp) -> bool {
        now.since(self.since) > SKIPPED_AGE_MAX
    }
}

/// All of them, in the order in which they were skipped.
#[derive(Clone, Default)]
pub(super) struct Skipped {
    pub(super) keys: Vec<SkippedKey>,
    /// How many were pushed out by later ones and not reported yet.
    pub(super) pushed_out: u32,
}

impl Skipped {
    /// Where the key of an envelope is, if it is kept and not too old.
    pub(super) fn find(&self, chain: &[u8; KEY_LEN], number: u32, now: Timestamp) -> Option<usize> {
        self.keys.iter().position(|key| key.number == number && &key.chain == chain && !key.is_too_old(now))
    }

    pub(super) fn get(&self, at: usize) -> Option<&Secret<32>> {
        self.keys.get(at).map(|key| &key.key)
    }

    /// Forgets the key that [`Self::find`] found: it was used.
    pub(super) fn remove(&mut self, at: usize) {
        if at < self.keys.len() {
            drop(self.keys.remove(at));
        }
    }

    /// Keeps more keys; if there are too many, the oldest go.
    pub(super) fn keep(&mut self, keys: Vec<SkippedKey>) {
        self.keys.extend(keys);
        let over = self.keys.len().saturating_sub(SKIPPED_MAX as usize);
        self.keys.drain(..over);
        self.pushed_out = self.pushed_out.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
    }

    /// Forgets the keys that are too old; says how many went since it was asked last, those pushed out among
    /// them.
    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.keys.len();
        self.keys.retain(|key| !key.is_too_old(now));
        let expired = before.saturating_sub(self.keys.len());
        let pushed_out = usize::try_from(std::mem::take(&mut self.pushed_out)).unwrap_or(usize::MAX);
        expired.saturating_add(pushed_out)
    }
}
