//! Prints a new `docs/vectors/sphinx.json`:
//! `cargo run -p sotto-protocol --example vectors_sphinx > docs/vectors/sphinx.json`.
//!
//! Each run differs from the one before in the padding of the headers, which the packet format draws
//! from the system's generator, and so in every MAC.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/sphinx/craft.rs"]
mod craft;
#[path = "../tests/sphinx/vector_file.rs"]
mod vector_file;

use std::io::Write;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::{CryptoRng, Rng};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PACKET_LEN;
use sotto_protocol::sphinx::{Hop, HopSecret, Packet, SurbId, Unwrapped, build_forward_with_id, build_surb};
use vector_file::{Forward, Refused, Reply, Route, VectorFile};

const DELAY_MAX: Duration = Duration::from_secs(10);

fn main() -> std::io::Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(260);
    let (first_secret, packet, forward) = forward(&mut rng);
    let file = VectorFile {
        about: [
            "Sphinx packets, version 260, as specified in docs/spec/packets.md. Bytes are hexadecimal.",
            "forward: a packet along a route; each hop finds the next node, the delay and the tag given here.",
            "reply: a reply block, the packet that its user makes, and the payload that its maker opens.",
            "refused: changes to the forward packet and the label that the changed packet is refused with.",
            "Bytes 32 to 347 of a packet cannot be made again from the secrets: they depend on random padding.",
        ]
        .map(str::to_owned)
        .into(),
        forward,
        reply: reply(&mut rng),
        refused: refused(&first_secret, &packet),
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&file)?)
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Secrets and hops; the delays, and with them `held_ns`, go beyond the maximum at the fourth hop.
fn route(len: u8, rng: &mut impl CryptoRng) -> (Vec<HopSecret>, Vec<Hop>, Vec<Duration>) {
    let secrets: Vec<_> = (0..len).map(|_| HopSecret::generate(rng)).collect();
    let hops = (1..=len)
        .zip(&secrets)
        .map(|(place, secret)| Hop { node: NodeId::from_bytes([place; 32]), key: secret.public() })
        .collect();
    let delays = [0, 1, 200_000_000, 20_000_000_000, 0];
    (secrets, hops, delays[..usize::from(len)].iter().map(|nanos| Duration::from_nanos(*nanos)).collect())
}

fn describe(secrets: &[HopSecret], hops: &[Hop], delays: &[Duration], tags: Vec<String>) -> Route {
    let nanos = |delay: &Duration| u64::try_from(delay.as_nanos()).expect("these delays are short");
    Route {
        hop_secrets: secrets.iter().map(|secret| hex(secret.to_bytes().as_slice())).collect(),
        hop_publics: hops.iter().map(|hop| hex(hop.key.as_bytes())).collect(),
        nodes: hops.iter().map(|hop| hex(hop.node.as_bytes())).collect(),
        delays_ns: delays.iter().map(nanos).collect(),
        held_ns: delays[..delays.len() - 1].iter().map(|delay| nanos(delay.min(&DELAY_MAX))).collect(),
        delay_max_ns: nanos(&DELAY_MAX),
        tags,
    }
}

/// The tags along the route and the payload at its end.
fn travel(secrets: &[HopSecret], mut packet: Packet) -> (Vec<String>, String) {
    let mut tags = Vec::new();
    for secret in secrets {
        let verified = secret.verify(packet).map_err(|(_, refusal)| refusal).expect("a valid packet");
        tags.push(hex(verified.tag().as_bytes()));
        match verified.unwrap(DELAY_MAX).expect("a valid packet") {
            Unwrapped::Forward { packet: onward, .. } => packet = onward,
            Unwrapped::Final { payload, .. } => return (tags, hex(payload.as_bytes())),
        }
    }
    panic!("the packet did not end at the last hop");
}

fn forward(rng: &mut impl CryptoRng) -> (HopSecret, Packet, Forward) {
    let (mut secrets, hops, delays) = route(5, rng);
    let (destination, id) = ([0xd5; 32], SurbId::generate(rng));
    let seed = rng.next_u64();
    let mut ephemeral_secret = [0; 32];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut ephemeral_secret);
    let mut packet_rng = ChaCha20Rng::seed_from_u64(seed);
    let text = b"A text for the last hop.";
    let packet =
        build_forward_with_id(&hops, &delays, destination, id, text, &mut packet_rng).expect("a valid route");
    let (tags, _) = travel(&secrets, packet.clone());
    let forward = Forward {
        route: describe(&secrets, &hops, &delays, tags),
        ephemeral_secret: hex(&ephemeral_secret),
        destination: hex(&destination),
        identifier: hex(id.as_bytes()),
        text: hex(text),
        packet: hex(packet.as_bytes()),
    };
    (secrets.swap_remove(0), packet, forward)
}

fn reply(rng: &mut impl CryptoRng) -> Reply {
    let (secrets, hops, delays) = route(4, rng);
    let session = SessionAddress::generate(rng);
    let (surb, keys) = build_surb(&hops, &delays, &session, rng).expect("a valid route");
    let surb_bytes = surb.to_bytes();
    let text = b"A text for the maker of the block.";
    let (_, packet) = surb.reply(text).expect("a short text");
    let (tags, payload) = travel(&secrets, packet.clone());
    Reply {
        route: describe(&secrets, &hops, &delays, tags),
        session: hex(session.as_bytes()),
        surb: hex(&surb_bytes),
        surb_keys: hex(&keys.to_bytes()),
        text: hex(text),
        packet: hex(packet.as_bytes()),
        payload,
    }
}

fn refused(first: &HopSecret, packet: &Packet) -> Vec<Refused> {
    let unchanged = |name: &str, length, after_original, label: &str| Refused {
        name: name.to_owned(),
        changes: Vec::new(),
        length,
        after_original,
        label: label.to_owned(),
    };
    let with = |name: &str, changes: Vec<(usize, String)>, after_original, label: &str| Refused {
        changes,
        ..unchanged(name, PACKET_LEN, after_original, label)
    };
    let flip = |name: &str, offset, label: &str| with(name, vec![(offset, "01".to_owned())], false, label);
    let routing = |name: &str, changes: &[(usize, u8)], label: &str| {
        with(name, difference(packet, &craft::change_routing(first, packet, changes)), false, label)
    };
    let zero = craft::for_zero_secret(packet, &[0; 32]);
    vec![
        unchanged("empty", 0, false, "wrong-length"),
        unchanged("header only", 348, false, "wrong-length"),
        unchanged("truncated by one byte", PACKET_LEN - 1, false, "wrong-length"),
        unchanged("one byte too long", PACKET_LEN + 1, false, "wrong-length"),
        with("alpha is zero, MAC made to match", difference(packet, &zero), false, "alpha-non-contributory"),
        flip("a bit of alpha flipped", 0, "header-mac"),
        flip("a bit of the MAC flipped", 32, "header-mac"),
        flip("a bit of the routing information flipped", 48, "header-mac"),
        flip("the last bit of the header flipped", 347, "header-mac"),
        unchanged("the same packet again", PACKET_LEN, true, "replayed"),
        with("alpha's top bit flipped, after the original", vec![(31, "80".to_owned())], true, "replayed"),
        with("payload changed, after the original", vec![(1000, "01".to_owned())], true, "replayed"),
        routing("routing flag 0", &[(0, 1)], "routing-info"),
        routing("routing flag 255", &[(0, 0xfe)], "routing-info"),
        routing("version 258", &[(3, 4 ^ 2)], "version"),
        routing("version 259", &[(3, 4 ^ 3)], "version"),
        routing("version 261", &[(3, 4 ^ 5)], "version"),
        routing("version bytes 7, 1, 3", &[(1, 7), (3, 4 ^ 3)], "version"),
        flip("the first bit of the payload flipped", 348, "payload-tag"),
        flip("the last byte of the payload changed", PACKET_LEN - 1, "payload-tag"),
    ]
}

/// Runs of bytes that XORed into `from` make it `to`.
fn difference(from: &Packet, to: &Packet) -> Vec<(usize, String)> {
    let mut runs: Vec<(usize, Vec<u8>)> = Vec::new();
    for (offset, (a, b)) in from.as_bytes().iter().zip(to.as_bytes()).enumerate() {
        match runs.last_mut() {
            _ if a == b => {}
            Some((start, run)) if *start + run.len() == offset => run.push(a ^ b),
            _ => runs.push((offset, vec![a ^ b])),
        }
    }
    runs.into_iter().map(|(offset, run)| (offset, hex(&run))).collect()
}
