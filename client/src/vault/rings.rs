//! Key rings: where the keys of cells are kept, so that a key can be destroyed.
//!
//! ```text
//! ring:   0         1           3
//!         +---------+-----------+-------------------------------------+----------------------+
//!         | version | count u16 | name (32) key (32), by name, count  | zeros to the capacity |
//!         +---------+-----------+-------------------------------------+----------------------+
//!         sealed under the ring's key, AD = "sotto/vault/v2/ring" || number
//!
//! root:   0         1                9            17
//!         +---------+----------------+------------+------------------------------+
//!         | version | generation u64 | cells u64  | 256 ring keys (32 each)      |
//!         +---------+----------------+------------+------------------------------+
//!         sealed under k_root of this generation, AD = "sotto/vault/v2/root"
//! ```
//!
//! A cell belongs to the ring of the first byte of its name. Each key is readable only through the one above
//! it, so what a replaced ring or root left on the disk opens nothing once the erasure key of its generation
//! is destroyed (Reardon, Ritzdorf, Basin, Capkun: "Secure Data Deletion from Persistent Media", CCS 2013).
//! For the same reason an old row put back does not open.

use std::collections::BTreeMap;
use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::VaultError;
use super::cell::CellName;
use super::keys::{self, Key, random_key};

/// How many rings there are: one for each first byte of a name.
pub(super) const RINGS: usize = 256;
/// The least number of cells in a file.
pub const CELLS_MIN: u64 = 2048;
/// The largest number of cells in a file: about 1 GiB of values.
pub const CELLS_MAX: u64 = 1 << 20;
const RING_VERSION: u8 = 1;
const ROOT_VERSION: u8 = 1;
const ENTRY_LEN: usize = 64;
const RING_CONTEXT: &[u8] = b"sotto/vault/v2/ring";
const ROOT_CONTEXT: &[u8] = b"sotto/vault/v2/root";

/// How many keys a ring has room for in a file of so many cells: twice its share and 14. With every cell in
/// use a ring of 2,048 cells exceeds that once in 10^9 (Poisson with mean 8, over 30); then the file is doubled.
pub(super) fn ring_capacity(cells: u64) -> usize {
    let share = usize::try_from(cells / RINGS as u64).unwrap_or(usize::MAX);
    share.saturating_mul(2).saturating_add(14)
}

/// The keys of the cells whose names begin with one byte.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) key: Key,
    pub(super) cells: BTreeMap<CellName, Key>,
}

impl Ring {
    /// Without cells.
    pub(super) fn empty(rng: &mut impl CryptoRng) -> Self {
        Self { key: random_key(rng), cells: BTreeMap::new() }
    }

    /// Sealed with room for `capacity` keys, whatever it holds.
    pub(super) fn seal(
        &self,
        number: u8,
        capacity: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, VaultError> {
        let count = u16::try_from(self.cells.len()).map_err(|_| VaultError::Full)?;
        let len = capacity.saturating_mul(ENTRY_LEN).saturating_add(3);
        let mut text = Zeroizing::new(Vec::with_capacity(len));
        text.push(RING_VERSION);
        text.extend(count.to_be_bytes());
        for (name, key) in &self.cells {
            text.extend(name);
            text.extend_from_slice(key.as_slice());
        }
        if text.len() > len {
            return Err(VaultError::Full);
        }
        text.resize(len, 0);
        keys::seal(&self.key, &ring_context(number), &text, rng)
    }

    /// The inverse of [`Self::seal`].
    pub(super) fn open(key: Key, number: u8, sealed: &[u8]) -> Result<Self, VaultError> {
        let text = keys::unseal(&key, &ring_context(number), sealed)
            .ok_or_else(|| VaultError::damaged("a key ring is not the one that was written"))?;
        let malformed = || VaultError::damaged("a key ring has a wrong inner layout");
        let (&[version, high, low], entries) = text.split_first_chunk().ok_or_else(malformed)?;
        if version != RING_VERSION {
            return Err(malformed());
        }
        let (entries, _) = entries.as_chunks::<ENTRY_LEN>();
        let count = usize::from(u16::from_be_bytes([high, low]));
        let mut cells = BTreeMap::new();
        for entry in entries.get(..count).ok_or_else(malformed)? {
            let (name, key) = entry.split_first_chunk::<32>().ok_or_else(malformed)?;
            let key = key.try_into().map(Zeroizing::new).map_err(|_| malformed())?;
            if name.first() != Some(&number) || cells.insert(*name, key).is_some() {
                return Err(malformed());
            }
        }
        Ok(Self { key, cells })
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({} keys; [scrubbed])", self.cells.len())
    }
}

fn ring_context(number: u8) -> Vec<u8> {
    [RING_CONTEXT, &[number]].concat()
}

/// What the root row says.
pub(super) struct Root {
    pub(super) generation: u64,
    pub(super) cells: u64,
    pub(super) ring_keys: Vec<Key>,
}

impl Root {
    pub(super) fn seal(&self, key: &Key, rng: &mut impl CryptoRng) -> Result<Vec<u8>, VaultError> {
        let mut text = Zeroizing::new(Vec::with_capacity(17 + RINGS * 32));
        text.push(ROOT_VERSION);
        text.extend(self.generation.to_be_bytes());
        text.extend(self.cells.to_be_bytes());
        for ring_key in &self.ring_keys {
            text.extend_from_slice(ring_key.as_slice());
        }
        keys::seal(key, ROOT_CONTEXT, &text, rng)
    }

    /// `Ok(None)` if the key does not fit.
    pub(super) fn open(key: &Key, sealed: &[u8]) -> Result<Option<Self>, VaultError> {
        let malformed = || VaultError::damaged("the root has a wrong inner layout");
        let Some(text) = keys::unseal(key, ROOT_CONTEXT, sealed) else { return Ok(None) };
        let (&[version], rest) = text.split_first_chunk().ok_or_else(malformed)?;
        let (&generation, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (&cells, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (ring_keys, left_over) = rest.as_chunks::<32>();
        let cells = u64::from_be_bytes(cells);
        let fits = (CELLS_MIN..=CELLS_MAX).contains(&cells) && cells.is_power_of_two();
        if version != ROOT_VERSION || ring_keys.len() != RINGS || !left_over.is_empty() || !fits {
            return Err(malformed());
        }
        let ring_keys = ring_keys.iter().copied().map(Zeroizing::new).collect();
        Ok(Some(Self { generation: u64::from_be_bytes(generation), cells, ring_keys }))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root(generation {}, {} cells; [scrubbed])", self.generation, self.cells)
    }
}
