//! What an authority says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An authority's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityReport {
    /// The network's name.
    pub network: String,
    /// The epoch of the newest consensus, if there is one.
    pub consensus_epoch: Option<u64>,
    /// Nodes in the newest consensus.
    pub nodes: usize,
    /// Nodes with a descriptor.
    pub descriptors: usize,
    /// Why there is no consensus for the present epoch, if there is none.
    pub unsigned: Option<UnsignedReport>,
    /// Descriptors accepted since the start.
    pub accepted: u64,
    /// Descriptors refused since the start, by label.
    pub refused: BTreeMap<String, u64>,
}

/// Why there is no consensus for the present epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsignedReport {
    /// The stable name of the reason.
    pub label: String,
    /// The reason for people.
    pub text: String,
}
