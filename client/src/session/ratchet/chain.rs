//! A chain at one position: its key and the number of the next envelope.
//!
//! Keys of passed positions are gone, but for those that [`Chain::skip_to`] hands to the caller to keep.

use super::super::kdf;
use super::super::limits::{CHAIN_LEN_MAX, SKIPPED_MAX};
use super::super::refusal::SessionRefusal;
use super::super::secret::Secret;

/// One direction under one ratchet key. Dropped, it is wiped.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) key: Secret<32>,
    /// The number of the next envelope: how many came before it.
    pub(super) next: u32,
}

impl Chain {
    /// A chain that begins.
    pub(super) const fn new(key: Secret<32>) -> Self {
        Self { key, next: 0 }
    }

    /// The key of the next envelope and its number; moves on.
    pub(super) fn step(&mut self) -> Result<(u32, Secret<32>), SessionRefusal> {
        if self.next == CHAIN_LEN_MAX {
            return Err(SessionRefusal::ChainExhausted);
        }
        let number = self.next;
        self.next = number.saturating_add(1);
        Ok((number, kdf::chain_step(&mut self.key)))
    }

    /// Moves to `number` and gives the keys of the envelopes that it passes.
    pub(super) fn skip_to(&mut self, number: u32) -> Result<Vec<(u32, Secret<32>)>, SessionRefusal> {
        let skipped = number.saturating_sub(self.next);
        if skipped > SKIPPED_MAX {
            return Err(SessionRefusal::SkippedTooMany { skipped });
        }
        (0..skipped).map(|_| self.step()).collect()
    }
}
