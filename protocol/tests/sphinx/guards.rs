//! What a hop refuses of a packet that was made for it or for nobody.

use rand::Rng;
use sotto_protocol::limits::{PACKET_LEN, SPHINX_HEADER_LEN};
use sotto_protocol::sphinx::{HopSecret, Packet, Refusal, Unwrapped};

use crate::support::{Row, flipped, label, pass, rng};

/// The one bit of a header that X25519 ignores.
const ALPHA_TOP_BIT: (usize, u8) = (31, 0x80);

#[test]
fn tagged_header_any_flipped_bit_of_it_is_refused() {
    let row = Row::new(5);
    let packet = row.packet(b"tag me", 1);
    for offset in 0..SPHINX_HEADER_LEN {
        for bit in 0..8 {
            let mask = 1 << bit;
            if (offset, mask) != ALPHA_TOP_BIT {
                assert_eq!(label(pass(&row.secrets[0], flipped(&packet, offset, mask))), "header-mac");
            }
        }
    }
}

#[test]
fn tagged_header_is_refused_at_every_hop() {
    let row = Row::new(5);
    let mut packet = row.packet(b"tag me", 2);
    for secret in &row.secrets {
        for offset in [0, 32, 48, 347] {
            assert_eq!(label(pass(secret, flipped(&packet, offset, 1))), "header-mac");
        }
        match pass(secret, packet).unwrap() {
            Unwrapped::Forward { packet: onward, .. } => packet = onward,
            Unwrapped::Final { .. } => return,
        }
    }
}

#[test]
fn tagged_payload_reaches_the_last_hop_and_cannot_be_read_there() {
    let row = Row::new(5);
    let packet = row.packet(b"tag me", 3);
    for offset in (SPHINX_HEADER_LEN..PACKET_LEN).step_by(61).chain([PACKET_LEN - 1]) {
        let arrived = row.travel(flipped(&packet, offset, 1));
        assert_eq!(arrived.payload.into_text().unwrap_err().label(), "payload-tag");
    }
}

#[test]
fn tagged_payload_at_the_last_hop_cannot_be_read_either() {
    let row = Row::new(1);
    let packet = row.packet(b"tag me", 4);
    for offset in SPHINX_HEADER_LEN..PACKET_LEN {
        let arrived = row.travel(flipped(&packet, offset, 0x10));
        assert_eq!(arrived.payload.into_text().unwrap_err(), Refusal::PayloadTag);
    }
}

#[test]
fn wrong_length_of_any_kind_is_refused() {
    let row = Row::new(3);
    let packet = row.packet(b"", 5);
    let longer = [packet.as_bytes().as_slice(), &[0]].concat();
    let double = packet.as_bytes().repeat(2);
    for bytes in [&[], &packet.as_bytes()[..1], longer.as_slice(), double.as_slice()] {
        let refusal = Packet::from_slice(bytes).unwrap_err();
        assert_eq!(refusal, Refusal::WrongLength { got: bytes.len() });
        assert_eq!(refusal.label(), "wrong-length");
    }
}

#[test]
fn truncated_at_any_byte_is_refused() {
    let row = Row::new(3);
    let packet = row.packet(b"", 6);
    for len in 0..PACKET_LEN {
        assert_eq!(Packet::from_slice(&packet.as_bytes()[..len]).unwrap_err().label(), "wrong-length");
    }
}

#[test]
fn garbage_is_refused() {
    let row = Row::new(1);
    let mut rng = rng(7);
    let mut bytes = [0; PACKET_LEN];
    for _ in 0..500 {
        rng.fill_bytes(&mut bytes);
        assert_eq!(label(pass(&row.secrets[0], Packet::from_slice(&bytes).unwrap())), "header-mac");
    }
}

#[test]
fn wrong_key_is_refused_and_gives_the_packet_back() {
    let row = Row::new(3);
    let packet = row.packet(b"", 8);
    let (returned, refusal) = row.secrets[1].verify(packet.clone()).unwrap_err();
    assert_eq!(refusal.label(), "header-mac");
    assert_eq!(returned, packet);
    assert!(row.secrets[0].verify(returned).is_ok());
}

#[test]
fn a_hop_left_out_is_noticed_by_the_next() {
    let row = Row::new(3);
    let Unwrapped::Forward { packet, .. } = pass(&row.secrets[0], row.packet(b"", 9)).unwrap() else {
        panic!("the first of three hops forwards");
    };
    assert_eq!(label(pass(&row.secrets[2], packet)), "header-mac");
}

#[test]
fn a_key_survives_its_file() {
    let row = Row::new(1);
    let restored = HopSecret::from_bytes(row.secrets[0].to_bytes());
    assert_eq!(restored.public(), row.secrets[0].public());
    assert!(pass(&restored, row.packet(b"", 10)).is_ok());
}
