//! What `sotto-mailbox status` and the control socket tell about a running mailbox.

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::limits::BOX_LEN;
use sotto_transport::node::MemberStatus;

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
    /// What every member of a network tells, on the same level.
    #[serde(flatten)]
    pub member: MemberStatus,
    /// The core's own report, on the same level.
    #[serde(flatten)]
    pub report: MailboxReport,
    /// Direct links that are open: clients that came by the onion service and send packets.
    #[serde(default)]
    pub direct_links: usize,
    /// The store, as it was after the last batch; absent while it fails.
    pub store: Option<StoreStatus>,
    /// Why the store failed last, if its last work failed.
    pub store_failure: Option<String>,
}

impl fmt::Display for MailboxStatus {
    /// For people, in a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.report.ledger;
        writeln!(f, "mailbox of network {}", self.member.network)?;
        writeln!(f, "node      {}", self.member.node)?;
        match self.report.consensus_epoch {
            Some(epoch) => writeln!(f, "consensus epoch {epoch}")?,
            None => writeln!(f, "consensus none that holds")?,
        }
        let rss_kib = self.member.rss_kib.unwrap_or_default();
        writeln!(f, "running   {} s, {} MiB resident", self.member.uptime_s, rss_kib / 1024)?;
        if let Some(onion) = &self.member.onion {
            let links = if self.direct_links == 1 { "link" } else { "links" };
            writeln!(f, "onion     {onion}; {} direct {links}", self.direct_links)?;
        }
        for trouble in self.member.troubles() {
            writeln!(f, "{trouble}")?;
        }
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
