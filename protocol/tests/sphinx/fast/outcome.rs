//! What becomes of a packet, in a form that can be compared: by the fast path, by the crate's wrapper that everybody
//! else uses, and by the packet format's crate alone.

use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, Opened, X25519};
use sotto_protocol::sphinx::{HopSecret, Packet, Refusal, Unwrapped};
use sphinx_packet::version::SINGLE_SEED_SURB_VERSION;
use sphinx_packet::{ErrorKind, ProcessedPacketData, SphinxPacket};
use x25519_dalek::StaticSecret;

use crate::support::DELAY_MAX;

/// The epoch that is tried first.
pub(crate) const NOW_EPOCH: u64 = 10;
/// The order in which epochs are tried.
const EPOCHS: [u64; 3] = [NOW_EPOCH, NOW_EPOCH - 1, NOW_EPOCH + 1];

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Forward { next: NodeId, delay: Duration, clamped: bool, packet: Packet },
    Final { destination: [u8; 32], id: [u8; 16], payload: Box<[u8; 2048]> },
    Refused(Refusal),
}

impl From<Unwrapped> for Outcome {
    fn from(unwrapped: Unwrapped) -> Self {
        match unwrapped {
            Unwrapped::Forward { next, delay, delay_clamped, packet } => {
                Self::Forward { next, delay, clamped: delay_clamped, packet }
            }
            Unwrapped::Final { destination, surb_id, payload } => {
                Self::Final { destination, id: *surb_id.as_bytes(), payload: payload.into_bytes() }
            }
        }
    }
}

impl Outcome {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Forward { clamped: false, .. } => "forward",
            Self::Forward { clamped: true, .. } => "forward, clamped",
            Self::Final { .. } => "final",
            Self::Refused(refusal) => refusal.label(),
        }
    }
}

/// An outcome with the epoch and the tag of the key that opened the packet.
pub(crate) type Tagged = (Option<(u64, [u8; 32])>, Outcome);

fn tagged(result: Result<Opened, Refusal>) -> Tagged {
    match result {
        Ok(opened) => (Some((opened.epoch, *opened.tag.as_bytes())), opened.unwrapped.into()),
        Err(refusal) => (None, Outcome::Refused(refusal)),
    }
}

/// A node with a key for some epochs.
pub(crate) struct Node {
    pub(crate) secrets: Vec<(u64, HopSecret)>,
}

impl Node {
    fn tried(&self) -> impl Iterator<Item = (u64, &HopSecret)> {
        let secret = |epoch| self.secrets.iter().find(move |(of, _)| *of == epoch);
        EPOCHS.into_iter().filter_map(secret).map(|(epoch, secret)| (*epoch, secret))
    }

    pub(crate) fn hop_keys(&self) -> HopKeys {
        let again = |secret: &HopSecret| HopSecret::from_bytes(secret.to_bytes());
        self.secrets.iter().fold(HopKeys::new(), |keys, (epoch, secret)| keys.with(*epoch, again(secret)))
    }

    pub(crate) fn by_fast_path(&self, x25519: X25519, packets: Vec<Packet>) -> Vec<Tagged> {
        let mut results = Vec::new();
        let mut unwrapper = BatchUnwrapper::new(x25519);
        unwrapper.unwrap(&self.hop_keys(), NOW_EPOCH, DELAY_MAX, packets, &mut results);
        results.into_iter().map(tagged).collect()
    }

    pub(crate) fn by_wrapper(&self, packet: &Packet) -> Tagged {
        let mut refused = Refusal::NoKey;
        for (epoch, secret) in self.tried() {
            match secret.verify(packet.clone()) {
                Ok(verified) => {
                    let tag = *verified.tag().as_bytes();
                    return match verified.unwrap(DELAY_MAX) {
                        Ok(unwrapped) => (Some((epoch, tag)), unwrapped.into()),
                        Err(refusal) => (None, Outcome::Refused(refusal)),
                    };
                }
                Err((_, Refusal::HeaderMac)) => refused = Refusal::HeaderMac,
                Err((_, refusal)) => return (None, Outcome::Refused(refusal)),
            }
        }
        (None, Outcome::Refused(refused))
    }

    /// The crate knows no small orders, no maximum of delays and every version: what it says of these is put into
    /// our words, all else is its own.
    pub(crate) fn by_crate(&self, packet: &Packet) -> Outcome {
        let mut refused = Refusal::NoKey;
        for (_, secret) in self.tried() {
            let parsed = SphinxPacket::from_bytes(packet.as_bytes()).unwrap();
            match parsed.process(&StaticSecret::from(*secret.to_bytes())) {
                Ok(processed) if processed.version != SINGLE_SEED_SURB_VERSION => {
                    return Outcome::Refused(Refusal::Version { got: processed.version.value() });
                }
                Ok(processed) => return from_crate(processed.data),
                Err(error) if error.kind() == ErrorKind::InvalidHeader => refused = Refusal::HeaderMac,
                Err(_) => return Outcome::Refused(Refusal::RoutingFlag),
            }
        }
        Outcome::Refused(refused)
    }
}

fn from_crate(data: ProcessedPacketData) -> Outcome {
    match data {
        ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => {
            let asked = Duration::from_nanos(delay.to_nanos());
            Outcome::Forward {
                next: NodeId::from_bytes(next_hop_address.to_bytes()),
                delay: asked.min(DELAY_MAX),
                clamped: asked > DELAY_MAX,
                packet: Packet::from_slice(&next_hop_packet.to_bytes()).unwrap(),
            }
        }
        ProcessedPacketData::FinalHop { destination, identifier, payload } => Outcome::Final {
            destination: destination.as_bytes(),
            id: identifier,
            payload: payload.into_bytes().try_into().unwrap(),
        },
    }
}
