//! What benchmarks compare the fast path with: packets to unwrap, the packet format's own crate, and the bare
//! primitives of one packet.
//!
//! What is not here: a clock. Who measures brings the loop.

use std::time::Duration;

use rand::CryptoRng;
use sphinx_packet::constants::PAYLOAD_KEY_SIZE;
use sphinx_packet::{ProcessedPacketData, SphinxPacket};

use crate::ident::NodeId;
use crate::limits::{PACKET_LEN, PAYLOAD_TEXT_LEN};

use super::super::{BuildError, Hop, HopPublic, HopSecret, Packet, Refusal, build_forward};
use super::{X25519, payload};

/// The hops of a measured packet's route: that of the measured node and one behind it, so that the packet is
/// forwarded. What a hop does is the same on every longer route.
const HOPS: usize = 2;
/// What the measured hop is asked to wait.
const DELAY: Duration = Duration::from_millis(1);

/// `count` different packets, full of text, that the owner of `key` has to forward.
///
/// # Errors
/// [`BuildError`] if the packet format refuses.
pub fn packets(key: HopPublic, count: usize, rng: &mut impl CryptoRng) -> Result<Vec<Packet>, BuildError> {
    let behind = HopSecret::generate(rng);
    let route = [key, behind.public()].map(|key| Hop { node: NodeId::from_bytes([1; 32]), key });
    let text = [0; PAYLOAD_TEXT_LEN];
    (0..count).map(|_| build_forward(&route, &[DELAY; HOPS], [2; 32], &text, rng)).collect()
}

/// What the crate `sphinx-packet` makes of a packet by itself: the next hop's packet.
///
/// # Errors
/// [`Refusal::HeaderMac`] for whatever the crate refuses, and for a packet that ends here.
pub fn by_reference(secret: &HopSecret, packet: &Packet) -> Result<Packet, Refusal> {
    let secret = secret.as_static();
    let processed = SphinxPacket::from_bytes(packet.as_bytes()).and_then(|packet| packet.process(secret));
    match processed.map_err(|_| Refusal::HeaderMac)?.data {
        ProcessedPacketData::ForwardHop { next_hop_packet, .. } => {
            Packet::from_slice(&next_hop_packet.to_bytes())
        }
        ProcessedPacketData::FinalHop { .. } => Err(Refusal::HeaderMac),
    }
}

/// The primitives that no implementation of a hop can do without: two X25519 operations and a pass over the
/// payload.
#[derive(Clone)]
pub struct Bare {
    x25519: X25519,
    point: [u8; 32],
    payload_key: [u8; PAYLOAD_KEY_SIZE],
    packet: Box<[u8; PACKET_LEN]>,
}

impl Bare {
    /// With this implementation of X25519, on bytes that are nobody's.
    #[must_use]
    pub fn new(x25519: X25519) -> Self {
        let (payload_key, packet) = ([3; PAYLOAD_KEY_SIZE], Box::new([4; PACKET_LEN]));
        Self { x25519, point: [9; 32], payload_key, packet }
    }

    /// `count` secrets side by side, of the last one of the call before; returns the last.
    pub fn x25519(&mut self, count: usize) -> [u8; 32] {
        let points = vec![self.point; count];
        let scalars = vec![[5; 32]; count];
        let mut secrets = vec![[0; 32]; count];
        self.x25519.dh_batch(&scalars, &points, &mut secrets);
        self.point = secrets.last().copied().unwrap_or(self.point);
        self.point
    }

    /// One pass over the payload that the pass before has left; returns the packet's last byte.
    ///
    /// # Errors
    /// None for this payload's length.
    pub fn payload(&mut self) -> Result<u8, Refusal> {
        let packet: &mut [u8; PACKET_LEN] = &mut self.packet;
        payload::decrypt(&self.payload_key, packet)?;
        Ok(packet[PACKET_LEN - 1])
    }
}
