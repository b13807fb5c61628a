//! What an operator decides about a network: its name, its parameters, who may be in it, and how many
//! nodes it takes to start.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sotto_protocol::directory::{LAYERS, Params};
use sotto_protocol::ident::NodeId;

/// Which nodes may take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Every node that publishes a valid descriptor. For test networks: whoever runs most of the nodes
    /// sees most of the traffic.
    All,
    /// These nodes.
    Listed(BTreeSet<NodeId>),
}

impl Admission {
    /// Whether `node` may take part.
    #[must_use]
    pub fn admits(&self, node: &NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Listed(nodes) => nodes.contains(node),
        }
    }
}

/// How many nodes of each kind there must be before the first consensus is signed. Later ones need only
/// what every route needs: an entry, a mix in each layer and a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Entries.
    pub entries: usize,
    /// Mixes of all layers.
    pub mixes: usize,
    /// Mailboxes.
    pub mailboxes: usize,
}

impl Bootstrap {
    /// What every route needs.
    pub const LEAST: Self = Self { entries: 1, mixes: LAYERS as usize, mailboxes: 1 };

    /// The larger of each count.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            entries: self.entries.max(other.entries),
            mixes: self.mixes.max(other.mixes),
            mailboxes: self.mailboxes.max(other.mailboxes),
        }
    }
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { entries: 2, mixes: 2 * usize::from(LAYERS), mailboxes: 2 }
    }
}

/// Everything that an authority is told at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityConfig {
    /// The network's name.
    pub network: String,
    /// The parameters that go into every consensus.
    pub params: Params,
    /// Who may take part.
    pub admission: Admission,
    /// What it takes to start.
    pub bootstrap: Bootstrap,
}
