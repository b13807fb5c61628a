//! Why a mix refuses something: packets by label in the drop ledger, peers and sessions by error.
//!
//! What a packet's own bytes get it refused for is `sotto_protocol::sphinx::Refusal`.

use thiserror::Error;

/// Why the mix itself, and not the packet format, let a packet go no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropLabel {
    /// No consensus is known yet, or the node is not listed in it.
    NoConsensus,
    /// The consensus is older than its grace allows.
    ConsensusExpired,
    /// The sender may not link to this node: not listed, the wrong layer, or a client at a mix.
    SourceIllegal,
    /// The next hop is in no consensus that counts.
    NextHopUnknown,
    /// The next hop exists, but packets do not go there from this node's place.
    NextHopIllegal,
    /// The link to the next hop was down or its queue full when the packet's delay was over.
    NextHopUnreachable,
    /// The node holds as many packets as it may.
    HeldFull,
    /// A final packet for an address that is neither a session nor this node.
    SessionUnknown,
    /// The packet's session could no longer be resumed.
    SessionExpired,
    /// The client sends faster than its cover class does.
    UplinkTooFast,
    /// The session's downlink queue is full.
    DownlinkFull,
    /// The session's connection took no more frames.
    SessionUnreachable,
    /// A packet to this node itself that is none of the loops it awaits.
    LoopUnknown,
    /// The packet's replay tag could not be made durable, so that the packet must not leave.
    TagsNotDurable,
    /// The node ended while the packet waited for a client, or before it came.
    Stopped,
}

impl DropLabel {
    /// The stable name in ledgers and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoConsensus => "no-consensus",
            Self::ConsensusExpired => "consensus-expired",
            Self::SourceIllegal => "source-illegal",
            Self::NextHopUnknown => "next-hop-unknown",
            Self::NextHopIllegal => "next-hop-illegal",
            Self::NextHopUnreachable => "next-hop-unreachable",
            Self::HeldFull => "held-full",
            Self::SessionUnknown => "session-unknown",
            Self::SessionExpired => "session-expired",
            Self::UplinkTooFast => "uplink-too-fast",
            Self::DownlinkFull => "downlink-full",
            Self::SessionUnreachable => "session-unreachable",
            Self::LoopUnknown => "loop-unknown",
            Self::TagsNotDurable => "tags-not-durable",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a client gets no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionRefusal {
    /// Only entries take clients.
    #[error("this node is not an entry in the present consensus: connect to one of the consensus' entries")]
    NotAnEntry,
    /// The class is not in the consensus.
    #[error(
        "cover class {class} is not in the present consensus: fetch the consensus and use one of its classes"
    )]
    ClassUnknown {
        /// The class the client asked for, an index into the consensus' classes.
        class: u8,
    },
    /// Unknown address or wrong token; a stranger learns nothing from the difference.
    #[error("no session can be resumed with this address and token: open a new one")]
    ResumeRefused,
    /// As many sessions as the entry keeps.
    #[error("this entry keeps {sessions_max} sessions and has no place left: try another entry or later")]
    SessionsFull {
        /// The entry's limit.
        sessions_max: usize,
    },
    /// The node is about to stop.
    #[error("this node is stopping: connect to another entry")]
    Stopping,
}

impl SessionRefusal {
    /// The stable name on the wire and in metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotAnEntry => "not-an-entry",
            Self::ClassUnknown { .. } => "class-unknown",
            Self::ResumeRefused => "resume-refused",
            Self::SessionsFull { .. } => "sessions-full",
            Self::Stopping => "stopping",
        }
    }
}

/// Why another node's link is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeerRefusal {
    /// The peer's key is in no consensus that counts.
    #[error("this node's key is not in the consensus: publish a descriptor and wait for the next epoch")]
    NotInConsensus,
    /// The peer is listed, but packets do not come from its place to this one.
    #[error("nodes of this place do not link to this one: check both nodes' roles in the consensus")]
    LinkIllegal,
}

impl PeerRefusal {
    /// The stable name on the wire and in metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotInConsensus => "not-in-consensus",
            Self::LinkIllegal => "link-illegal",
        }
    }
}

/// Why a consensus is not adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConsensusRefusal {
    /// One of a later epoch, or this very one, is already known.
    #[error("the consensus is of epoch {offered}, but epoch {known} is already known")]
    NotNewer {
        /// The epoch of the refused consensus.
        offered: u64,
        /// The epoch of the present one.
        known: u64,
    },
    /// Even its grace is over.
    #[error("the consensus of epoch {offered} expired: check this node's clock and the authorities")]
    Expired {
        /// The epoch of the refused consensus.
        offered: u64,
    },
}

impl ConsensusRefusal {
    /// The stable name in logs and metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotNewer { .. } => "consensus-not-newer",
            Self::Expired { .. } => "consensus-expired",
        }
    }
}
