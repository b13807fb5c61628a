//! Conformance with `docs/vectors/sphinx.json`, which any implementation of the packet format can use.

use std::convert::Infallible;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::{TryCryptoRng, TryRng};
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{
    Hop, HopPublic, HopSecret, KeyRing, Packet, Refusal, Surb, SurbId, SurbKeys, Unwrapped,
    build_forward_with_id,
};
use zeroize::Zeroizing;

use crate::vector_file::{Refused, Route, VectorFile};

const EPOCH: u64 = 1;

pub(crate) fn vectors() -> VectorFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/sphinx.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    HEXLOWER.decode(digits.as_bytes()).unwrap()
}

pub(crate) fn array<const N: usize>(digits: &str) -> [u8; N] {
    bytes(digits).try_into().unwrap()
}

impl Route {
    pub(crate) fn secrets(&self) -> Vec<HopSecret> {
        self.hop_secrets.iter().map(|digits| HopSecret::from_bytes(Zeroizing::new(array(digits)))).collect()
    }

    pub(crate) fn hops(&self) -> Vec<Hop> {
        let node = |digits: &String| NodeId::from_bytes(array(digits));
        let key = |digits: &String| HopPublic::from_bytes(array(digits));
        self.nodes
            .iter()
            .zip(&self.hop_publics)
            .map(|(name, public)| Hop { node: node(name), key: key(public) })
            .collect()
    }

    fn rings(&self) -> Vec<KeyRing> {
        let ring = |secret| {
            let mut ring = KeyRing::new();
            ring.install(EPOCH, secret);
            ring
        };
        self.secrets().into_iter().map(ring).collect()
    }

    pub(crate) fn tags(&self) -> Vec<[u8; 32]> {
        self.tags.iter().map(|digits| array(digits)).collect()
    }

    /// The packet's tag at each hop, and its end; checks the next hops and the delays on the way.
    fn travel(&self, mut packet: Packet) -> (Vec<[u8; 32]>, Unwrapped) {
        let mut tags = Vec::new();
        for (place, secret) in self.secrets().iter().enumerate() {
            let verified = secret.verify(packet).unwrap();
            tags.push(*verified.tag().as_bytes());
            match verified.unwrap(Duration::from_nanos(self.delay_max_ns)).unwrap() {
                Unwrapped::Forward { next, delay, delay_clamped, packet: onward } => {
                    assert_eq!(next, self.hops()[place + 1].node);
                    assert_eq!(delay, Duration::from_nanos(self.held_ns[place]));
                    assert_eq!(delay_clamped, self.delays_ns[place] > self.delay_max_ns);
                    packet = onward;
                }
                end @ Unwrapped::Final { .. } => return (tags, end),
            }
        }
        panic!("the packet did not end at the last hop");
    }
}

#[test]
fn the_forward_packet_travels_as_written() {
    let forward = vectors().forward;
    for (secret, hop) in forward.route.secrets().iter().zip(forward.route.hops()) {
        assert_eq!(secret.public(), hop.key);
    }
    let packet = Packet::from_slice(&bytes(&forward.packet)).unwrap();
    let (tags, end) = forward.route.travel(packet);
    assert_eq!(tags, forward.route.tags());
    let Unwrapped::Final { destination, surb_id, payload } = end else { panic!("not the end") };
    assert_eq!(destination, array(&forward.destination));
    assert_eq!(surb_id.as_bytes(), &array(&forward.identifier));
    assert_eq!(payload.into_text().unwrap(), bytes(&forward.text));
}

#[test]
fn building_the_forward_packet_again_differs_in_the_header_padding_only() {
    let forward = vectors().forward;
    let delays: Vec<_> = forward.route.delays_ns.iter().map(|delay| Duration::from_nanos(*delay)).collect();
    let packet = build_forward_with_id(
        &forward.route.hops(),
        &delays,
        array(&forward.destination),
        SurbId::from_bytes(array(&forward.identifier)),
        &bytes(&forward.text),
        &mut Prepared(bytes(&forward.ephemeral_secret)),
    )
    .unwrap();
    let written = bytes(&forward.packet);
    assert_eq!(packet.as_bytes()[..32], written[..32], "alpha");
    assert_eq!(packet.as_bytes()[348..], written[348..], "payload");
    assert_eq!(forward.route.travel(packet).0, forward.route.tags());
}

#[test]
fn the_reply_is_made_and_opened_as_written() {
    let reply = vectors().reply;
    let surb = Surb::from_bytes(&bytes(&reply.surb)).unwrap();
    let (first, packet) = surb.reply(&bytes(&reply.text)).unwrap();
    assert_eq!(first, reply.route.hops()[0].node);
    assert_eq!(packet.as_bytes().to_vec(), bytes(&reply.packet));
    let (tags, end) = reply.route.travel(packet);
    assert_eq!(tags, reply.route.tags());
    let Unwrapped::Final { destination, surb_id, payload } = end else { panic!("not the end") };
    let keys = SurbKeys::from_bytes(&bytes(&reply.surb_keys)).unwrap();
    assert_eq!(destination, array(&reply.session));
    assert_eq!(surb_id, keys.surb_id());
    assert_eq!(payload.as_bytes().to_vec(), bytes(&reply.payload));
    assert_eq!(keys.open(payload.as_bytes()).unwrap(), bytes(&reply.text));
}

#[test]
fn every_changed_packet_meets_the_refusal_written_for_it() {
    let vectors = vectors();
    let original = bytes(&vectors.forward.packet);
    for case in &vectors.refused {
        let mut rings = vectors.forward.route.rings();
        if case.after_original {
            outcome(&mut rings, &original).unwrap();
        }
        let refusal = outcome(&mut rings, &changed(&original, case)).unwrap_err();
        assert_eq!(refusal.label(), case.label, "{}", case.name);
    }
    let mut labels: Vec<_> = vectors.refused.iter().map(|case| case.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let expected = [
        "alpha-non-contributory",
        "header-mac",
        "payload-tag",
        "replayed",
        "routing-info",
        "version",
        "wrong-length",
    ];
    assert_eq!(labels, expected, "every refusal of a packet has a vector");
}

pub(crate) fn changed(original: &[u8], case: &Refused) -> Vec<u8> {
    let mut packet = original.to_vec();
    for (offset, mask) in &case.changes {
        for (byte, mask) in packet[*offset..].iter_mut().zip(bytes(mask)) {
            *byte ^= mask;
        }
    }
    packet.resize(case.length, 0);
    packet
}

/// Through one ring after another; the text at the end, or the first refusal.
fn outcome(rings: &mut [KeyRing], packet: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut packet = Packet::from_slice(packet)?;
    for ring in rings {
        match ring.unwrap(EPOCH, packet, Duration::MAX)? {
            Unwrapped::Forward { packet: onward, .. } => packet = onward,
            Unwrapped::Final { payload, .. } => return payload.into_text(),
        }
    }
    panic!("the packet did not end at the last hop");
}

/// A generator that gives out prepared bytes, once.
struct Prepared(Vec<u8>);

impl TryRng for Prepared {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(to.len());
        to.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Prepared {}
