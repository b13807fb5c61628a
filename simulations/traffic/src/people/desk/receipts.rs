//! When a client tells others that their messages have come.
//!
//! The client of Sotto has moments for each contact, at exponential gaps, at which it writes a receipt if it owes one
//! (`client/src/core/reporting.rs`). Such moments have no memory, so the time from the arrival of a message to the next of
//! them is drawn when the message comes. Not here: the box of the receipt, and the slot that it takes.

use std::collections::BTreeMap;

use crate::time::SimTime;

/// Mean time between two moments for one contact, in payload slots, as in the client of Sotto
/// (`REPORT_INTERVAL_SLOTS_MEAN`).
pub(super) const INTERVAL_SLOTS_MEAN: f64 = 32.0;

/// The receipts that a client owes.
#[derive(Clone, Debug, Default)]
pub(super) struct Receipts(BTreeMap<u32, SimTime>);

impl Receipts {
    /// Whether a receipt to this client is waiting for its moment.
    pub(super) fn is_owed(&self, peer: u32) -> bool {
        self.0.contains_key(&peer)
    }

    /// A receipt is owed; its moment is this one.
    pub(super) fn owe(&mut self, peer: u32, at: SimTime) {
        self.0.insert(peer, at);
    }

    /// Takes one whose moment has come.
    pub(super) fn take_due(&mut self, now: SimTime) -> Option<u32> {
        let peer = self.0.iter().find(|(_, at)| **at <= now).map(|(peer, _)| *peer)?;
        self.0.remove(&peer);
        Some(peer)
    }
}
