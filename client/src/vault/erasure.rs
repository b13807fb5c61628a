//! The erasure file: the one small place that is overwritten so that everything above it is gone.
//!
//! ```text
//! entry A at 0, entry B at 4096, file 8192 bytes; entry = 89 bytes, the rest of each block zeros
//! entry = nonce(24) XChaCha20-Poly1305(k_erasure, nonce, version(1) generation(8) key(32) zeros(8), AD)
//! AD    = "sotto/vault/v2/erasure" || number of the entry
//! ```
//!
//! A commit writes its new key over the entry that is dead, makes it durable, commits the records, then
//! overwrites the entry before with random bytes. A crash leaves at most two live entries, and the root row
//! opens with one of them. Each entry has a block of its own, so that a torn write cannot hurt the other.

use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::VaultError;
use super::keys::{self, Key, SEAL_LEN, random_key};
use super::medium::Place;

const BLOCK_LEN: usize = 4096;
/// Length of the file.
pub(super) const ERASURE_LEN: usize = 2 * BLOCK_LEN;
const TEXT_LEN: usize = 49;
pub(super) const ENTRY_LEN: usize = TEXT_LEN + SEAL_LEN;
const ENTRY_VERSION: u8 = 1;
const CONTEXT: &[u8] = b"sotto/vault/v2/erasure";

/// A live entry.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) key: Key,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry(generation {}, [scrubbed])", self.generation)
    }
}

/// The file and what is known of it.
#[derive(Debug)]
pub(super) struct Erasure {
    place: Place,
    entries: [Option<Entry>; 2],
    /// The entry of the last commit: never overwritten by the next one.
    current: usize,
}

impl Erasure {
    /// Overwrites both entries: no generation is left.
    pub(super) fn reset(place: Place, rng: &mut impl CryptoRng) -> Result<Self, VaultError> {
        place.medium.set_len(ERASURE_LEN as u64).map_err(place.failed("write"))?;
        for number in 0..2 {
            destroy(&place, number, rng)?;
        }
        place.medium.sync().map_err(place.failed("synchronise"))?;
        Ok(Self { place, entries: [None, None], current: 1 })
    }

    /// Reads what entries there are for this vault.
    pub(super) fn open(place: Place, key: &Key) -> Result<Self, VaultError> {
        let bytes = place.read_whole(ERASURE_LEN)?;
        let (a, b) = bytes.split_at(BLOCK_LEN);
        let entries = [open_entry(key, 0, a), open_entry(key, 1, b)];
        Ok(Self { place, entries, current: 0 })
    }

    /// The live entries, the newest first.
    pub(super) fn live(&self) -> Vec<Entry> {
        let mut live: Vec<Entry> = self.entries.iter().flatten().cloned().collect();
        live.sort_by_key(|entry| std::cmp::Reverse(entry.generation));
        live
    }

    /// Writes a new entry over the one that is not in use, durably.
    pub(super) fn stage(
        &mut self,
        key: &Key,
        generation: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Key, VaultError> {
        let entry = Entry { generation, key: random_key(rng) };
        let number = 1 - self.current;
        let sealed = seal_entry(key, number, &entry, rng)?;
        self.place.write_durably(offset(number), &sealed)?;
        let erasure_key = entry.key.clone();
        if let Some(place) = self.entries.get_mut(number) {
            *place = Some(entry);
        }
        Ok(erasure_key)
    }

    /// The records are of this generation: its entry is kept, whatever happens.
    pub(super) fn choose(&mut self, generation: u64) {
        let is_current = |entry: &Option<Entry>| entry.as_ref().is_some_and(|e| e.generation == generation);
        if let Some(number) = self.entries.iter().position(is_current) {
            self.current = number;
        }
    }

    /// Destroys the entry that is not in use. It is not synchronised, because the next commit does that and the
    /// next opening repeats it.
    pub(super) fn settle(&mut self, rng: &mut impl CryptoRng) -> Result<(), VaultError> {
        let number = 1 - self.current;
        match self.entries.get_mut(number) {
            Some(entry) if entry.is_some() => {
                destroy(&self.place, number, rng)?;
                *entry = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

const fn offset(number: usize) -> u64 {
    (number * BLOCK_LEN) as u64
}

fn destroy(place: &Place, number: usize, rng: &mut impl CryptoRng) -> Result<(), VaultError> {
    let mut noise = [0u8; ENTRY_LEN];
    rng.fill_bytes(&mut noise);
    place.medium.write_at(offset(number), &noise).map_err(place.failed("write"))
}

fn context(number: usize) -> Vec<u8> {
    [CONTEXT, &[u8::from(number != 0)]].concat()
}

pub(super) fn seal_entry(
    key: &Key,
    number: usize,
    entry: &Entry,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, VaultError> {
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_LEN));
    text.push(ENTRY_VERSION);
    text.extend(entry.generation.to_be_bytes());
    text.extend_from_slice(entry.key.as_slice());
    text.resize(TEXT_LEN, 0);
    keys::seal(key, &context(number), &text, rng)
}

pub(super) fn open_entry(key: &Key, number: usize, block: &[u8]) -> Option<Entry> {
    let text = keys::unseal(key, &context(number), block.get(..ENTRY_LEN)?)?;
    let (&[version], rest) = text.split_first_chunk()?;
    let (&generation, rest) = rest.split_first_chunk::<8>()?;
    let (&key, _) = rest.split_first_chunk::<32>()?;
    let key = Zeroizing::new(key);
    (version == ENTRY_VERSION).then_some(Entry { generation: u64::from_be_bytes(generation), key })
}
