//! The list of slots, a record within the vault: what their owner calls them.
//!
//! ```text
//! record: kind 0, id 0; value = version(1) count(1) entries, zeros to 2,000 bytes, so that it fills two cells
//! entry = number(1) factors(1) flags(1) created_ms u64 digest(32) label length(1) label
//! digest = SHA-256("sotto/vault/v2/slot-digest" || bytes of the slot)
//! ```
//!
//! `vault.keys` says which slots there are; the list cannot change at the same moment. So an entry counts only
//! while its digest is that of the slot in the file, and an interrupted change leaves the old or the new state.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cell::{CELL_DATA_LEN, RecordId};
use super::keys_file::Header;
use super::slot::SlotBytes;
use super::slot_view::{SLOT_LABEL_LEN_MAX, SLOTS_MAX};
use super::{Factors, SlotView, VaultError};

/// The name of the record.
pub(super) const LIST_RECORD: RecordId = RecordId { kind: 0, id: [0; 16] };
/// Slots, and one more for each that is being replaced.
const ENTRIES_MAX: usize = SLOTS_MAX + 1;
const LIST_LEN: usize = 2 * CELL_DATA_LEN;
const LIST_VERSION: u8 = 1;
const FLAG_DURESS: u8 = 1;
const DIGEST_CONTEXT: &[u8] = b"sotto/vault/v2/slot-digest";

/// What is remembered of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    pub(super) number: u8,
    pub(super) label: String,
    pub(super) factors: Factors,
    pub(super) created_ms: u64,
    pub(super) is_duress: bool,
    pub(super) digest: [u8; 32],
}

impl Listed {
    /// For the owner.
    pub(super) fn view(&self, current: Option<u8>) -> SlotView {
        SlotView {
            number: self.number,
            label: self.label.clone(),
            factors: self.factors,
            created_ms: self.created_ms,
            is_current: current == Some(self.number),
            is_duress: self.is_duress,
        }
    }
}

/// What an entry and its slot have in common.
pub(super) fn digest(slot: &SlotBytes) -> [u8; 32] {
    Sha256::new().chain_update(DIGEST_CONTEXT).chain_update(slot).finalize().into()
}

/// Whether a slot may be called so.
pub(super) fn check_label(label: &str) -> Result<(), VaultError> {
    let fits = (1..=SLOT_LABEL_LEN_MAX).contains(&label.len()) && !label.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(VaultError::SlotLabel) }
}

/// The entries whose slots are in the file, by number.
pub(super) fn live(mut list: Vec<Listed>, header: &Header) -> Vec<Listed> {
    list.retain(|entry| header.slot(entry.number).is_some_and(|slot| digest(slot) == entry.digest));
    list.sort_by_key(|entry| entry.number);
    list
}

/// The record's value.
pub(super) fn encode(list: &[Listed]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let count = u8::try_from(list.len()).map_err(|_| VaultError::SlotsFull)?;
    if list.len() > ENTRIES_MAX {
        return Err(VaultError::SlotsFull);
    }
    let mut value = Zeroizing::new(Vec::with_capacity(LIST_LEN));
    value.extend([LIST_VERSION, count]);
    for entry in list {
        let flags = if entry.is_duress { FLAG_DURESS } else { 0 };
        value.extend([entry.number, entry.factors.bits(), flags]);
        value.extend(entry.created_ms.to_be_bytes());
        value.extend(entry.digest);
        value.push(u8::try_from(entry.label.len()).map_err(|_| VaultError::SlotLabel)?);
        value.extend_from_slice(entry.label.as_bytes());
    }
    value.resize(LIST_LEN, 0);
    Ok(value)
}

/// The inverse of [`encode`].
pub(super) fn decode(value: &[u8]) -> Result<Vec<Listed>, VaultError> {
    let malformed = || VaultError::damaged("the list of slots has a wrong inner layout");
    let (&[version, count], mut rest) = value.split_first_chunk().ok_or_else(malformed)?;
    if version != LIST_VERSION || usize::from(count) > ENTRIES_MAX || value.len() != LIST_LEN {
        return Err(malformed());
    }
    let mut list = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (&[number, factors, flags], tail) = rest.split_first_chunk().ok_or_else(malformed)?;
        let (&created_ms, tail) = tail.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (&digest, tail) = tail.split_first_chunk::<32>().ok_or_else(malformed)?;
        let (&len, tail) = tail.split_first().ok_or_else(malformed)?;
        let (label, tail) = tail.split_at_checked(usize::from(len)).ok_or_else(malformed)?;
        rest = tail;
        list.push(Listed {
            number,
            label: String::from_utf8(label.to_vec()).map_err(|_| malformed())?,
            factors: Factors::from_bits(factors).ok_or_else(malformed)?,
            created_ms: u64::from_be_bytes(created_ms),
            is_duress: flags & FLAG_DURESS != 0,
            digest,
        });
    }
    Ok(list)
}
