//! What `sotto-mailbox status` and the control socket tell about a running mailbox.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sotto_protocol::limits::BOX_LEN;

use crate::core::MailboxReport;
use crate::store::Usage;

/// How full the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Boxes held, expired ones that are not yet collected included.
    pub boxes: u64,
    /// Tombstones held, expired ones that are not yet collected included.
    pub tombstones: u64,
    /// How many of both there may be.
    pub quota_boxes: u64,
    /// The bytes of all boxes, without what the file adds.
    pub box_bytes: u64,
}

impl From<Usage> for StoreStatus {
    fn from(usage: Usage) -> Self {
        Self {
            boxes: usage.boxes,
            tombstones: usage.tombstones,
            quota_boxes: usage.quota,
            box_bytes: usage.boxes.saturating_mul(BOX_LEN as u64),
        }
    }
}

/// The state of a running mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxStatus {
    /// What the node does: `mailbox`.
    pub role: String,
    /// Its name, in hexadecimal.
    pub node: String,
    /// The network's name.
    pub network: String,
    /// Where others reach it.
    pub address: String,
    /// Name and version of the software.
    pub software: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Resident memory, where the system tells.
    pub rss_kib: Option<u64>,
    /// The core's own report, on the same level.
    #[serde(flatten)]
    pub report: MailboxReport,
    /// The store, as it was after the last batch; absent while it fails.
    pub store: Option<StoreStatus>,
    /// Why the store failed last, if its last work failed.
    pub store_failure: Option<String>,
    /// The outgoing links.
    pub peers: Value,
    /// Incoming links that failed or were refused, by label.
    pub link_failures: BTreeMap<String, u64>,
    /// How publishing and following the consensus stand.
    pub membership: Value,
}

impl fmt::Display for MailboxStatus {
    /// For people, in a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.report.ledger;
        writeln!(f, "mailbox of network {}", self.network)?;
        writeln!(f, "node      {}", self.node)?;
        match self.report.consensus_epoch {
            Some(epoch) => writeln!(f, "consensus epoch {epoch}")?,
            None => writeln!(f, "consensus none that holds")?,
        }
        let rss_kib = self.rss_kib.unwrap_or_default();
        writeln!(f, "running   {} s, {} MiB resident", self.uptime_s, rss_kib / 1024)?;
        match &self.store {
            Some(store) => writeln!(
                f,
                "store     {} boxes and {} tombstones of at most {}, {} collected",
                store.boxes, store.tombstones, store.quota_boxes, self.report.collected
            )?,
            None => writeln!(f, "store     fails")?,
        }
        if let Some(failure) = &self.store_failure {
            writeln!(f, "          {failure}")?;
        }
        writeln!(
            f,
            "packets   {} received = {} delivered + {} dropped + {} held{}",
            ledger.received,
            ledger.delivered_total(),
            ledger.dropped_total(),
            ledger.held,
            if ledger.balanced() { "" } else { " (does not balance!)" },
        )?;
        for (label, count) in &ledger.dropped {
            writeln!(f, "          {count} dropped: {label}")?;
        }
        writeln!(f, "answers   {} in {} batches", ledger.originated_total(), self.report.batches)?;
        for (label, count) in &self.report.answers {
            writeln!(f, "          {count} {label}")?;
        }
        Ok(())
    }
}
