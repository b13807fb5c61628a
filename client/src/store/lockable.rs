//! A store that may be locked: then it holds what is kept in memory for the time being, and nothing of the user's.

use zeroize::Zeroizing;

use super::{Change, MemoryStore, Record, RecordKey, Store, StoreError};

/// Either the user's store or an empty one in its place.
#[derive(Debug)]
pub enum Lockable<S> {
    /// The user's.
    Open(S),
    /// Records that end with the process.
    Locked(MemoryStore),
}

impl<S> Lockable<S> {
    /// One without records, for the time in which the user's is closed.
    #[must_use]
    pub fn locked() -> Self {
        Self::Locked(MemoryStore::new())
    }
}

impl<S: Store> Store for Lockable<S> {
    fn load(&self) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Open(store) => store.load(),
            Self::Locked(store) => store.load(),
        }
    }

    fn read(&self, key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self {
            Self::Open(store) => store.read(key),
            Self::Locked(store) => store.read(key),
        }
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        match self {
            Self::Open(store) => store.commit(changes),
            Self::Locked(store) => store.commit(changes),
        }
    }
}
