//! Why a packet, a reply block or its keys were refused.
//!
//! What is not here: errors of somebody who builds a packet wrongly, see [`super::BuildError`].

use thiserror::Error;

/// A refusal of something that came from outside. Carries no byte of what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// Not exactly [`crate::limits::PACKET_LEN`] bytes.
    #[error("a packet has exactly {expected} bytes, this one has {got}", expected = crate::limits::PACKET_LEN)]
    WrongLength {
        /// The length that came.
        got: usize,
    },
    /// The public key in the packet has small order, so the shared secret would be known to everybody
    /// (RFC 7748, section 6.1).
    #[error("the packet's public key has small order and would give a secret known to everybody")]
    AlphaNonContributory,
    /// The header's MAC does not match under the key tried: another node's packet, a key that has been
    /// retired, or a header that was changed on its way.
    #[error("the header's MAC does not match: wrong or retired key, or a changed header")]
    HeaderMac,
    /// There is no key for this epoch, the one before or the one after.
    #[error("no key is installed for this epoch, the one before or the one after")]
    NoKey,
    /// The packet's version is not 260.
    #[error("the packet's version is {got}, this network speaks 260")]
    Version {
        /// The version that came.
        got: u16,
    },
    /// The routing information names neither a next hop nor a destination.
    #[error("the routing information is neither that of a forward hop nor that of a final hop")]
    RoutingFlag,
    /// A packet with the same replay tag has passed before.
    #[error("a packet with the same replay tag has passed before")]
    Replayed,
    /// The replay cache of this key holds as many tags as it may.
    #[error("the replay cache of this key is full; it empties when the key is retired")]
    ReplayCacheFull,
    /// The payload's integrity tag or padding is wrong: it was changed on its way or the keys are not its own.
    #[error("the payload's integrity tag or padding is wrong: a changed payload or other keys")]
    PayloadTag,
    /// Not exactly [`crate::limits::SURB_LEN`] bytes.
    #[error("a reply block has exactly {expected} bytes, this one has {got}", expected = crate::limits::SURB_LEN)]
    SurbLength {
        /// The length that came.
        got: usize,
    },
    /// Not the serialized keys of a reply block.
    #[error("these are not the keys of a reply block: wrong length or a zero identifier")]
    SurbKeys,
}

impl Refusal {
    /// The stable name of this refusal in ledgers, metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "wrong-length",
            Self::AlphaNonContributory => "alpha-non-contributory",
            Self::HeaderMac => "header-mac",
            Self::NoKey => "no-key",
            Self::Version { .. } => "version",
            Self::RoutingFlag => "routing-info",
            Self::Replayed => "replayed",
            Self::ReplayCacheFull => "replay-cache-full",
            Self::PayloadTag => "payload-tag",
            Self::SurbLength { .. } => "surb-length",
            Self::SurbKeys => "surb-keys",
        }
    }
}
