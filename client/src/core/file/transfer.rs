//! How far one file is, on either side, and where its bytes are kept.
//!
//! A transfer is a record beside the message that offers the file, under the same name. The bytes are in records of their
//! own, which are never all in memory: blocks of [`BLOCK_PARTS`] parts at the sender, one part each at the receiver.
//! At the receiver there is neither before somebody wants the file.

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::part::PART_LEN;
use super::ranges::Ranges;
use crate::core::id::{ContactId, MessageId};
use crate::core::letter::Name;
use crate::core::limits::FILE_LEN_MAX;
use crate::core::message::Direction;
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError, record};

/// The parts of one block.
pub(crate) const BLOCK_PARTS: u32 = 16;
/// The bytes of a full block.
pub const FILE_BLOCK_LEN: usize = BLOCK_PARTS as usize * PART_LEN;

const _: () = assert!(FILE_BLOCK_LEN < record::RECORD_LEN_MAX, "a block is one record");

/// How far a file is. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Sent: the other side has not said whether it wants it.
    Offered,
    /// Parts are sent, or come.
    Running,
    /// Sent: the sender has paused it, and tells nobody.
    Held,
    /// The receiver has paused it.
    Paused,
    /// Received: all parts are there, and the hash is being computed.
    Checking,
    /// Received: whole. Sent: the receiver has told so.
    Done,
    Declined,
    Cancelled,
    /// Received: whole, and another file than was offered.
    Wrong,
    /// Sent: asked for, and not here any more.
    Gone,
}

/// An answer that the other side is to be sent. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Owed {
    /// What is missing is wanted.
    Wanted,
    Cancelled,
    Received,
}

/// One file on its way. `Debug` shows neither its size nor its hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// The message that offers it.
    pub(crate) id: MessageId,
    pub(crate) contact: ContactId,
    pub(crate) seq: u64,
    pub(crate) direction: Direction,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) stage: Stage,
    /// Sent: parts that are to be sealed. Received: parts that have not come.
    pub(crate) open: Ranges,
    /// Received: the last part that was asked for. When it comes, whatever is missing before it was lost.
    pub(crate) asked_to: u32,
    /// Sent: how many parts the other side has asked for in all.
    pub(crate) asked: u64,
    pub(crate) owed: Option<Owed>,
    /// The latest answer of the other side; an earlier one that comes after it says nothing any more.
    pub(crate) heard: Option<Name>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Chunk(#[serde(with = "codec::bytes")] Vec<u8>);

/// The record of one piece of a file. Who knows the name of one knows whose it is: what belongs to nobody can be found.
fn chunk_key(id: MessageId, number: u32) -> RecordKey {
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *id.as_bytes();
    let [m, n, o, p] = number.to_be_bytes();
    RecordKey { kind: RecordKind::Chunk, id: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] }
}

/// What the names of a file's pieces have in common with its own.
pub(super) fn owner(id: &[u8; 16]) -> Option<&[u8; 12]> {
    id.first_chunk()
}

/// The change that keeps a piece.
pub(super) fn put_chunk(id: MessageId, number: u32, bytes: &[u8]) -> Result<Change, StoreError> {
    Ok(Change::Put { key: chunk_key(id, number), value: record::encode(&Chunk(bytes.to_vec()))? })
}

/// How many parts a file of this size has. One beyond the longest has no more: nothing of it is ever asked for, whatever its
/// sender says of it.
pub(super) fn part_count(size: u64) -> u32 {
    u32::try_from(size.min(FILE_LEN_MAX).div_ceil(PART_LEN as u64)).unwrap_or(u32::MAX)
}

impl Transfer {
    /// One at its beginning.
    pub(super) fn new(
        (id, contact, seq): (MessageId, ContactId, u64),
        direction: Direction,
        (size, sha256): (u64, [u8; 32]),
    ) -> Self {
        Self {
            id,
            contact,
            seq,
            direction,
            size,
            sha256,
            stage: Stage::Offered,
            open: if direction == Direction::In {
                Ranges::up_to(part_count(size))
            } else {
                Ranges::default()
            },
            asked_to: 0,
            asked: 0,
            owed: None,
            heard: None,
        }
    }

    pub(crate) fn parts(&self) -> u32 {
        part_count(self.size)
    }

    /// The blocks of a file.
    pub(super) fn blocks(&self) -> u32 {
        self.parts().div_ceil(BLOCK_PARTS)
    }

    /// How long a part has to be, in bytes.
    pub(super) fn part_len(&self, index: u32) -> usize {
        let before = u64::from(index).saturating_mul(PART_LEN as u64);
        usize::try_from(self.size.saturating_sub(before)).unwrap_or(usize::MAX).min(PART_LEN)
    }

    /// The bytes of a set of parts.
    pub(super) fn bytes_of(&self, parts: &Ranges) -> u64 {
        let short = self.parts().checked_sub(1).filter(|last| parts.contains(*last));
        let lacks = short.map_or(0, |last| (PART_LEN - self.part_len(last)) as u64);
        parts.len().saturating_mul(PART_LEN as u64).saturating_sub(lacks)
    }

    /// Whether its bytes are kept, whole or not.
    pub(crate) const fn has_bytes(&self) -> bool {
        !matches!(self.stage, Stage::Declined | Stage::Cancelled | Stage::Wrong | Stage::Gone)
    }

    /// Whether parts of it are expected.
    pub(crate) fn is_coming(&self) -> bool {
        self.direction == Direction::In && self.stage == Stage::Running
    }

    /// All records of its bytes.
    pub(super) fn chunk_keys(&self) -> impl Iterator<Item = RecordKey> {
        let is_received = self.direction == Direction::In;
        let count = if is_received { self.parts() } else { self.blocks() };
        let has_come = move |number: &u32| !is_received || !self.open.contains(*number);
        (0..count).filter(has_come).map(|number| chunk_key(self.id, number))
    }

    /// The changes that delete its bytes.
    pub(super) fn drop_bytes(&mut self) -> Vec<Change> {
        let changes = self.chunk_keys().map(|key| Change::Delete { key }).collect();
        if self.direction == Direction::In {
            self.open = Ranges::up_to(self.parts());
        }
        changes
    }

    /// One block of its bytes; none if any of it is missing.
    pub(super) fn block(
        &self,
        store: &impl Store,
        block: u32,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let first = block.saturating_mul(BLOCK_PARTS);
        let parts = first..first.saturating_add(BLOCK_PARTS).min(self.parts());
        let numbers = if self.direction == Direction::Out { block..block.saturating_add(1) } else { parts };
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BLOCK_LEN));
        for number in numbers {
            let Some(value) = store.read(&chunk_key(self.id, number))? else { return Ok(None) };
            bytes.extend_from_slice(&record::decode::<Chunk>(&value)?.0);
        }
        Ok(Some(bytes))
    }

    pub(crate) const fn key(&self) -> RecordKey {
        RecordKey { kind: RecordKind::Transfer, id: *self.id.as_bytes() }
    }

    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: self.key(), value: record::encode(self)? })
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transfer({}, {:?}, {:?})", self.id, self.direction, self.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(size: u64) -> Transfer {
        let (id, contact) = (MessageId::from_bytes([1; 16]), ContactId::from_bytes([2; 16]));
        Transfer::new((id, contact, 3), Direction::In, (size, [4; 32]))
    }

    #[test]
    fn parts_and_blocks_cover_a_file_of_any_size() {
        let part = PART_LEN as u64;
        for size in [1, part - 1, part, part + 1, 16 * part, 16 * part + 1, FILE_LEN_MAX] {
            let transfer = transfer(size);
            let sum: u64 = (0..transfer.parts()).map(|index| transfer.part_len(index) as u64).sum();
            assert_eq!(sum, size);
            assert_eq!(transfer.bytes_of(&Ranges::up_to(transfer.parts())), size);
            assert_eq!(transfer.chunk_keys().count(), 0, "nothing has come");
            let whole = Transfer { open: Ranges::default(), ..transfer.clone() };
            assert_eq!(whole.chunk_keys().count(), usize::try_from(transfer.parts()).unwrap());
            assert!(whole.chunk_keys().all(|key| owner(&key.id) == owner(transfer.id.as_bytes())));
        }
        assert_eq!(transfer(part * 32).blocks(), 2);
    }

    #[test]
    fn debug_shows_neither_size_nor_hash() {
        insta::assert_snapshot!(format!("{:?}", transfer(77)), @"Transfer(01010101010101010101010101010101, In, Offered)");
    }
}
