//! A store in memory: what the virtual network and the tests run on, with commits that fail on request.
//!
//! A clone is an independent snapshot, as if the disk had been copied; nothing here is durable.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::{Change, Record, RecordKey, Store, StoreError};

/// What a failing commit leaves behind. The caller sees the same error either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitFault {
    /// None of the changes were made.
    Lost,
    /// All of the changes were made, and yet an error is reported.
    Kept,
}

/// Records in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    records: BTreeMap<RecordKey, Zeroizing<Vec<u8>>>,
    commits: u64,
    faults: BTreeMap<u64, CommitFault>,
    is_out: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the commit fail that is the `ahead`-th from now; 0 is the next one.
    pub fn fail_commit(&mut self, ahead: u64, fault: CommitFault) {
        self.faults.insert(self.commits.saturating_add(ahead), fault);
    }

    /// Makes every call fail from now on, as if the disk had been pulled out, or puts it back in.
    pub const fn set_out(&mut self, is_out: bool) {
        self.is_out = is_out;
    }

    /// How many commits have been asked for, failed ones included.
    #[must_use]
    pub const fn commits(&self) -> u64 {
        self.commits
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Vec<Record>, StoreError> {
        if self.is_out {
            return Err(StoreError::Io("the store was told to fail".into()));
        }
        Ok(self.records.iter().map(|(key, value)| (*key, value.clone())).collect())
    }

    fn read(&self, key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if self.is_out {
            return Err(StoreError::Io("the store was told to fail".into()));
        }
        Ok(self.records.get(key).cloned())
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        if self.is_out {
            return Err(StoreError::Io("the store was told to fail".into()));
        }
        let fault = self.faults.remove(&self.commits);
        self.commits = self.commits.saturating_add(1);
        if fault != Some(CommitFault::Lost) {
            for change in changes {
                match change {
                    Change::Put { key, value } => drop(self.records.insert(key, value)),
                    Change::Delete { key } => drop(self.records.remove(&key)),
                }
            }
        }
        match fault {
            Some(_) => Err(StoreError::Io("this commit was told to fail".into())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} records, {} commits)", self.records.len(), self.commits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RecordKind;

    fn put(id: u8) -> Vec<Change> {
        let key = RecordKey { kind: RecordKind::Message, id: [id; 16] };
        vec![Change::Put { key, value: Zeroizing::new(vec![1, id]) }]
    }

    #[test]
    fn a_failing_commit_keeps_or_loses_everything_and_reports_the_same() {
        let mut store = MemoryStore::new();
        store.fail_commit(1, CommitFault::Lost);
        store.fail_commit(2, CommitFault::Kept);
        assert_eq!(store.commit(put(1)), Ok(()));
        let lost = store.commit(put(2));
        let kept = store.commit(put(3));
        assert!(lost.is_err());
        assert_eq!(lost, kept);
        let ids: Vec<u8> = store.load().unwrap().iter().map(|(key, _)| key.id[0]).collect();
        assert_eq!(ids, [1, 3]);
        let read = |id| store.read(&RecordKey { kind: RecordKind::Message, id: [id; 16] }).unwrap();
        assert_eq!((read(1).map(|value| value.to_vec()), read(2)), (Some(vec![1, 1]), None));
        assert_eq!(store.commit(put(4)), Ok(()));
    }

    #[test]
    fn a_disk_that_is_pulled_out_keeps_what_it_has() {
        let mut store = MemoryStore::new();
        store.commit(put(1)).unwrap();
        store.set_out(true);
        assert_eq!(store.load().unwrap_err().label(), "store-io");
        let key = RecordKey { kind: RecordKind::Message, id: [1; 16] };
        assert_eq!(store.read(&key).unwrap_err().label(), "store-io");
        assert_eq!(store.commit(put(2)).unwrap_err().label(), "store-io");
        store.set_out(false);
        assert_eq!(store.load().unwrap().len(), 1);
    }

    #[test]
    fn a_clone_is_an_independent_snapshot_and_debug_shows_no_value() {
        let mut store = MemoryStore::new();
        store.commit(put(1)).unwrap();
        let snapshot = store.clone();
        store.commit(put(2)).unwrap();
        assert_eq!((snapshot.len(), store.len()), (1, 2));
        insta::assert_snapshot!(format!("{store:?}"), @"MemoryStore(2 records, 2 commits)");
    }
}
