//! Bringing the replay tags of an epoch that is over into their densest form, a little at a time.
//!
//! Few tags come for such an epoch, so its set need not keep room for many. Done at once that would hold the mix up for a
//! tenth of a second; so one shard is done after the other, with time for packets in between. The sets themselves are
//! the mix's.

use std::collections::BTreeMap;

use sotto_protocol::sphinx::ReplaySet;
use sotto_protocol::time::Timestamp;

use super::config::FREEZE_INTERVAL;

/// Which set is being frozen.
pub(crate) struct Freezing {
    epoch: Option<u64>,
    due: Timestamp,
}

impl Freezing {
    /// None is.
    pub(crate) const fn new() -> Self {
        Self { epoch: None, due: Timestamp::NEVER }
    }

    /// Begins with the set of `epoch`, if it has tags. A set that was begun and is not done stays as far as it is.
    pub(crate) fn begin(&mut self, now: Timestamp, epoch: u64, sets: &BTreeMap<u64, ReplaySet>) {
        let has_tags = sets.get(&epoch).is_some_and(|set| !set.is_empty());
        self.epoch = has_tags.then_some(epoch);
        self.due = now;
    }

    /// When the next step is due, [`Timestamp::NEVER`] if there is nothing to freeze.
    pub(crate) const fn deadline(&self) -> Timestamp {
        if self.epoch.is_some() { self.due } else { Timestamp::NEVER }
    }

    /// Does one step if it is due. However late the caller is, it is one: what was missed is not made up for.
    pub(crate) fn step(&mut self, now: Timestamp, sets: &mut BTreeMap<u64, ReplaySet>) {
        if self.deadline() > now {
            return;
        }
        self.due = now + FREEZE_INTERVAL;
        let set = self.epoch.and_then(|epoch| sets.get_mut(&epoch));
        if !set.is_some_and(ReplaySet::freeze_step) {
            self.epoch = None;
        }
    }
}
