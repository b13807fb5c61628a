//! Why a packet was dropped: one label for each reason, counted in the ledger.
//!
//! A command that is understood but not carried out (a full store, a wrong signature) is not in this list:
//! its packet was delivered, and it is answered.

use sotto_protocol::mailbox::CommandRefusal;
use sotto_protocol::sphinx::Refusal;

/// Why a packet ended here without being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// There is no consensus yet, so nobody is known.
    #[error("there is no consensus yet, so no neighbour is known")]
    NoConsensus,
    /// The newest consensus is past its grace.
    #[error("the newest consensus is past its grace")]
    ConsensusExpired,
    /// The sender is not a node of the last mix layer.
    #[error("the packet came from a node that is not in the last mix layer")]
    SourceIllegal,
    /// As many commands wait as may wait, or as many as may of direct links.
    #[error("as many commands wait for the store as may wait")]
    Busy,
    /// The packet itself was refused.
    #[error("the packet was refused: {0}")]
    Packet(#[from] Refusal),
    /// The packet wants to be passed on, and a mailbox is a last hop.
    #[error("the packet names a next hop, and a mailbox passes nothing on")]
    NotFinal,
    /// The packet is for another node.
    #[error("the packet's destination is another node")]
    Destination,
    /// The text is no command.
    #[error("the text is no command: {0}")]
    Command(#[from] CommandRefusal),
    /// The reply block starts at a node to which the answer cannot go.
    #[error(
        "the reply block starts at a node to which its answer cannot go: that is one of the first mix layer for a packet \
         that came through the mixnet, and this mailbox for one that came by a direct link"
    )]
    SurbFirstHop,
    /// The store failed; the command may or may not have been carried out.
    #[error("the store failed")]
    StoreFailed,
}

impl DropReason {
    /// The stable name in the ledger.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoConsensus => "no-consensus",
            Self::ConsensusExpired => "consensus-expired",
            Self::SourceIllegal => "source-illegal",
            Self::Busy => "busy",
            Self::Packet(refusal) => refusal.label(),
            Self::NotFinal => "not-final",
            Self::Destination => "destination",
            Self::Command(refusal) => refusal.label(),
            Self::SurbFirstHop => "surb-first-hop",
            Self::StoreFailed => "store-failed",
        }
    }
}
