//! A hop's X25519 key pair, and the hop as a sender sees it.
//!
//! A node has one such pair per epoch, kept by [`super::KeyRing`]; its long-term identity is another
//! key, see [`crate::ident::NodeSecret`].

use std::fmt;

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sphinx_packet::header::{HEADER_SIZE, SphinxHeader};
use sphinx_packet::payload::Payload;
use sphinx_packet::route::{Node, NodeAddressBytes};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::ident::NodeId;

use super::unwrap::TAG_OF_ZERO_SECRET;
use super::{Packet, Refusal, Verified};

/// A hop's public key: an X25519 point (RFC 7748).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HopPublic([u8; 32]);

impl HopPublic {
    /// From its 32 bytes, unchecked: every string of 32 bytes is an X25519 public key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for HopPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = HEXLOWER.encode(&self.0).chars().take(8).collect();
        write!(f, "HopPublic({digits})")
    }
}

/// One hop of a route: where a packet goes and the key that its layer is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The node, whose name is also its address in headers.
    pub node: NodeId,
    /// The node's key for the epoch in which the packet will pass.
    pub key: HopPublic,
}

impl Hop {
    pub(super) fn to_node(self) -> Node {
        Node::new(NodeAddressBytes::from_bytes(*self.node.as_bytes()), PublicKey::from(self.key.0))
    }
}

/// A hop's secret key. `Debug` shows the public half only; dropped, it is wiped.
pub struct HopSecret {
    secret: StaticSecret,
    public: HopPublic,
}

impl HopSecret {
    /// A fresh key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_static(random_secret(rng))
    }

    /// From the 32 bytes of [`Self::to_bytes`].
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "taking the wrapper makes sure that it is wiped here")]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self::from_static(StaticSecret::from(*bytes))
    }

    fn from_static(secret: StaticSecret) -> Self {
        let public = HopPublic(PublicKey::from(&secret).to_bytes());
        Self { secret, public }
    }

    /// The 32 secret bytes, for the key file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// The secret where it lies.
    pub(super) const fn as_static(&self) -> &StaticSecret {
        &self.secret
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> HopPublic {
        self.public
    }

    /// The first stage at a node: one X25519 operation, one HKDF and the header's MAC.
    ///
    /// # Errors
    /// The packet and [`Refusal::HeaderMac`] if it was not made for this key (another may be tried), or
    /// [`Refusal::AlphaNonContributory`], which holds for every key.
    pub fn verify(&self, packet: Packet) -> Result<Verified, (Packet, Refusal)> {
        let (header, payload) = packet.as_bytes().split_at(HEADER_SIZE);
        let (Ok(header), Ok(payload)) = (SphinxHeader::from_bytes(header), Payload::from_bytes(payload))
        else {
            return Err((packet, Refusal::HeaderMac));
        };
        let expanded = header.compute_expanded_shared_secret(&self.secret);
        // A small-order alpha gives the all-zero secret whatever the key is. The tag betrays it without
        // a second scalar multiplication.
        if *expanded.replay_tag() == TAG_OF_ZERO_SECRET {
            return Err((packet, Refusal::AlphaNonContributory));
        }
        if header.ensure_header_integrity(&expanded).is_err() {
            return Err((packet, Refusal::HeaderMac));
        }
        Ok(Verified::new(header, payload, expanded))
    }
}

/// An X25519 secret from the caller's generator.
pub(super) fn random_secret(rng: &mut impl CryptoRng) -> StaticSecret {
    let mut bytes = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(bytes.as_mut_slice());
    StaticSecret::from(*bytes)
}

impl fmt::Debug for HopSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HopSecret({:?})", self.public)
    }
}
