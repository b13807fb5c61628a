//! The store with a memory of its health: commits that are certain, and when to try again.
//!
//! After a failed commit the engine has to know whether the changes were made: sealing under an index that
//! an earlier, seemingly failed commit had used would put two boxes under one name. So the store is read
//! back. Only if that fails too is the outcome undecided, and then nothing of what is in memory is acted
//! on until the store can be read.
//!
//! A single commit that succeeds does not make a failing store a working one: somebody may still have to
//! repeat one that failed. The engine repeats them all when the retry is due, and says when none failed.

use std::collections::BTreeMap;

use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::event::{Event, EventQueue};
use super::limits::STORE_RETRY;
use crate::store::{Change, RecordKey, Store, StoreError};

/// How the store does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Health {
    /// It works.
    Working,
    /// A commit failed. What was not made is tried again at this moment.
    Failing(Timestamp),
    /// Whether a commit was made is not known. The store is read again at this moment.
    Undecided(Timestamp),
}

/// A store that is watched.
pub(crate) struct Keeper<S> {
    store: S,
    health: Health,
    failures: u64,
}

impl<S: Store> Keeper<S> {
    /// A store that has just been read.
    pub(crate) const fn new(store: S) -> Self {
        Self { store, health: Health::Working, failures: 0 }
    }

    pub(crate) const fn store(&self) -> &S {
        &self.store
    }

    pub(crate) const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    pub(crate) fn into_store(self) -> S {
        self.store
    }

    /// Whether no commit has failed since the store was last found to work.
    pub(crate) fn is_working(&self) -> bool {
        self.health == Health::Working
    }

    /// Whether memory and store may differ.
    pub(crate) const fn is_undecided(&self) -> bool {
        matches!(self.health, Health::Undecided(_))
    }

    /// When to try again.
    pub(crate) const fn retry_at(&self) -> Timestamp {
        match self.health {
            Health::Working => Timestamp::NEVER,
            Health::Failing(at) | Health::Undecided(at) => at,
        }
    }

    /// Makes the changes; `Ok` if and only if they are known to be made.
    ///
    /// # Errors
    /// [`StoreError`]: either none was made, or it is undecided and everything must be read anew.
    pub(crate) fn commit(
        &mut self,
        now: Timestamp,
        changes: &[Change],
        events: &mut EventQueue,
    ) -> Result<(), StoreError> {
        if self.is_undecided() {
            return Err(StoreError::Io("the outcome of an earlier change is not known yet".into()));
        }
        let Err(error) = self.store.commit(changes.to_vec()) else { return Ok(()) };
        self.failures = self.failures.saturating_add(1);
        if self.is_working() {
            events.push(Event::StoreFailed { label: error.label().to_owned(), text: error.to_string() });
        }
        let retry_at = now + STORE_RETRY;
        match self.store.load() {
            Ok(records) => {
                self.health = Health::Failing(retry_at);
                if holds(&records.into_iter().collect(), changes) { Ok(()) } else { Err(error) }
            }
            Err(_) => {
                self.health = Health::Undecided(retry_at);
                Err(error)
            }
        }
    }

    /// How many commits have failed so far.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// Memory follows the store again; whether the store can be written will show.
    pub(crate) const fn decided(&mut self, now: Timestamp) {
        self.health = Health::Failing(now);
    }

    /// The next try is later.
    pub(crate) fn postpone(&mut self, now: Timestamp) {
        match &mut self.health {
            Health::Working => {}
            Health::Failing(at) | Health::Undecided(at) => *at = now + STORE_RETRY,
        }
    }

    /// Everything that had failed has been repeated, and the store works.
    pub(crate) fn recovered(&mut self, events: &mut EventQueue) {
        if !self.is_working() {
            self.health = Health::Working;
            events.push(Event::StoreRecovered);
        }
    }
}

/// Whether the store is as the changes leave it.
fn holds(records: &BTreeMap<RecordKey, Zeroizing<Vec<u8>>>, changes: &[Change]) -> bool {
    let last: BTreeMap<RecordKey, &Change> = changes.iter().map(|change| (change.key(), change)).collect();
    last.into_iter().all(|(key, change)| match change {
        Change::Put { value, .. } => records.get(&key) == Some(value),
        Change::Delete { .. } => !records.contains_key(&key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{CommitFault, MemoryStore, RecordKind};

    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn put(id: u8) -> Vec<Change> {
        let key = RecordKey { kind: RecordKind::Message, id: [id; 16] };
        vec![Change::Put { key, value: Zeroizing::new(vec![1, id]) }]
    }

    fn events(queue: &mut EventQueue) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop())
            .map(|event| match event {
                Event::StoreFailed { .. } => "failed",
                Event::StoreRecovered => "recovered",
                _ => "other",
            })
            .collect()
    }

    #[test]
    fn a_commit_that_was_made_after_all_counts_and_one_that_was_not_does_not() {
        let mut queue = EventQueue::default();
        let mut keeper = Keeper::new(MemoryStore::new());
        keeper.store_mut().fail_commit(0, CommitFault::Kept);
        keeper.store_mut().fail_commit(1, CommitFault::Lost);
        assert_eq!(keeper.commit(NOW, &put(1), &mut queue), Ok(()));
        assert!(keeper.commit(NOW, &put(2), &mut queue).is_err());
        assert_eq!(keeper.failures(), 2);
        assert!(!keeper.is_working() && !keeper.is_undecided());
        assert_eq!(keeper.retry_at(), NOW + STORE_RETRY);
        assert_eq!(keeper.commit(NOW, &put(2), &mut queue), Ok(()));
        assert!(!keeper.is_working(), "until all that failed has been repeated");
        keeper.recovered(&mut queue);
        assert_eq!(events(&mut queue), ["failed", "recovered"]);
        assert_eq!(keeper.retry_at(), Timestamp::NEVER);
    }

    #[test]
    fn nothing_is_committed_while_an_outcome_is_undecided() {
        let mut queue = EventQueue::default();
        let mut keeper = Keeper::new(MemoryStore::new());
        keeper.store_mut().set_out(true);
        assert!(keeper.commit(NOW, &put(1), &mut queue).is_err());
        assert!(keeper.is_undecided());
        keeper.store_mut().set_out(false);
        assert!(keeper.commit(NOW, &put(2), &mut queue).is_err());
        assert!(keeper.store().is_empty());
        keeper.decided(NOW);
        assert_eq!(keeper.commit(NOW, &put(2), &mut queue), Ok(()));
        keeper.recovered(&mut queue);
        assert_eq!(events(&mut queue), ["failed", "recovered"]);
    }
}
