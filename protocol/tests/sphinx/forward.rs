use std::collections::HashSet;
use std::time::Duration;

use sotto_protocol::limits::{HOPS_MAX, PACKET_LEN, PAYLOAD_TEXT_LEN};
use sotto_protocol::sphinx::{BuildError, SurbId, Unwrapped, build_forward, build_forward_with_id};

use crate::support::{DESTINATION, Row, pass, rng};

#[test]
fn a_text_travels_five_hops_with_the_delays_and_the_destination_its_sender_chose() {
    let row = Row::new(5);
    let id = SurbId::generate(&mut rng(1));
    let packet =
        build_forward_with_id(&row.hops, &row.delays(), DESTINATION, id, b"dear mailbox", &mut rng(2))
            .unwrap();
    let arrived = row.travel(packet);
    assert_eq!(arrived.destination, DESTINATION);
    assert_eq!(arrived.surb_id, id);
    assert_eq!(arrived.payload.into_text().unwrap(), b"dear mailbox");
}

#[test]
fn texts_of_every_length_arrive_unchanged_on_routes_of_every_length() {
    for len in 1..=5 {
        let row = Row::new(len);
        for text_len in [0, 1, 15, 16, 17, 1000, PAYLOAD_TEXT_LEN - 1, PAYLOAD_TEXT_LEN] {
            for fill in [0, 1, 0x80, 0xff] {
                let text = vec![fill; text_len];
                let arrived = row.travel(row.packet(&text, 3));
                assert_eq!(arrived.payload.into_text().unwrap(), text);
            }
        }
    }
}

#[test]
fn a_packet_shares_no_run_of_bytes_with_itself_a_hop_later() {
    let row = Row::new(5);
    let mut packet = row.packet(b"look-alike", 4);
    let mut seen = HashSet::new();
    for secret in &row.secrets {
        for run in packet.as_bytes().chunks_exact(8) {
            assert!(seen.insert(run.to_vec()), "a run of 8 bytes came back");
        }
        match pass(secret, packet).unwrap() {
            Unwrapped::Forward { packet: onward, .. } => packet = onward,
            Unwrapped::Final { .. } => return,
        }
    }
    panic!("the packet did not end at the last hop");
}

#[test]
fn one_seed_gives_one_packet_but_for_the_padding_of_the_innermost_header_layer() {
    let row = Row::new(5);
    let (first, second) = (row.packet(b"same", 5), row.packet(b"same", 5));
    assert_eq!(first.as_bytes()[..32], second.as_bytes()[..32], "alpha");
    assert_eq!(first.as_bytes()[348..], second.as_bytes()[348..], "payload");
    assert_ne!(first.as_bytes()[..32], row.packet(b"same", 6).as_bytes()[..32]);
    let tag = |packet| row.secrets[0].verify(packet).unwrap().tag();
    assert_eq!(tag(first), tag(second));
}

#[test]
fn a_delay_at_the_last_hop_is_ignored() {
    let row = Row::new(2);
    let packet = build_forward(
        &row.hops,
        &[Duration::from_nanos(1_000_000_001), Duration::MAX],
        DESTINATION,
        b"",
        &mut rng(7),
    );
    assert_eq!(row.travel(packet.unwrap()).payload.into_text().unwrap(), b"");
}

#[test]
fn a_route_without_hops_or_with_six_is_refused() {
    let row = Row::new(6);
    for hops in [0, 6] {
        let error = build_forward(&row.hops[..hops], &row.delays()[..hops], DESTINATION, b"", &mut rng(8))
            .unwrap_err();
        assert_eq!(error, BuildError::RouteLength { got: hops });
    }
    assert_eq!(HOPS_MAX, 5);
}

#[test]
fn a_delay_too_few_or_too_many_is_refused() {
    let row = Row::new(3);
    for delays in [2, 4] {
        let error = build_forward(&row.hops, &vec![Duration::ZERO; delays], DESTINATION, b"", &mut rng(9));
        assert_eq!(error.unwrap_err(), BuildError::DelayCount { hops: 3, got: delays });
    }
}

#[test]
fn a_text_one_byte_too_long_is_refused() {
    let row = Row::new(3);
    let text = vec![0; PAYLOAD_TEXT_LEN + 1];
    let error = build_forward(&row.hops, &row.delays(), DESTINATION, &text, &mut rng(10)).unwrap_err();
    assert_eq!(error, BuildError::TextTooLong { got: PAYLOAD_TEXT_LEN + 1 });
    insta::assert_snapshot!(error, @"a packet holds a text of at most 2031 bytes, this one has 2032; split it");
}

#[test]
fn debug_of_a_packet_on_its_way_shows_no_byte_of_it() {
    let row = Row::new(2);
    let packet = row.packet(b"hidden", 11);
    assert_eq!(packet.as_bytes().len(), PACKET_LEN);
    insta::assert_snapshot!(format!("{packet:?}"), @"Packet");
    let verified = row.secrets[0].verify(packet).unwrap();
    insta::assert_snapshot!(format!("{verified:?} {:?}", verified.tag()), @"Verified([scrubbed]) ReplayTag([scrubbed])");
    let onward = verified.unwrap(Duration::from_secs(2)).unwrap();
    insta::assert_snapshot!(format!("{onward:?}"), @"Forward { next: NodeId(02020202), delay: 1.000000001s, delay_clamped: false }");
    let Unwrapped::Forward { packet, .. } = onward else { panic!("the first of two hops forwards") };
    let end = pass(&row.secrets[1], packet).unwrap();
    insta::assert_snapshot!(format!("{end:?}"), @"Final([scrubbed])");
    let Unwrapped::Final { payload, surb_id, .. } = end else { panic!("the second of two hops is the last") };
    insta::assert_snapshot!(format!("{payload:?} {surb_id:?}"), @"FinalPayload([scrubbed]) SurbId([scrubbed])");
}
