//! Counts of what went wrong with links, by label. Nothing else about a link is kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::link::LinkError;

/// How many links failed or were turned away, by label, since the start.
#[derive(Debug, Default)]
pub struct LinkFailures(Mutex<BTreeMap<&'static str, u64>>);

impl LinkFailures {
    /// Counts one failure under its label. A link that was simply closed is no failure.
    pub fn record(&self, error: &LinkError) {
        if !matches!(error, LinkError::Closed) {
            self.count(error.label());
        }
    }

    /// Counts one failure under `label`.
    pub fn count(&self, label: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(label).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts so far.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
    }
}
