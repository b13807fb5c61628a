//! Where the client keeps what must survive a crash: a set of small records, changed atomically.
//!
//! The trait knows nothing about what a record means and nothing about encryption; the vault seals
//! records, [`MemoryStore`] keeps them as they are, for tests and for the virtual network. There is
//! deliberately no query: the engine reads everything once, when it opens, and writes changes. Only pieces of files, which
//! it does not hold in memory, are read again one by one.

mod lockable;
mod memory;
pub(crate) mod record;

pub use lockable::Lockable;
pub use memory::{CommitFault, MemoryStore};

use std::fmt;

use zeroize::Zeroizing;

/// What a record holds. The number is on disk: numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum RecordKind {
    /// The profile as a whole, a record for each route over entries.
    Profile = 1,
    /// One contact: name, state, invitation.
    Contact = 2,
    /// The way to one contact: session and places in its streams, or how far the key agreement is.
    Link = 3,
    /// One sealed box that not every replica has acknowledged yet.
    Outbox = 4,
    /// One message, sent or received.
    Message = 5,
    /// One received part of a message whose other parts are still to come.
    Inbox = 6,
    /// The routes of one contact, if it has its own.
    Routes = 7,
    /// The lasting keys of one contact.
    Bond = 8,
    /// One contact address of this profile.
    Address = 9,
    /// One request to a contact address that waits for a decision.
    Request = 10,
    /// Our request to somebody's contact address, on its way.
    Asking = 11,
    /// Keys of ours that are to begin a new session with one contact.
    Renewal = 12,
    /// What is counted of the conversation with one contact.
    Ledger = 13,
    /// A piece of a file: of one that is sent, or that has come.
    Chunk = 14,
    /// How far a file is, sent or received.
    Transfer = 15,
    /// One introduction that is under way.
    Introduction = 16,
}

impl RecordKind {
    /// The number on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number on disk, if it is one of ours.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Profile),
            2 => Some(Self::Contact),
            3 => Some(Self::Link),
            4 => Some(Self::Outbox),
            5 => Some(Self::Message),
            6 => Some(Self::Inbox),
            7 => Some(Self::Routes),
            8 => Some(Self::Bond),
            9 => Some(Self::Address),
            10 => Some(Self::Request),
            11 => Some(Self::Asking),
            12 => Some(Self::Renewal),
            13 => Some(Self::Ledger),
            14 => Some(Self::Chunk),
            15 => Some(Self::Transfer),
            16 => Some(Self::Introduction),
            _ => None,
        }
    }
}

/// The name of one record: unique within a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordKey {
    /// What the record holds.
    pub kind: RecordKind,
    /// Which one of its kind.
    pub id: [u8; 16],
}

/// One change within a commit. Later changes of a commit win over earlier ones of the same key.
#[derive(Clone)]
pub enum Change {
    /// Creates the record or replaces its value.
    Put {
        /// Which record.
        key: RecordKey,
        /// Its whole new value, a version byte first.
        value: Zeroizing<Vec<u8>>,
    },
    /// Removes the record; nothing happens if there is none.
    Delete {
        /// Which record.
        key: RecordKey,
    },
}

impl Change {
    /// The record that this change is about.
    #[must_use]
    pub const fn key(&self) -> RecordKey {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => *key,
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "Put({key:?}, [scrubbed; {}])", value.len()),
            Self::Delete { key } => write!(f, "Delete({key:?})"),
        }
    }
}

/// Why a store could not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused: full, gone, read-only. Whether the commit took place is not known.
    #[error("the store could not be written or read: {0}; free some space or check the disk, then try again")]
    Io(String),
    /// What was read is not what was written.
    #[error("a record of the store is damaged: {0}; restore the profile from a backup")]
    Damaged(String),
}

impl StoreError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Io(_) => "store-io",
            Self::Damaged(_) => "store-damaged",
        }
    }
}

/// A record: its name and its whole value.
pub type Record = (RecordKey, Zeroizing<Vec<u8>>);

/// Durable records.
pub trait Store {
    /// Every record, in any order.
    ///
    /// # Errors
    /// [`StoreError`] if any record cannot be read as it was written.
    fn load(&self) -> Result<Vec<Record>, StoreError>;

    /// The whole value of one record, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read as it was written.
    fn read(&self, key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// Makes all changes or none; when it returns `Ok` they survive a crash and a power failure.
    ///
    /// # Errors
    /// [`StoreError`]: the caller then does not know whether the changes were made, and finds out by
    /// [`Store::load`].
    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_change_shows_no_value() {
        let key = RecordKey { kind: RecordKind::Message, id: [7; 16] };
        let change = Change::Put { key, value: Zeroizing::new(vec![42; 3]) };
        insta::assert_snapshot!(format!("{change:?}"), @"Put(RecordKey { kind: Message, id: [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7] }, [scrubbed; 3])");
    }

    #[test]
    fn record_kinds_keep_their_numbers() {
        for number in 0..=u8::MAX {
            if let Some(kind) = RecordKind::from_number(number) {
                assert_eq!(kind.number(), number);
            }
        }
        assert_eq!(RecordKind::from_number(16), Some(RecordKind::Introduction));
        assert_eq!(RecordKind::from_number(17), None);
    }
}
