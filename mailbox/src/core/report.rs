//! What a mailbox says about itself. Counts only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sotto_protocol::ledger::LedgerReport;

/// A mailbox's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxReport {
    /// The epoch of the newest consensus.
    pub consensus_epoch: Option<u64>,
    /// What became of every packet.
    pub ledger: LedgerReport,
    /// Answers given, by label.
    pub answers: BTreeMap<String, u64>,
    /// Batches applied to the store.
    pub batches: u64,
    /// Records forgotten because they had expired.
    pub collected: u64,
}
