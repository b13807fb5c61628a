//! The manifest: how many records there are and which, so that none can vanish or come back unnoticed.
//!
//! Every record is authenticated by itself, but that does not show a record that was removed, or an
//! older value put back under the same name. The manifest holds the exclusive or of a keyed
//! pseudorandom value over each sealed record (the XOR hash of Bellare and Micciancio, EUROCRYPT
//! 1997, with the sum encrypted) and is rewritten in the same commit as the records.
//!
//! Not here: noticing that the whole file was replaced by an older one, which is [`super::witness`].

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::VaultError;
use super::seal::{Entry, PADDED_LEN_MIN, VaultKeys};

const MANIFEST_VERSION: u8 = 1;
const MANIFEST_CONTEXT: &[u8] = b"sotto/vault/v1/manifest";

/// The set of records after one commit.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Commits since the vault was made; the empty vault is commit 1.
    pub(super) generation: u64,
    /// How many records there are.
    pub(super) count: u64,
    digest: Entry,
}

impl Manifest {
    /// Of a vault without records.
    pub(super) const fn empty() -> Self {
        Self { generation: 1, count: 0, digest: [0; 32] }
    }

    /// Of these records.
    pub(super) fn of<'a>(generation: u64, entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut manifest = Self { generation, ..Self::empty() };
        for entry in entries {
            manifest.add(entry);
        }
        manifest
    }

    /// One record more.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.count = self.count.saturating_add(1);
        self.toggle(entry);
    }

    /// One record less.
    pub(super) fn remove(&mut self, entry: &Entry) {
        self.count = self.count.saturating_sub(1);
        self.toggle(entry);
    }

    fn toggle(&mut self, entry: &Entry) {
        for (sum, byte) in self.digest.iter_mut().zip(entry) {
            *sum ^= byte;
        }
    }

    /// Whether both describe the same set of records.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        self.count == other.count && bool::from(self.digest.ct_eq(&other.digest))
    }

    /// Encrypted, for the file.
    pub(super) fn seal(&self, keys: &VaultKeys, rng: &mut impl CryptoRng) -> Result<Vec<u8>, VaultError> {
        let mut text = Zeroizing::new(Vec::with_capacity(PADDED_LEN_MIN));
        text.push(MANIFEST_VERSION);
        text.extend(self.generation.to_be_bytes());
        text.extend(self.count.to_be_bytes());
        text.extend(self.digest);
        text.resize(PADDED_LEN_MIN, 0);
        keys.encrypt(MANIFEST_CONTEXT, &text, rng)
    }

    /// The inverse of [`Self::seal`].
    pub(super) fn open(keys: &VaultKeys, sealed: &[u8]) -> Result<Self, VaultError> {
        let malformed = || VaultError::damaged("the manifest has a wrong layout");
        let text = keys.decrypt(MANIFEST_CONTEXT, sealed)?;
        let (version, rest) = text.split_first().ok_or_else(malformed)?;
        let (generation, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (count, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (digest, _) = rest.split_first_chunk::<32>().ok_or_else(malformed)?;
        if *version != MANIFEST_VERSION {
            return Err(malformed());
        }
        Ok(Self {
            generation: u64::from_be_bytes(*generation),
            count: u64::from_be_bytes(*count),
            digest: *digest,
        })
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest(generation {}, {} records)", self.generation, self.count)
    }
}
