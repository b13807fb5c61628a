//! One part of the set: a sorted run, and the entries that have come since it was written.

use super::run::Run;

/// Entries in front of the run: 4 KiB of them are merged into it at once.
pub(super) const RECENT_MAX: usize = 512;

#[derive(Default)]
pub(super) struct Shard {
    /// Boxed, and made by the first merge: a set of few tags takes little.
    run: Option<Box<Run>>,
    /// In ascending order, none of them in the run.
    recent: Vec<u64>,
}

impl Shard {
    pub(super) fn contains(&self, entry: u64) -> bool {
        self.recent.binary_search(&entry).is_ok() || self.is_in_run(entry)
    }

    /// Adds an entry, and returns whether it was not there. `scratch` is for the caller to keep.
    pub(super) fn insert(&mut self, entry: u64, scratch: &mut Vec<u64>) -> bool {
        let Err(mut at) = self.recent.binary_search(&entry) else {
            return false;
        };
        if self.is_in_run(entry) {
            return false;
        }
        if self.recent.len() >= RECENT_MAX {
            self.merge(scratch);
            at = 0;
        }
        self.recent.insert(at, entry);
        true
    }

    /// Gives back what is only there for entries to come.
    pub(super) fn freeze(&mut self, scratch: &mut Vec<u64>) {
        // A run for so few entries would take more than they do.
        if self.run.is_some() {
            self.merge(scratch);
        }
        self.recent.shrink_to_fit();
    }

    /// Bytes of the heap that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let run = self.run.as_ref().map_or(0, |run| size_of::<Run>() + run.memory_bytes());
        run + self.recent.capacity().saturating_mul(size_of::<u64>())
    }

    fn is_in_run(&self, entry: u64) -> bool {
        self.run.as_ref().is_some_and(|run| run.contains(entry))
    }

    fn merge(&mut self, scratch: &mut Vec<u64>) {
        if !self.recent.is_empty() {
            self.run.get_or_insert_default().absorb(&self.recent, scratch);
            self.recent.clear();
        }
    }
}
