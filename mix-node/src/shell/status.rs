//! What `sotto-mix status` and the control socket tell about a running node.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::MixRole;
use crate::core::MixReport;

/// The state of a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixStatus {
    /// What the node does.
    pub role: MixRole,
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
    pub report: MixReport,
    /// The outgoing links.
    pub peers: Value,
    /// Incoming links that failed or were refused, by label.
    pub link_failures: BTreeMap<String, u64>,
    /// How publishing and following the consensus stand.
    pub membership: Value,
}

impl fmt::Display for MixStatus {
    /// For people, in a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MixReport { place, consensus_epoch, ledger, sessions, loops, .. } = &self.report;
        let place = place.as_deref().unwrap_or("not in the consensus");
        writeln!(f, "{} of network {}, {place}", self.role.name(), self.network)?;
        writeln!(f, "node      {}", self.node)?;
        match consensus_epoch {
            Some(epoch) => writeln!(f, "consensus epoch {epoch}")?,
            None => writeln!(f, "consensus none yet")?,
        }
        let rss_kib = self.rss_kib.unwrap_or_default();
        writeln!(f, "running   {} s, {} MiB resident", self.uptime_s, rss_kib / 1024)?;
        writeln!(
            f,
            "packets   {} received = {} forwarded + {} delivered + {} dropped + {} held{}",
            ledger.received,
            ledger.forwarded,
            ledger.delivered_total(),
            ledger.dropped_total(),
            ledger.held,
            if ledger.balanced() { "" } else { " (does not balance!)" },
        )?;
        for (label, count) in &ledger.dropped {
            writeln!(f, "          {count} dropped: {label}")?;
        }
        if self.role == MixRole::Entry {
            writeln!(f, "sessions  {} connected, {} resumable", sessions.connected, sessions.resumable)?;
        }
        writeln!(
            f,
            "loops     {} sent, {} returned, {} lost, {} tampered with",
            loops.sent, loops.returned, loops.lost, loops.tampered
        )
    }
}
