//! The second stage at a node: a layer comes off a packet whose header has been verified.
//!
//! Between the stages the node looks the replay tag up, so that a replayed packet costs no pass over the
//! payload. What is not here: that lookup, see [`super::KeyRing`].

use std::fmt;
use std::time::Duration;

use sphinx_packet::constants::REPLAY_TAG_SIZE;
use sphinx_packet::header::SphinxHeader;
use sphinx_packet::header::shared_secret::ExpandedSharedSecret;
use sphinx_packet::payload::Payload;
use sphinx_packet::version::SINGLE_SEED_SURB_VERSION;
use sphinx_packet::{ErrorKind, ProcessedPacketData, SphinxPacket};

use crate::ident::NodeId;

use super::{FinalPayload, Packet, Refusal, ReplayTag, SurbId};

/// The replay tag that the all-zero X25519 output expands to: the mark of a small-order alpha.
pub(super) const TAG_OF_ZERO_SECRET: [u8; REPLAY_TAG_SIZE] = [
    0xc0, 0xe8, 0xdd, 0x91, 0x04, 0xe1, 0xc0, 0xf9, 0x0b, 0xb4, 0xe2, 0xf4, 0xb9, 0xf5, 0xf8, 0x71, 0x6a,
    0xdd, 0xad, 0xc1, 0xf1, 0xbc, 0x5a, 0x96, 0x6a, 0x54, 0xe4, 0xac, 0xa6, 0x05, 0xee, 0x54,
];

/// A packet whose header was made for one of this node's keys and arrived unchanged. `Debug` shows
/// nothing of it; dropped, its secret is wiped.
pub struct Verified {
    header: SphinxHeader,
    payload: Payload,
    secret: ExpandedSharedSecret,
}

impl Verified {
    pub(super) fn new(header: SphinxHeader, payload: Payload, secret: ExpandedSharedSecret) -> Self {
        Self { header, payload, secret }
    }

    /// What two packets with the same shared secret have in common, however their bytes differ.
    #[must_use]
    pub fn tag(&self) -> ReplayTag {
        ReplayTag::from_bytes(*self.secret.replay_tag())
    }

    /// Takes the layer off: one pass over the payload and, for a forward hop, one X25519 operation.
    /// The delay is clamped to `delay_max`.
    ///
    /// # Errors
    /// [`Refusal::Version`] for any version but 260, [`Refusal::RoutingFlag`] for routing information of
    /// no known kind.
    pub fn unwrap(self, delay_max: Duration) -> Result<Unwrapped, Refusal> {
        let packet = SphinxPacket { header: self.header, payload: self.payload };
        let processed =
            packet.process_with_expanded_secret(&self.secret).map_err(|error| match error.kind() {
                ErrorKind::InvalidHeader => Refusal::HeaderMac,
                _ => Refusal::RoutingFlag,
            })?;
        if processed.version != SINGLE_SEED_SURB_VERSION {
            return Err(Refusal::Version { got: processed.version.value() });
        }
        match processed.data {
            ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => {
                let asked = delay.to_duration();
                Ok(Unwrapped::Forward {
                    next: NodeId::from_bytes(next_hop_address.to_bytes()),
                    delay: asked.min(delay_max),
                    delay_clamped: asked > delay_max,
                    packet: Packet::from_slice(&next_hop_packet.to_bytes())?,
                })
            }
            ProcessedPacketData::FinalHop { destination, identifier, payload } => Ok(Unwrapped::Final {
                destination: destination.as_bytes(),
                surb_id: SurbId::from_bytes(identifier),
                payload: FinalPayload::from_payload(payload)?,
            }),
        }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified([scrubbed])")
    }
}

/// What a node finds under its layer.
pub enum Unwrapped {
    /// The packet goes on to another node after a delay.
    Forward {
        /// The node to send the packet to.
        next: NodeId,
        /// How long to hold it first, at most the maximum that the caller gave.
        delay: Duration,
        /// Whether the sender had asked for more than the maximum.
        delay_clamped: bool,
        /// The packet for the next node.
        packet: Packet,
    },
    /// The packet ends here.
    Final {
        /// Whom the sender names: a node's own name, or a session of an entry.
        destination: [u8; 32],
        /// The reply block that was used, or a random value if none was.
        surb_id: SurbId,
        /// What was sent.
        payload: FinalPayload,
    },
}

impl fmt::Debug for Unwrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward { next, delay, delay_clamped, .. } => {
                write!(f, "Forward {{ next: {next:?}, delay: {delay:?}, delay_clamped: {delay_clamped} }}")
            }
            Self::Final { .. } => f.write_str("Final([scrubbed])"),
        }
    }
}
