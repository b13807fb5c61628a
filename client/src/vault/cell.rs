//! Cells: every record is cut into pieces of one size, and each piece is sealed under a key of its own.
//!
//! ```text
//! 0         1      2         18         20          22           24                              1024
//! +---------+------+---------+----------+-----------+------------+-------------------------+-------+
//! | version | kind | id (16) | part u16 | parts u16 | length u16 | data (length, to 1,000) | zeros |
//! | 1       |      |         |          |           |            |                         |       |
//! +---------+------+---------+----------+-----------+------------+-------------------------+-------+
//! cell = nonce(24) XChaCha20-Poly1305(cell key, nonce, the above, AD = name)       1,064 bytes
//! ```
//!
//! Not here: where the keys of cells are kept, which is [`super::rings`].

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::VaultError;
use super::keys::{self, Key, SEAL_LEN};
use crate::store::RecordKey;

/// The largest value of one record, in bytes.
pub const RECORD_VALUE_LEN_MAX: usize = 1024 * 1024;
/// How much of a value one cell holds, in bytes.
pub const CELL_DATA_LEN: usize = 1000;
const PREFIX_LEN: usize = 24;
const TEXT_LEN: usize = PREFIX_LEN + CELL_DATA_LEN;
/// Length of a sealed cell, and of a filler.
pub(super) const CELL_LEN: usize = TEXT_LEN + SEAL_LEN;
const CELL_VERSION: u8 = 1;

/// A cell's blinded name, its key in the file.
pub(super) type CellName = [u8; 32];

/// Which record: the engine's, or with kind 0 the vault's own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct RecordId {
    pub(super) kind: u8,
    pub(super) id: [u8; 16],
}

impl From<RecordKey> for RecordId {
    fn from(key: RecordKey) -> Self {
        Self { kind: key.kind.number(), id: key.id }
    }
}

/// One opened cell.
#[derive(PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) record: RecordId,
    pub(super) part: u16,
    pub(super) parts: u16,
    pub(super) data: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cell(part {} of {}, [scrubbed; {}])", self.part, self.parts, self.data.len())
    }
}

/// Cuts a value; an empty one has one part.
pub(super) fn parts(value: &[u8]) -> Result<Vec<&[u8]>, VaultError> {
    if value.len() > RECORD_VALUE_LEN_MAX {
        return Err(VaultError::RecordLength { len: value.len() });
    }
    if value.is_empty() { Ok(vec![value]) } else { Ok(value.chunks(CELL_DATA_LEN).collect()) }
}

/// Seals one part.
pub(super) fn seal(
    key: &Key,
    name: &CellName,
    record: &RecordId,
    (part, parts): (u16, u16),
    data: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, VaultError> {
    let too_long = || VaultError::RecordLength { len: data.len() };
    let len = u16::try_from(data.len()).map_err(|_| too_long())?;
    if data.len() > CELL_DATA_LEN {
        return Err(too_long());
    }
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_LEN));
    text.extend([CELL_VERSION, record.kind]);
    text.extend(record.id);
    text.extend(part.to_be_bytes());
    text.extend(parts.to_be_bytes());
    text.extend(len.to_be_bytes());
    text.extend_from_slice(data);
    text.resize(TEXT_LEN, 0);
    keys::seal(key, name, &text, rng)
}

/// Opens one part and checks its layout.
pub(super) fn open(key: &Key, name: &CellName, sealed: &[u8]) -> Result<Cell, VaultError> {
    let text = keys::unseal(key, name, sealed)
        .ok_or_else(|| VaultError::damaged("a cell is not the one that was written"))?;
    let malformed = || VaultError::damaged("a cell has a wrong inner layout");
    if text.len() != TEXT_LEN {
        return Err(malformed());
    }
    let (&[version, kind], rest) = text.split_first_chunk().ok_or_else(malformed)?;
    let (id, rest) = rest.split_first_chunk::<16>().ok_or_else(malformed)?;
    let (&part, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
    let (&parts, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
    let (&len, rest) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
    let (data, zeros) = rest.split_at_checked(usize::from(u16::from_be_bytes(len))).ok_or_else(malformed)?;
    let (part, parts) = (u16::from_be_bytes(part), u16::from_be_bytes(parts));
    if version != CELL_VERSION || part >= parts || zeros.iter().any(|&byte| byte != 0) {
        return Err(malformed());
    }
    Ok(Cell { record: RecordId { kind, id: *id }, part, parts, data: Zeroizing::new(data.to_vec()) })
}
