//! What `sotto-directory status` and the control socket tell about a running authority.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_transport::node::OnionMemberStatus;

use crate::core::AuthorityReport;

/// The state of a running authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryStatus {
    /// What the node does: `directory`.
    pub role: String,
    /// Its key, in hexadecimal.
    pub node: String,
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
    pub report: AuthorityReport,
    /// The network's link.
    pub network_link: String,
    /// Its onion service, if it has one.
    #[serde(default)]
    pub onion: Option<OnionMemberStatus>,
    /// Links that failed or were refused, by label.
    pub link_failures: BTreeMap<String, u64>,
}

impl fmt::Display for DirectoryStatus {
    /// For people, in a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(f, "authority of network {}", report.network)?;
        writeln!(f, "key       {}", self.node)?;
        writeln!(
            f,
            "running   {} s, {} MiB resident",
            self.uptime_s,
            self.rss_kib.unwrap_or_default() / 1024
        )?;
        if let Some(onion) = &self.onion {
            writeln!(f, "onion     {onion}")?;
        }
        if let Some(trouble) = self.onion.as_ref().and_then(OnionMemberStatus::trouble) {
            writeln!(f, "trouble   {trouble}")?;
        }
        match report.consensus_epoch {
            Some(epoch) => writeln!(f, "consensus epoch {epoch}, {} nodes", report.nodes)?,
            None => writeln!(f, "consensus none yet")?,
        }
        if let Some(unsigned) = &report.unsigned {
            writeln!(f, "          none for this epoch: {}", unsigned.text)?;
        }
        writeln!(f, "published {} descriptors held, {} accepted", report.descriptors, report.accepted)?;
        for (label, count) in &report.refused {
            writeln!(f, "          {count} refused: {label}")?;
        }
        writeln!(f, "link      {}", self.network_link)
    }
}
