//! Why a document is not accepted, one variant for each check.

use crate::codec::CodecError;
use crate::ident::NodeId;

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentRefusal {
    /// The bytes are not a document: too large, malformed, trailing bytes or not canonical.
    #[error("not a document: {0}")]
    Encoding(#[from] CodecError),
    /// A version that this program does not know.
    #[error("document version {found}; this program reads version 1: update it")]
    WrongVersion {
        /// The version byte.
        found: u8,
    },
    /// A signature does not hold.
    #[error(
        "the signature of {signer:?} does not hold: the document was altered, or signed with another key"
    )]
    BadSignature {
        /// Whose signature it claims to be.
        signer: NodeId,
    },
    /// Not enough authorities signed.
    #[error("signed by {valid} authorities where {needed} are needed")]
    TooFewSignatures {
        /// Authorities whose signature holds.
        valid: usize,
        /// The network's threshold.
        needed: usize,
    },
    /// Not enough authorities of this network signed, but somebody else did.
    #[error(
        "signed by {signer:?}, which is not an authority of this network, and by {valid} of the {needed} needed: \
         check that the network link is the right one"
    )]
    UnknownSigner {
        /// The first signer that is not an authority.
        signer: NodeId,
        /// Authorities whose signature holds.
        valid: usize,
        /// The network's threshold.
        needed: usize,
    },
    /// One authority's signature occurs twice, or the signatures are not sorted by signer.
    #[error("the signatures are not sorted by signer, or {signer:?} signed twice")]
    DuplicateSigner {
        /// The signer that is not greater than the one before it.
        signer: NodeId,
    },
    /// More signatures than a network can have authorities.
    #[error("{count} signatures where at most {count_max} are possible")]
    TooManySignatures {
        /// Signatures that came.
        count: usize,
        /// Signatures that are possible.
        count_max: usize,
    },
    /// A document of another network.
    #[error("a document of the network {found:?}, expected {expected:?}")]
    WrongNetwork {
        /// The network that this party belongs to.
        expected: String,
        /// The network that the document names.
        found: String,
    },
    /// A consensus with epochs of another length than the network link says.
    #[error(
        "the consensus counts epochs of {found} s, the network link says {expected} s: check that the link is the \
         right one"
    )]
    EpochLength {
        /// What the network link says, in seconds.
        expected: u32,
        /// What the consensus says, in seconds.
        found: u32,
    },
    /// A name or another short text is not of its alphabet or length.
    #[error(
        "the {field} is not allowed: it is empty, too long or has other characters than a-z, 0-9, - and ."
    )]
    Text {
        /// Which text.
        field: &'static str,
    },
    /// An address that nobody can dial.
    #[error("{address:?} is not an address: expected host:port with a port from 1 to 65535")]
    Address {
        /// The address as it came.
        address: String,
    },
    /// No Sphinx key, or too many.
    #[error("{count} Sphinx keys where 1 to {count_max} are allowed")]
    HopKeyCount {
        /// Keys that came.
        count: usize,
        /// Keys that are allowed.
        count_max: usize,
    },
    /// The Sphinx keys are not sorted by epoch, or an epoch occurs twice.
    #[error("the Sphinx keys are not sorted by epoch, or epoch {epoch} occurs twice")]
    HopKeyOrder {
        /// The epoch that is not greater than the one before it.
        epoch: u64,
    },
    /// No nodes, or too many.
    #[error("{count} nodes where 1 to {count_max} are allowed")]
    NodeCount {
        /// Nodes that came.
        count: usize,
        /// Nodes that are allowed.
        count_max: usize,
    },
    /// The nodes are not sorted, or one occurs twice.
    #[error("the nodes are not sorted, or {node:?} occurs twice")]
    NodeOrder {
        /// The node that is not greater than the one before it.
        node: NodeId,
    },
    /// A layer that the network does not have.
    #[error("{node:?} is in layer {layer}; layers are 1 to 3")]
    LayerOutOfRange {
        /// The node.
        node: NodeId,
        /// Its layer.
        layer: u8,
    },
    /// Nobody is in a place that every route needs.
    #[error("no node in the place: {place}")]
    MissingLayer {
        /// The empty place: `entry`, `layer 1`, `layer 2`, `layer 3` or `mailbox`.
        place: &'static str,
    },
    /// A parameter that is not sensible.
    #[error("the parameter {name} is out of range: expected {expected}")]
    ParameterOutOfRange {
        /// The parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The times are not those of the epoch.
    #[error("valid from and until do not lie in epoch {epoch}")]
    Validity {
        /// The epoch that the document names.
        epoch: u64,
    },
}

impl DocumentRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Encoding(error) => error.label(),
            Self::WrongVersion { .. } => "wrong-version",
            Self::BadSignature { .. } => "bad-signature",
            Self::TooFewSignatures { .. } => "too-few-signatures",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::DuplicateSigner { .. } => "duplicate-signer",
            Self::TooManySignatures { .. } => "too-many-signatures",
            Self::WrongNetwork { .. } => "wrong-network",
            Self::EpochLength { .. } => "epoch-length",
            Self::Text { .. } => "text",
            Self::Address { .. } => "address",
            Self::HopKeyCount { .. } => "hop-key-count",
            Self::HopKeyOrder { .. } => "hop-key-order",
            Self::NodeCount { .. } => "node-count",
            Self::NodeOrder { .. } => "node-order",
            Self::LayerOutOfRange { .. } => "layer-out-of-range",
            Self::MissingLayer { .. } => "missing-layer",
            Self::ParameterOutOfRange { .. } => "parameter-out-of-range",
            Self::Validity { .. } => "validity",
        }
    }
}
