//! What a mailbox asks of its storage, and what it is told.
//!
//! A store applies batches of operations, each batch as one durable step, and removes what has
//! expired. It checks no signatures (the core did, before an operation was made) and knows nothing of
//! packets or replies. The rules that decide what may replace what are in [`rules`], shared by all stores.

mod layout;
mod memory;
mod redb;
pub mod rules;

use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::time::Timestamp;

pub use memory::MemoryStore;
pub use redb::{RedbStore, STORE_CACHE_LEN};

/// One operation on the store. Every operation looks up exactly one id.
#[derive(Clone, Debug)]
pub enum StoreOp {
    /// Store a box whose signature has been verified, unless its id is taken.
    Write {
        /// The box.
        sealed: SealedBox,
        /// When it may be forgotten.
        expires: Timestamp,
    },
    /// Replace whatever is held under an id by a tombstone whose signature has been verified.
    Tombstone {
        /// The tombstone.
        tombstone: Tombstone,
        /// When it may be forgotten.
        expires: Timestamp,
    },
    /// Look an id up.
    Read {
        /// The id.
        id: BoxId,
    },
}

impl StoreOp {
    /// The id that the operation is about.
    #[must_use]
    pub fn id(&self) -> BoxId {
        match self {
            Self::Write { sealed, .. } => *sealed.id(),
            Self::Tombstone { tombstone, .. } => *tombstone.id(),
            Self::Read { id } => *id,
        }
    }
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreResult {
    /// The box or the tombstone is durable.
    Stored,
    /// The same box, or a tombstone for the id, was there before: nothing changed.
    AlreadyStored,
    /// Another box, or a tombstone, is held under the id of a write: nothing changed.
    Conflict,
    /// The box held under the id.
    Found(SealedBox),
    /// Nothing is held under the id.
    NotFound,
    /// A tombstone is held under the id.
    Tombstoned(Tombstone),
    /// The id is new and the store holds as many records as it may.
    QuotaFull,
}

/// How full a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Boxes held, expired ones that are not yet collected included.
    pub boxes: u64,
    /// Tombstones held, expired ones that are not yet collected included.
    pub tombstones: u64,
    /// How many records, boxes and tombstones together, may be held.
    pub quota: u64,
}

impl Usage {
    /// Records held: boxes and tombstones.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.boxes.saturating_add(self.tombstones)
    }
}

/// Durable storage of boxes and tombstones.
pub trait Store: Send + 'static {
    /// Applies `ops` in order, each seeing the effects of those before it, as one step: when this
    /// returns, all of it is durable; after an error or a crash, either all of it is there or nothing.
    ///
    /// A batch of reads is made durable like any other (a counter moves), so that the time a batch
    /// takes does not tell reads from writes.
    ///
    /// # Errors
    ///
    /// When the storage fails. Nothing of the batch may be acknowledged then.
    fn apply(&mut self, now: Timestamp, ops: &[StoreOp]) -> Result<Vec<StoreResult>, StoreError>;

    /// Forgets at most `records_max` records that expired at or before `now`; returns how many it forgot.
    ///
    /// When it has forgotten fewer than `records_max`, everything that was forgotten is off the disk as far as the
    /// storage has a say in it. Before, it need not be durable: what a crash brings back is expired and never served.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    fn collect_garbage(&mut self, now: Timestamp, records_max: usize) -> Result<usize, StoreError>;

    /// How full the store is.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    fn usage(&mut self) -> Result<Usage, StoreError>;
}

/// Why a store could not be opened or could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not one of redb's.
    #[error("{path} is not a mailbox store: {why}; move it away or point `dir` somewhere else")]
    Foreign {
        /// The file.
        path: String,
        /// What was found.
        why: String,
    },
    /// The file's format is not the one this program reads.
    #[error(
        "{path} has store format {found}, this program reads format {expected}; use the program that wrote it"
    )]
    Version {
        /// The file.
        path: String,
        /// The format number in the file.
        found: u64,
        /// The format number that this program reads.
        expected: u64,
    },
    /// Another process has the file open.
    #[error("{path} is in use by another process; stop the other mailbox first")]
    InUse {
        /// The file.
        path: String,
    },
    /// What the file holds contradicts itself.
    #[error("the store is damaged: {why}; restore it from a backup, or move it away to start empty")]
    Damaged {
        /// What was found.
        why: String,
    },
    /// The operating system refused a read or a write.
    #[error("the store cannot be read or written: {why}; check the disk's health and free space")]
    Io {
        /// What the system said.
        why: String,
    },
}

impl StoreError {
    /// The stable name of the refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "store-foreign",
            Self::Version { .. } => "store-version",
            Self::InUse { .. } => "store-in-use",
            Self::Damaged { .. } => "store-damaged",
            Self::Io { .. } => "store-io",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_ids_nor_contents() {
        let id = BoxId::from_bytes([7; 32]);
        let read = StoreOp::Read { id };
        insta::assert_snapshot!(format!("{read:?}"), @"Read { id: BoxId([scrubbed]) }");
        let sealed = SealedBox::from_bytes(&[7; sotto_protocol::limits::BOX_LEN]).unwrap();
        let write = StoreOp::Write { sealed, expires: Timestamp::from_micros(9) };
        insta::assert_snapshot!(format!("{write:?}"), @"Write { sealed: SealedBox([scrubbed]), expires: 0.000009s }");
        let tombstone = Tombstone::from_bytes(&[7; sotto_protocol::boxes::TOMBSTONE_LEN]).unwrap();
        insta::assert_snapshot!(format!("{:?}", StoreResult::Tombstoned(tombstone)), @"Tombstoned(Tombstone([scrubbed]))");
    }
}
