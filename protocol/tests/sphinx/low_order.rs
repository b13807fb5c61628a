//! Alphas for which everybody knows the shared secret, and alphas with two encodings.

use data_encoding::HEXLOWER;
use sotto_protocol::sphinx::{HopSecret, KeyRing, Packet};

use crate::craft;
use crate::support::{DELAY_MAX, Row, flipped, label, pass, rng};

/// The points of small order on Curve25519 and its twist (RFC 7748, section 6.1; the list of
/// <https://cr.yp.to/ecdh.html#validate>), canonical and not, without the ignored top bit.
const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

pub(crate) fn low_order_points() -> Vec<[u8; 32]> {
    let mut points = Vec::new();
    for digits in LOW_ORDER {
        let mut point: [u8; 32] = HEXLOWER.decode(digits.as_bytes()).unwrap().try_into().unwrap();
        points.push(point);
        point[31] ^= 0x80;
        points.push(point);
    }
    points
}

#[test]
fn alpha_of_zero_and_of_every_other_small_order_is_refused() {
    let packet = Row::new(1).packet(b"", 5);
    let mut rng = rng(1);
    for point in low_order_points() {
        for _ in 0..3 {
            let secret = HopSecret::generate(&mut rng);
            let refused = pass(&secret, craft::for_zero_secret(&packet, &point));
            assert_eq!(label(refused), "alpha-non-contributory", "{point:02x?}");
        }
    }
}

#[test]
fn alpha_of_small_order_is_refused_by_a_ring_at_its_first_key_and_leaves_no_tag() {
    let mut ring = KeyRing::new();
    for epoch in 4..=6 {
        assert!(ring.install(epoch, HopSecret::generate(&mut rng(epoch))));
    }
    let packet = Row::new(1).packet(b"", 5);
    for point in low_order_points() {
        let refused = ring.unwrap(5, craft::for_zero_secret(&packet, &point), DELAY_MAX);
        assert_eq!(label(refused), "alpha-non-contributory");
    }
    assert_eq!(ring.tags_len(), 0);
}

#[test]
fn the_mac_of_a_small_order_packet_is_one_that_anybody_can_make() {
    // Without the guard the crafted packets would pass the MAC: the same construction under a real
    // shared secret does.
    let row = Row::new(1);
    let packet = row.packet(b"", 2);
    assert_eq!(craft::change_routing(&row.secrets[0], &packet, &[]), packet);
}

#[test]
fn a_tag_is_the_end_of_what_the_shared_secret_expands_to() {
    let row = Row::new(1);
    let packet = row.packet(b"", 3);
    let alpha: [u8; 32] = packet.as_bytes()[..32].try_into().unwrap();
    let shared = x25519_dalek::x25519(*row.secrets[0].to_bytes(), alpha);
    assert_eq!(row.secrets[0].verify(packet).unwrap().tag().as_bytes(), &craft::expand(&shared)[256..]);
}

#[test]
fn top_bit_of_alpha_flipped_is_accepted_once_and_then_the_original_is_a_replay() {
    let (mut ring, packet) = ring_and_packet();
    assert!(ring.unwrap(1, flipped(&packet, 31, 0x80), DELAY_MAX).is_ok());
    assert_eq!(label(ring.unwrap(1, packet, DELAY_MAX)), "replayed");
}

#[test]
fn top_bit_of_alpha_flipped_after_the_original_is_a_replay() {
    let (mut ring, packet) = ring_and_packet();
    assert!(ring.unwrap(1, packet.clone(), DELAY_MAX).is_ok());
    assert_eq!(label(ring.unwrap(1, flipped(&packet, 31, 0x80), DELAY_MAX)), "replayed");
}

fn ring_and_packet() -> (KeyRing, Packet) {
    let mut row = Row::new(1);
    let packet = row.packet(b"twice", 4);
    let mut ring = KeyRing::new();
    assert!(ring.install(1, row.secrets.swap_remove(0)));
    (ring, packet)
}
