//! Single-use reply blocks: a header made in advance, with which somebody can answer along a route
//! that he does not know.
//!
//! A block of version 260 hands out the last hop's payload key only. Whoever uses it adds one layer, each
//! hop takes one off, and what reaches the maker can be read only with the keys of all hops, so
//! neither the user of the block nor any hop recognises the payload at another place.

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use sphinx_packet::payload::Payload;
use sphinx_packet::route::{Destination, DestinationAddressBytes};
use sphinx_packet::version::SINGLE_SEED_SURB_VERSION;
use sphinx_packet::{SURB, SURBMaterial, SurbReplyRecovery};
use zeroize::Zeroizing;

use crate::ident::{NodeId, SessionAddress};
use crate::limits::{PAYLOAD_LEN, SPHINX_HEADER_LEN, SURB_LEN};

use super::build::{check_text, checked_route, to_packet};
use x25519_dalek::StaticSecret;

use super::hop::random_secret;
use super::payload::text_of;
use super::{BuildError, Hop, Packet, Refusal, SurbId};

/// A reply block. It works once: a second packet along the same header is a replay at its first hop.
/// `Debug` shows its first hop only; dropped, it is wiped.
#[derive(PartialEq, Eq)]
pub struct Surb(Box<Zeroizing<[u8; SURB_LEN]>>);

impl Surb {
    /// From exactly [`SURB_LEN`] bytes: header, first hop (32), payload key seed of the last hop (16).
    ///
    /// # Errors
    /// [`Refusal::SurbLength`] for any other length. Nothing else can be checked without a hop's key: a
    /// block that was changed gives a packet that its hops refuse.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes: [u8; SURB_LEN] = bytes.try_into().map_err(|_| Refusal::SurbLength { got: bytes.len() })?;
        Ok(Self(Box::new(Zeroizing::new(bytes))))
    }

    /// The bytes of [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SURB_LEN] {
        **self.0
    }

    /// The node to which a packet made with this block has to be sent.
    #[must_use]
    pub fn first_hop(&self) -> NodeId {
        let mut node = [0u8; 32];
        for (to, from) in node.iter_mut().zip(self.0.iter().skip(SPHINX_HEADER_LEN)) {
            *to = *from;
        }
        NodeId::from_bytes(node)
    }

    /// The packet that carries `text` to the block's maker, and the node to send it to.
    ///
    /// # Errors
    /// [`BuildError::TextTooLong`] beyond [`crate::limits::PAYLOAD_TEXT_LEN`].
    pub fn reply(self, text: &[u8]) -> Result<(NodeId, Packet), BuildError> {
        check_text(text)?;
        let (packet, first_hop) = SURB::from_bytes(self.0.as_slice())?.use_surb(text, PAYLOAD_LEN)?;
        Ok((NodeId::from_bytes(first_hop.to_bytes()), to_packet(&packet.to_bytes())?))
    }
}

impl fmt::Debug for Surb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surb(to {:?}, [scrubbed])", self.first_hop())
    }
}

/// What the maker of a reply block keeps to read the reply. `Debug` shows nothing of it; dropped, it is
/// wiped.
pub struct SurbKeys(SurbReplyRecovery);

impl SurbKeys {
    /// The identifier that the reply will arrive with.
    #[must_use]
    pub fn surb_id(&self) -> SurbId {
        SurbId::from_bytes(*self.0.identifier())
    }

    /// The text of a reply, from the payload as the last hop passed it on.
    ///
    /// # Errors
    /// [`Refusal::PayloadTag`] if the payload was changed on its way or belongs to another block.
    pub fn open(&self, payload: &[u8; PAYLOAD_LEN]) -> Result<Vec<u8>, Refusal> {
        let sealed = Payload::from_bytes(payload).map_err(|_| Refusal::PayloadTag)?;
        text_of(self.0.unseal(sealed).map_err(|_| Refusal::PayloadTag)?)
    }

    /// Identifier (16) and one payload key seed (16) per hop, for the client's vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// From the bytes of [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`Refusal::SurbKeys`] for another length or a zero identifier.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let recovery = SurbReplyRecovery::from_bytes(bytes).map_err(|_| Refusal::SurbKeys)?;
        if *recovery.identifier() == [0; 16] {
            return Err(Refusal::SurbKeys);
        }
        Ok(Self(recovery))
    }
}

impl fmt::Debug for SurbKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SurbKeys([scrubbed])")
    }
}

/// A reply block along `route`, the last hop of which is the entry that has `session` open, and the keys
/// to read the reply. One delay per hop, the last is ignored. The identifier is drawn from `rng`.
///
/// # Errors
/// [`BuildError`] if the route has not 1 to [`crate::limits::HOPS_MAX`] hops or there is not one delay per hop.
pub fn build_surb(
    route: &[Hop],
    delays: &[Duration],
    session: &SessionAddress,
    rng: &mut impl CryptoRng,
) -> Result<(Surb, SurbKeys), BuildError> {
    let id = SurbId::generate(rng);
    build_with_secret(route, delays, session, id, random_secret(rng))
}

/// Everything but the drawing of randomness, so that it is compiled here and not in each caller's crate.
fn build_with_secret(
    route: &[Hop],
    delays: &[Duration],
    session: &SessionAddress,
    id: SurbId,
    secret: StaticSecret,
) -> Result<(Surb, SurbKeys), BuildError> {
    let (nodes, delays) = checked_route(route, delays)?;
    let destination =
        Destination::new(DestinationAddressBytes::from_bytes(*session.as_bytes()), *id.as_bytes());
    let material = SURBMaterial::new(nodes, delays, destination, SINGLE_SEED_SURB_VERSION);
    let (surb, recovery) = SURB::new_recoverable(secret, material)?;
    let bytes = Zeroizing::new(surb.to_bytes());
    let surb = Surb::from_bytes(&bytes).map_err(|refusal| BuildError::Format(refusal.to_string()))?;
    Ok((surb, SurbKeys(recovery)))
}
