use sotto_protocol::ident::SessionAddress;
use sotto_protocol::limits::{PACKET_LEN, PAYLOAD_TEXT_LEN, SPHINX_HEADER_LEN, SURB_LEN};
use sotto_protocol::sphinx::{BuildError, Refusal, Surb, SurbKeys, Unwrapped, build_surb};

use crate::support::{Arrived, Row, flipped, label, pass, rng};

const SESSION: SessionAddress = SessionAddress::from_bytes([0x5e; 32]);

fn surb(row: &Row, seed: u64) -> (Surb, SurbKeys) {
    build_surb(&row.hops, &row.delays(), &SESSION, &mut rng(seed)).unwrap()
}

fn reply(row: &Row, surb: Surb, text: &[u8]) -> Arrived {
    let (first, packet) = surb.reply(text).unwrap();
    assert_eq!(first, row.hops[0].node);
    row.travel(packet)
}

#[test]
fn a_reply_along_four_hops_arrives_for_the_session_and_only_its_keys_read_it() {
    let row = Row::new(4);
    let (surb, keys) = surb(&row, 1);
    let arrived = reply(&row, surb, b"stored");
    assert_eq!(arrived.destination, *SESSION.as_bytes());
    assert_eq!(arrived.surb_id, keys.surb_id());
    assert_eq!(keys.open(arrived.payload.as_bytes()).unwrap(), b"stored");
    assert_eq!(arrived.payload.into_text().unwrap_err().label(), "payload-tag");
}

#[test]
fn a_loop_is_a_reply_to_oneself_along_five_hops() {
    let row = Row::new(5);
    let (surb, keys) = surb(&row, 2);
    let arrived = reply(&row, surb, b"still there?");
    assert_eq!(arrived.surb_id, keys.surb_id());
    assert_eq!(keys.open(arrived.payload.as_bytes()).unwrap(), b"still there?");
}

#[test]
fn a_loop_and_a_reply_look_alike_to_the_entry_where_they_end() {
    for len in [4, 5] {
        let row = Row::new(len);
        let (surb, keys) = surb(&row, 3);
        let (_, packet) = surb.reply(&[0; PAYLOAD_TEXT_LEN]).unwrap();
        assert_eq!(packet.as_bytes().len(), PACKET_LEN);
        let arrived = row.travel(packet);
        assert_eq!(arrived.destination, *SESSION.as_bytes());
        assert_ne!(arrived.surb_id.as_bytes(), &[0; 16]);
        // 2048 random bytes have 8192 bits set, give or take 64; five deviations are 320.
        let ones: u32 = arrived.payload.as_bytes().iter().map(|byte| byte.count_ones()).sum();
        assert!(ones.abs_diff(8192) < 320, "the payload does not look random: {ones} bits of 16384 are set");
        assert_eq!(keys.open(arrived.payload.as_bytes()).unwrap(), vec![0; PAYLOAD_TEXT_LEN]);
        assert_eq!(arrived.payload.into_text().unwrap_err(), Refusal::PayloadTag);
    }
}

#[test]
fn a_block_and_its_keys_survive_their_bytes() {
    let row = Row::new(4);
    let (surb, keys) = surb(&row, 4);
    let bytes = surb.to_bytes();
    let restored = Surb::from_bytes(&bytes).unwrap();
    assert_eq!(restored, surb);
    assert_eq!(restored.first_hop(), row.hops[0].node);
    let restored_keys = SurbKeys::from_bytes(&keys.to_bytes()).unwrap();
    assert_eq!(restored_keys.surb_id(), keys.surb_id());
    let arrived = reply(&row, restored, b"kept");
    assert_eq!(restored_keys.open(arrived.payload.as_bytes()).unwrap(), b"kept");
}

#[test]
fn surb_truncated_or_lengthened_is_refused() {
    let (surb, _) = surb(&Row::new(4), 5);
    let longer = [surb.to_bytes().as_slice(), &[0; 16]].concat();
    for len in (0..SURB_LEN).chain([SURB_LEN + 1, SURB_LEN + 16]) {
        let refusal = Surb::from_bytes(&longer[..len]).unwrap_err();
        assert_eq!(refusal, Refusal::SurbLength { got: len });
        assert_eq!(refusal.label(), "surb-length");
    }
}

#[test]
fn surb_mutated_in_its_header_gives_a_packet_that_the_first_hop_refuses() {
    let row = Row::new(4);
    let (surb, _) = surb(&row, 6);
    for offset in [0, 30, 32, 47, 48, 200, SPHINX_HEADER_LEN - 1] {
        let mut bytes = surb.to_bytes();
        bytes[offset] ^= 1;
        let (_, packet) = Surb::from_bytes(&bytes).unwrap().reply(b"").unwrap();
        assert_eq!(label(pass(&row.secrets[0], packet)), "header-mac");
    }
}

#[test]
fn surb_mutated_in_its_first_hop_goes_to_a_node_that_refuses_it() {
    let row = Row::new(4);
    let (surb, _) = surb(&row, 7);
    let mut bytes = surb.to_bytes();
    bytes[SPHINX_HEADER_LEN..SPHINX_HEADER_LEN + 32].copy_from_slice(row.hops[1].node.as_bytes());
    let (first, packet) = Surb::from_bytes(&bytes).unwrap().reply(b"").unwrap();
    assert_eq!(first, row.hops[1].node);
    assert_eq!(label(pass(&row.secrets[1], packet)), "header-mac");
}

#[test]
fn surb_mutated_in_its_key_gives_a_reply_that_cannot_be_read() {
    let row = Row::new(4);
    let (surb, keys) = surb(&row, 8);
    let mut bytes = surb.to_bytes();
    bytes[SURB_LEN - 1] ^= 1;
    let arrived = reply(&row, Surb::from_bytes(&bytes).unwrap(), b"lost");
    assert_eq!(arrived.surb_id, keys.surb_id());
    assert_eq!(keys.open(arrived.payload.as_bytes()).unwrap_err().label(), "payload-tag");
}

#[test]
fn surb_unknown_to_the_keys_gives_a_reply_that_cannot_be_read() {
    let row = Row::new(4);
    let (block, _) = surb(&row, 9);
    let (_, other_keys) = surb(&row, 10);
    let arrived = reply(&row, block, b"not yours");
    assert_ne!(arrived.surb_id, other_keys.surb_id());
    assert_eq!(other_keys.open(arrived.payload.as_bytes()).unwrap_err().label(), "payload-tag");
}

#[test]
fn tagged_payload_of_a_reply_cannot_be_read_wherever_it_was_tagged() {
    let row = Row::new(4);
    let (surb, keys) = surb(&row, 11);
    let (_, mut packet) = surb.reply(b"tag me").unwrap();
    let tagged_at_once = row.travel(flipped(&packet, PACKET_LEN - 1, 1));
    assert_eq!(keys.open(tagged_at_once.payload.as_bytes()).unwrap_err(), Refusal::PayloadTag);
    for secret in &row.secrets[..3] {
        let Unwrapped::Forward { packet: onward, .. } = pass(secret, packet).unwrap() else {
            panic!("the reply ended too early");
        };
        packet = onward;
        packet = flipped(&packet, SPHINX_HEADER_LEN, 0x80);
    }
    let Unwrapped::Final { payload, .. } = pass(&row.secrets[3], packet).unwrap() else {
        panic!("the reply went on too far");
    };
    assert_eq!(keys.open(payload.as_bytes()).unwrap_err(), Refusal::PayloadTag);
    let mut delivered = *payload.as_bytes();
    delivered[7] ^= 1;
    assert_eq!(keys.open(&delivered).unwrap_err(), Refusal::PayloadTag);
}

#[test]
fn keys_of_a_wrong_length_or_with_a_zero_identifier_are_refused() {
    let (_, keys) = surb(&Row::new(4), 12);
    let bytes = keys.to_bytes();
    assert_eq!(bytes.len(), 16 + 4 * 16);
    let mut without_id = bytes.to_vec();
    without_id[..16].fill(0);
    let too_many = [0xaa; 16 + 6 * 16];
    for refused in [&bytes[..16], &bytes[..31], &bytes[..79], &without_id, &too_many, &[]] {
        assert_eq!(SurbKeys::from_bytes(refused).unwrap_err().label(), "surb-keys");
    }
}

#[test]
fn a_reply_one_byte_too_long_is_refused() {
    let (surb, _) = surb(&Row::new(4), 13);
    let error = surb.reply(&[0; PAYLOAD_TEXT_LEN + 1]).unwrap_err();
    assert_eq!(error, BuildError::TextTooLong { got: PAYLOAD_TEXT_LEN + 1 });
}

#[test]
fn a_block_without_a_route_is_refused() {
    let error = build_surb(&[], &[], &SESSION, &mut rng(14)).unwrap_err();
    assert_eq!(error, BuildError::RouteLength { got: 0 });
}

#[test]
fn debug_shows_neither_block_nor_keys() {
    let (surb, keys) = surb(&Row::new(4), 15);
    insta::assert_snapshot!(format!("{surb:?}"), @"Surb(to NodeId(01010101), [scrubbed])");
    insta::assert_snapshot!(format!("{keys:?}"), @"SurbKeys([scrubbed])");
}
