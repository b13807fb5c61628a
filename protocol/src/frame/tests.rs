//! Tests of the frame codec and of documents in pieces.

use proptest::prelude::*;

use super::*;
use crate::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX, FRAME_HEADER_LEN, PACKET_LEN};

fn token() -> ResumeToken {
    ResumeToken::from_bytes([4; 32])
}

fn session() -> SessionAddress {
    SessionAddress::from_bytes([3; 32])
}

fn one_of_each() -> Vec<Frame> {
    let part = DocumentPart::new(DocumentKind::Consensus, 1, 2, vec![5; 100]).unwrap();
    vec![
        Frame::Dummy,
        Frame::Packet(Packet::from_slice(&[1; PACKET_LEN]).unwrap()),
        Frame::SessionOpen { class: 0, resume: None },
        Frame::SessionOpen { class: 7, resume: Some((session(), token())) },
        Frame::SessionOpened { session: session(), token: token(), resumable_s: 300 },
        Frame::Delivery { surb_id: SurbId::from_bytes([2; 16]), payload: Box::new([9; PAYLOAD_LEN]) },
        Frame::ConsensusGet,
        Frame::DocumentPart(part),
        Frame::Accepted,
        Frame::Refused { label: "frame-kind".to_owned(), text: "Unbekannt: \u{e4}".to_owned() },
        Frame::Refused { label: "x".repeat(LABEL_LEN_MAX), text: "y".repeat(REFUSED_TEXT_LEN_MAX) },
    ]
}

fn refusal(bytes: &[u8]) -> FrameRefusal {
    Frame::decode(bytes).unwrap_err()
}

/// A frame of `kind` with that body.
fn raw(kind: u8, body: &[u8]) -> [u8; FRAME_LEN] {
    let mut bytes = [0; FRAME_LEN];
    bytes[0] = FRAME_VERSION;
    bytes[1] = kind;
    bytes[2..4].copy_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes[FRAME_HEADER_LEN..FRAME_HEADER_LEN + body.len()].copy_from_slice(body);
    bytes
}

#[test]
fn every_kind_survives() {
    for frame in one_of_each() {
        assert_eq!(Frame::decode(frame.encode().as_slice()).unwrap(), frame);
    }
}

#[test]
fn debug_shows_the_kind_and_no_content() {
    let shown: Vec<String> = one_of_each().iter().map(|frame| format!("{frame:?}")).collect();
    insta::assert_snapshot!(shown.join(" "), @"Frame(dummy) Frame(packet) Frame(session-open) Frame(session-open) Frame(session-opened) Frame(delivery) Frame(consensus-get) Frame(document-part) Frame(accepted) Frame(refused) Frame(refused)");
}

#[test]
fn another_length_is_refused() {
    let bytes = Frame::Dummy.encode();
    assert_eq!(refusal(&bytes[..FRAME_LEN - 1]).label(), "frame-length");
    assert_eq!(refusal(&[&bytes[..], &[0]].concat()).label(), "frame-length");
    assert_eq!(refusal(&[]).label(), "frame-length");
}

#[test]
fn a_used_length_over_the_body_is_refused() {
    let mut bytes = raw(0, &[]);
    bytes[2..4].copy_from_slice(&2397u16.to_be_bytes());
    assert_eq!(refusal(&bytes), FrameRefusal::Length { len: 2397, len_max: 2396 });
}

#[test]
fn another_version_is_refused() {
    let mut bytes = Frame::Dummy.encode();
    bytes[0] = 2;
    assert_eq!(refusal(bytes.as_slice()), FrameRefusal::Version(2));
    assert_eq!(FrameRefusal::Version(2).label(), "frame-version");
}

#[test]
fn an_unknown_kind_is_refused() {
    for kind in 9..=u8::MAX {
        assert_eq!(refusal(&raw(kind, &[])), FrameRefusal::Kind(kind));
    }
    assert_eq!(FrameRefusal::Kind(9).label(), "frame-kind");
}

#[test]
fn any_padding_bit_is_refused() {
    for frame in [Frame::Dummy, Frame::SessionOpen { class: 0, resume: None }] {
        let used = usize::from(u16::from_be_bytes([frame.encode()[2], frame.encode()[3]]));
        for place in FRAME_HEADER_LEN + used..FRAME_LEN {
            let mut bytes = frame.encode();
            bytes[place] = 0x80;
            assert_eq!(refusal(bytes.as_slice()).label(), "frame-padding", "{place}");
        }
    }
}

#[test]
fn a_body_longer_or_shorter_than_its_kind_is_refused() {
    for frame in one_of_each() {
        let bytes = frame.encode();
        let used = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let body = &bytes[FRAME_HEADER_LEN..FRAME_HEADER_LEN + used];
        let of_any_length = matches!(frame, Frame::DocumentPart(_) | Frame::Refused { .. });
        if used > 0 && !of_any_length {
            assert_eq!(refusal(&raw(bytes[1], &body[..used - 1])).label(), "frame-body", "{frame:?}");
        }
        if used < FRAME_BODY_LEN && !of_any_length {
            let longer = [body, &[0]].concat();
            assert_eq!(refusal(&raw(bytes[1], &longer)).label(), "frame-body", "{frame:?}");
        }
    }
}

#[test]
fn a_session_is_new_or_resumed_and_nothing_else() {
    assert_eq!(refusal(&raw(2, &[0, 2])).label(), "frame-body");
    assert_eq!(refusal(&raw(2, &[0, 1])).label(), "frame-body");
    assert_eq!(refusal(&raw(2, &[0])).label(), "frame-body");
}

#[test]
fn a_refusal_with_a_bad_label_or_text_is_refused() {
    let cases: [&[u8]; 9] = [
        &[],
        &[0],
        &[5, b'a'],
        &[1, b'A'],
        &[1, b' '],
        &[1, b'a', 0x1b],
        &[1, b'a', 0xff],
        &[1, 0xff],
        &[b'!'; 34],
    ];
    for body in cases {
        assert_eq!(refusal(&raw(8, body)).label(), "frame-body", "{body:?}");
    }
    let long_text = [&[1, b'a'][..], &[b'y'; REFUSED_TEXT_LEN_MAX + 1]].concat();
    assert_eq!(refusal(&raw(8, &long_text)).label(), "frame-body");
}

#[test]
fn a_refusal_can_always_be_sent() {
    let sent = |label: &str, text: &str| {
        let frame = Frame::Refused { label: label.to_owned(), text: text.to_owned() };
        match Frame::decode(frame.encode().as_slice()).unwrap() {
            Frame::Refused { label, text } => (label, text),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sent("", "a\tb"), ("-".to_owned(), "a b".to_owned()));
    assert_eq!(sent("no label!", ""), ("no-label-".to_owned(), String::new()));
    let (label, text) = sent(&"x".repeat(40), &format!("{}\u{e4}", "y".repeat(REFUSED_TEXT_LEN_MAX - 1)));
    assert_eq!(label, "x".repeat(LABEL_LEN_MAX));
    assert_eq!(text, "y".repeat(REFUSED_TEXT_LEN_MAX - 1), "cut before the character that does not fit");
}

fn assembled(parts: &[DocumentPart]) -> Result<Option<Vec<u8>>, FrameRefusal> {
    let mut assembler = DocumentAssembler::new(DocumentKind::Consensus);
    let mut last = None;
    for part in parts {
        last = assembler.push(part)?;
    }
    Ok(last)
}

#[test]
fn documents_of_every_interesting_length_survive() {
    for len in
        [1, PART_BYTES_MAX - 1, PART_BYTES_MAX, PART_BYTES_MAX + 1, 3 * PART_BYTES_MAX, DOCUMENT_LEN_MAX]
    {
        let document: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let parts = split_document(DocumentKind::Consensus, &document).unwrap();
        assert_eq!(parts.len(), len.div_ceil(PART_BYTES_MAX));
        for part in &parts {
            let frame = Frame::DocumentPart(part.clone());
            assert_eq!(Frame::decode(frame.encode().as_slice()).unwrap(), frame);
        }
        assert_eq!(assembled(&parts), Ok(Some(document)));
    }
}

#[test]
fn an_empty_or_too_long_document_cannot_be_sent() {
    for (kind, len) in [
        (DocumentKind::Consensus, 0),
        (DocumentKind::Consensus, DOCUMENT_LEN_MAX + 1),
        (DocumentKind::Descriptor, DESCRIPTOR_LEN_MAX + 1),
    ] {
        assert_eq!(split_document(kind, &vec![0; len]).unwrap_err().label(), "frame-length");
    }
}

#[test]
fn pieces_out_of_order_repeated_or_of_another_document_are_refused() {
    let document = vec![1; 3 * PART_BYTES_MAX];
    let parts = split_document(DocumentKind::Consensus, &document).unwrap();
    let other = split_document(DocumentKind::Consensus, &vec![1; 2 * PART_BYTES_MAX]).unwrap();
    let descriptor = split_document(DocumentKind::Descriptor, &[1]).unwrap();
    for wrong in [
        vec![parts[1].clone()],
        vec![parts[0].clone(), parts[0].clone()],
        vec![parts[0].clone(), parts[2].clone()],
        vec![parts[0].clone(), other[1].clone()],
        vec![descriptor[0].clone()],
    ] {
        assert_eq!(assembled(&wrong).unwrap_err().label(), "document-part-order");
    }
}

#[test]
fn after_a_refusal_or_a_document_the_assembler_starts_anew() {
    let parts = split_document(DocumentKind::Descriptor, &[1; PART_BYTES_MAX + 1]).unwrap();
    let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
    assert!(assembler.push(&parts[1]).is_err());
    for _ in 0..2 {
        assert_eq!(assembler.push(&parts[0]), Ok(None));
        assert_eq!(assembler.push(&parts[1]), Ok(Some(vec![1; PART_BYTES_MAX + 1])));
    }
}

#[test]
fn an_assembler_never_holds_more_than_the_longest_document() {
    let count = u16::try_from(DESCRIPTOR_LEN_MAX.div_ceil(PART_BYTES_MAX)).unwrap();
    let full =
        |index| DocumentPart::new(DocumentKind::Descriptor, index, count, vec![0; PART_BYTES_MAX]).unwrap();
    let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
    assert_eq!(assembler.push(&full(0)), Ok(None));
    assert_eq!(assembler.push(&full(1)).unwrap_err().label(), "frame-length");
}

#[test]
fn a_piece_with_impossible_numbers_is_refused() {
    let part = |index, count, len| DocumentPart::new(DocumentKind::Descriptor, index, count, vec![0; len]);
    assert_eq!(part(0, 0, 1).unwrap_err().label(), "document-part-count");
    assert_eq!(part(0, 3, PART_BYTES_MAX).unwrap_err().label(), "document-part-count");
    assert_eq!(part(1, 1, 1).unwrap_err().label(), "frame-body");
    assert_eq!(part(0, 2, PART_BYTES_MAX - 1).unwrap_err().label(), "frame-body");
    assert_eq!(part(0, 1, 0).unwrap_err().label(), "frame-body");
    assert_eq!(part(0, 1, PART_BYTES_MAX + 1).unwrap_err().label(), "frame-body");
    assert_eq!(refusal(&raw(6, &[3, 0, 0, 0, 1, 0])).label(), "frame-body", "unknown kind of document");
    assert_eq!(refusal(&raw(6, &[1, 0, 0, 0])).label(), "frame-body", "cut off");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_one_frame_or_refused(
        kind in 0u8..10,
        body in prop::collection::vec(any::<u8>(), 0..=FRAME_BODY_LEN),
    ) {
        let bytes = raw(kind, &body);
        match Frame::decode(&bytes) {
            Ok(frame) => prop_assert_eq!(*frame.encode(), bytes),
            Err(refusal) => prop_assert!(!refusal.label().is_empty()),
        }
    }

    #[test]
    fn a_changed_byte_is_another_frame_or_refused(which in 0usize..11, place in 0..FRAME_LEN, change in 1u8..) {
        let frame = one_of_each().swap_remove(which);
        let mut bytes = frame.encode();
        bytes[place] ^= change;
        match Frame::decode(bytes.as_slice()) {
            Ok(other) => {
                prop_assert_ne!(&other, &frame);
                prop_assert_eq!(other.encode(), bytes);
            }
            Err(refusal) => prop_assert!(!refusal.label().is_empty()),
        }
    }

    #[test]
    fn bytes_of_any_length_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = Frame::decode(&bytes);
    }
}

#[test]
fn the_parts_of_a_packets_frame_are_its_encoding() {
    let packet =
        Packet::from_slice(&std::array::from_fn::<u8, PACKET_LEN, _>(|place| place.to_le_bytes()[0]))
            .unwrap();
    let frame = Frame::Packet(packet);
    let (header, packet) = frame.packet_parts().unwrap();
    assert_eq!([&header[..], packet].concat(), *frame.encode());
    assert!(Frame::Dummy.packet_parts().is_none());
}
