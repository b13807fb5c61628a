//! A row of hops with known secrets, and a packet's journey along it.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{
    FinalPayload, Hop, HopSecret, Packet, Refusal, SurbId, Unwrapped, build_forward,
};

pub(crate) const DELAY_MAX: Duration = Duration::from_secs(10);
pub(crate) const DESTINATION: [u8; 32] = [0xd5; 32];

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Hops in a row, each node named by its place.
pub(crate) struct Row {
    pub(crate) secrets: Vec<HopSecret>,
    pub(crate) hops: Vec<Hop>,
}

impl Row {
    pub(crate) fn new(len: u8) -> Self {
        let mut rng = rng(u64::from(len));
        let secrets: Vec<_> = (0..len).map(|_| HopSecret::generate(&mut rng)).collect();
        let hops = (1..=len)
            .zip(&secrets)
            .map(|(place, secret)| Hop { node: NodeId::from_bytes([place; 32]), key: secret.public() })
            .collect();
        Self { secrets, hops }
    }

    /// A different delay for each hop.
    pub(crate) fn delays(&self) -> Vec<Duration> {
        (1..=self.hops.len() as u64).map(|i| Duration::from_nanos(i * 1_000_000_001)).collect()
    }

    pub(crate) fn packet(&self, text: &[u8], seed: u64) -> Packet {
        build_forward(&self.hops, &self.delays(), DESTINATION, text, &mut rng(seed)).unwrap()
    }

    /// Through all hops; each must name the next one and the delay that the sender chose.
    pub(crate) fn travel(&self, mut packet: Packet) -> Arrived {
        for (place, secret) in self.secrets.iter().enumerate() {
            match pass(secret, packet).unwrap() {
                Unwrapped::Forward { next, delay, delay_clamped, packet: onward } => {
                    assert_eq!(next, self.hops[place + 1].node);
                    assert_eq!((delay, delay_clamped), (self.delays()[place], false));
                    packet = onward;
                }
                Unwrapped::Final { destination, surb_id, payload } => {
                    assert_eq!(place + 1, self.hops.len(), "the packet ended too early");
                    return Arrived { destination, surb_id, payload };
                }
            }
        }
        panic!("the packet did not end at the last hop");
    }
}

pub(crate) struct Arrived {
    pub(crate) destination: [u8; 32],
    pub(crate) surb_id: SurbId,
    pub(crate) payload: FinalPayload,
}

/// Both stages at one hop, without a replay cache.
pub(crate) fn pass(secret: &HopSecret, packet: Packet) -> Result<Unwrapped, Refusal> {
    secret.verify(packet).map_err(|(_, refusal)| refusal)?.unwrap(DELAY_MAX)
}

pub(crate) fn label(result: Result<Unwrapped, Refusal>) -> &'static str {
    result.expect_err("the packet was accepted").label()
}

/// The packet with `mask` XORed into the byte at `offset`.
pub(crate) fn flipped(packet: &Packet, offset: usize, mask: u8) -> Packet {
    let mut bytes = *packet.as_bytes();
    bytes[offset] ^= mask;
    Packet::from_slice(&bytes).unwrap()
}
