//! What `sotto-mix status` and the control socket tell about a running node.

mod advice;
mod command;
mod findings;
mod observed;
mod view;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sotto_transport::node::MemberStatus;

use super::config::MixRole;
use crate::core::MixReport;

pub(super) use command::show;
pub(super) use observed::{Observed, PeerView};

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
