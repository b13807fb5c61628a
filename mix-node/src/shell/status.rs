//! What `sotto-mix status` and the control socket tell about a running node.

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_transport::node::MemberStatus;

use super::config::MixRole;
use crate::core::MixReport;

/// The state of a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixStatus {
    /// What the node does.
    pub role: MixRole,
    /// What every member of a network tells, on the same level.
    #[serde(flatten)]
    pub member: MemberStatus,
    /// The core's own report, on the same level.
    #[serde(flatten)]
    pub report: MixReport,
}

impl fmt::Display for MixStatus {
    /// For people, in a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MixReport { place, consensus_epoch, ledger, sessions, loops, .. } = &self.report;
        let place = place.as_deref().unwrap_or("not in the consensus");
        writeln!(f, "{} of network {}, {place}", self.role.name(), self.member.network)?;
        writeln!(f, "node      {}", self.member.node)?;
        match consensus_epoch {
            Some(epoch) => writeln!(f, "consensus epoch {epoch}")?,
            None => writeln!(f, "consensus none yet")?,
        }
        let rss_kib = self.member.rss_kib.unwrap_or_default();
        writeln!(f, "running   {} s, {} MiB resident", self.member.uptime_s, rss_kib / 1024)?;
        if let Some(onion) = &self.member.onion {
            writeln!(f, "onion     {onion}")?;
        }
        for trouble in self.member.troubles() {
            writeln!(f, "{trouble}")?;
        }
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
        )?;
        for alarm in &loops.alarms {
            writeln!(f, "ALARM     {alarm}")?;
        }
        Ok(())
    }
}
