//! Why an authority refuses a descriptor, its own past or its own configuration, and why it has not
//! signed a consensus. Each has a label that never changes.

use sotto_protocol::codec::CodecError;
use sotto_protocol::directory::{AuthoritySetError, DocumentRefusal};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::NODES_MAX;

use super::config::Bootstrap;

/// Why a descriptor was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorRefusal {
    /// The document itself is wrong: malformed, wrongly signed, of another network.
    #[error("{0}")]
    Document(#[from] DocumentRefusal),
    /// The node is not on the operator's list.
    #[error("the authority does not admit {node}: ask its operator to list it")]
    NotAdmitted {
        /// The node.
        node: NodeId,
    },
    /// There is a newer one from the same node, or the node has signed two at one moment.
    #[error("the authority holds a descriptor of this node that is as new or newer: publish a fresh one")]
    Stale,
    /// It was signed too long ago.
    #[error(
        "the descriptor was signed {age_s} s ago, at most {age_s_max} s are allowed: publish a fresh one"
    )]
    Expired {
        /// Its age.
        age_s: u64,
        /// The greatest age.
        age_s_max: u64,
    },
    /// It claims to be from the future.
    #[error(
        "the descriptor was signed {ahead_s} s from now, at most {ahead_s_max} s are allowed: set the node's clock"
    )]
    FutureDated {
        /// How far ahead.
        ahead_s: u64,
        /// How far ahead it may be.
        ahead_s_max: u64,
    },
    /// It announces no key for the present epoch or the next, so that no packet could reach the node.
    #[error(
        "the descriptor has no key for epoch {epoch}, which is now, or the next: \
         check the network link in the node's configuration, and its clock"
    )]
    NoCurrentKey {
        /// The present epoch.
        epoch: u64,
    },
    /// A new node, and there is no room.
    #[error("the network has its {NODES_MAX} nodes and takes no more")]
    Full,
}

impl DescriptorRefusal {
    /// The stable name on the wire and in the report.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            // What went wrong in the encoding is for the text; counters need only know that it was.
            Self::Document(DocumentRefusal::Encoding(_)) => "malformed",
            Self::Document(refusal) => refusal.label(),
            Self::NotAdmitted { .. } => "not-admitted",
            Self::Stale => "stale",
            Self::Expired { .. } => "expired",
            Self::FutureDated { .. } => "future-dated",
            Self::NoCurrentKey { .. } => "no-current-key",
            Self::Full => "network-full",
        }
    }
}

/// Why there is no consensus for the present epoch. The one before stays in use for its grace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Too few nodes of some kind.
    #[error(
        "too few nodes have keys for this epoch: of entries {} ({} needed), of mixes {} ({}), of mailboxes {} ({})",
        found.entries, needed.entries, found.mixes, needed.mixes, found.mailboxes, needed.mailboxes
    )]
    TooFewNodes {
        /// Nodes with a key for the epoch.
        found: Bootstrap,
        /// Nodes that are needed.
        needed: Bootstrap,
    },
    /// The document would not be valid.
    #[error("the consensus would not be valid: {0}")]
    Invalid(DocumentRefusal),
}

impl Unsigned {
    /// The stable name in the report.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TooFewNodes { .. } => "too-few-nodes",
            Self::Invalid(refusal) => refusal.label(),
        }
    }
}

/// Why an authority cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The parameters or the name are not allowed.
    #[error("the configuration is not a network: {0}")]
    Config(DocumentRefusal),
    /// The authorities are no set.
    #[error("the configuration is not a network: {0}")]
    Authorities(#[from] AuthoritySetError),
    /// The consensus on disk is not one that this authority signed for this network.
    #[error(
        "the last consensus on disk is not this authority's: {0}; restore the right file, or move it away and a \
         new one is signed as soon as enough nodes have published"
    )]
    Consensus(DocumentRefusal),
    /// Epochs were counted in another length before.
    #[error(
        "params.epoch_s is {configured}, but this network counts epochs of {signed} s: the length cannot change, \
         because epoch numbers would jump; set it back"
    )]
    EpochLength {
        /// What the configuration says.
        configured: u32,
        /// What the last consensus says.
        signed: u32,
    },
}

impl AuthorityError {
    /// The stable name.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Config(refusal) => refusal.label(),
            Self::Authorities(_) => "authority-set",
            Self::Consensus(_) => "consensus-foreign",
            Self::EpochLength { .. } => "epoch-length",
        }
    }
}

impl From<CodecError> for DescriptorRefusal {
    fn from(error: CodecError) -> Self {
        Self::Document(error.into())
    }
}
