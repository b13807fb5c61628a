//! Random and mutated input in numbers.

use rand::{Rng, RngExt};
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::limits::{PACKET_LEN, SURB_LEN};
use sotto_protocol::sphinx::{Packet, Surb, SurbKeys, build_surb};

use crate::support::{Row, pass, rng};

/// How many inputs to try at each parser: `SOTTO_MUTATIONS`, or as many as an ordinary test run affords.
fn rounds() -> u64 {
    std::env::var("SOTTO_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000)
}

#[test]
fn packets_random_mutated_or_of_any_length_are_refused_or_harmless() {
    let row = Row::new(2);
    let valid = *row.packet(b"mutate me", 1).as_bytes();
    let mut rng = rng(2);
    let mut labels = std::collections::BTreeMap::<&str, u64>::new();
    for round in 0..rounds() {
        let mut bytes = valid.to_vec();
        match round % 4 {
            0 => rng.fill_bytes(&mut bytes),
            1 => {
                let offset = rng.random_range(0..PACKET_LEN);
                bytes[offset] ^= rng.random_range(1..=255u8);
            }
            2 => {
                let (from, to) = (rng.random_range(0..PACKET_LEN), rng.random_range(0..PACKET_LEN));
                rng.fill_bytes(&mut bytes[from.min(to)..from.max(to)]);
            }
            _ => bytes.resize(rng.random_range(0..2 * PACKET_LEN), 0),
        }
        let outcome = Packet::from_slice(&bytes).and_then(|packet| pass(&row.secrets[0], packet));
        let unharmed = bytes.len() == PACKET_LEN && same_header(&bytes, &valid);
        assert_eq!(outcome.is_ok(), unharmed, "round {round}");
        *labels.entry(outcome.map_or_else(|refusal| refusal.label(), |_| "accepted")).or_default() += 1;
    }
    assert_eq!(labels.into_keys().collect::<Vec<_>>(), ["accepted", "header-mac", "wrong-length"]);
}

/// Equal but for the bit that X25519 ignores.
fn same_header(bytes: &[u8], valid: &[u8]) -> bool {
    bytes[..31] == valid[..31] && bytes[31] & 0x7f == valid[31] & 0x7f && bytes[32..348] == valid[32..348]
}

#[test]
fn blocks_random_mutated_or_of_any_length_are_refused_or_give_a_packet() {
    let row = Row::new(4);
    let session = SessionAddress::from_bytes([1; 32]);
    let (surb, keys) = build_surb(&row.hops, &row.delays(), &session, &mut rng(3)).unwrap();
    let mut rng = rng(4);
    for round in 0..rounds() {
        let mut bytes = surb.to_bytes().to_vec();
        let offset = rng.random_range(0..SURB_LEN);
        bytes[offset] ^= rng.random_range(1..=255u8);
        if round % 2 == 0 {
            bytes.resize(rng.random_range(0..2 * SURB_LEN), 0);
        }
        match Surb::from_bytes(&bytes) {
            Ok(surb) => assert_eq!(surb.reply(b"x").unwrap().1.as_bytes().len(), PACKET_LEN),
            Err(refusal) => assert_eq!((refusal.label(), bytes.len() == SURB_LEN), ("surb-length", false)),
        }
        let mut key_bytes = keys.to_bytes().to_vec();
        key_bytes.resize(rng.random_range(0..200), 7);
        let whole = key_bytes.len() % 16 == 0 && (2..=6).contains(&(key_bytes.len() / 16));
        assert_eq!(SurbKeys::from_bytes(&key_bytes).is_ok(), whole);
    }
}
