//! What `sotto-mix status` and the control socket tell about a running node.

mod advice;
mod command;
mod findings;
mod observed;
mod view;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sotto_transport::node::MemberStatus;

use super::config::MixRole;
use crate::core::MixReport;

pub(super) use advice::of_membership;
pub(super) use command::{Showing, show};
pub(super) use findings::short;
pub(super) use observed::{Observed, PeerView};
pub(super) use view::span;

/// The state of a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixStatus {
    /// What the node does.
    pub role: MixRole,
    /// The length of an epoch, in seconds.
    #[serde(default = "epoch_s_usual")]
    pub epoch_s: u32,
    /// The file that the node reads at a reload, if it reloads.
    #[serde(default)]
    pub config: Option<PathBuf>,
    /// Where metrics are shown; `None` if they are off.
    #[serde(default)]
    pub metrics: Option<MetricsStatus>,
    /// What every member of a network tells, on the same level.
    #[serde(flatten)]
    pub member: MemberStatus,
    /// The core's own report, on the same level.
    #[serde(flatten)]
    pub report: MixReport,
}

/// Where a node shows metrics, and whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsStatus {
    /// The address that the configuration names.
    pub address: String,
    /// Why nothing can be shown there, in the system's words; `None` if metrics are shown or the node has just started.
    pub failure: Option<String>,
}

/// For the status of a node that does not tell, one of an earlier version.
const fn epoch_s_usual() -> u32 {
    3_600
}
