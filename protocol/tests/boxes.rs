//! Boxes, capabilities and tombstones as their users see them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::boxes::{
    BOX_CONTENT_LEN_MAX, BoxRefusal, READ_AHEAD_MAX, ReadCap, SealedBox, TOMBSTONE_LEN, Tombstone,
    TombstoneKey, WriteCap,
};
use sotto_protocol::limits::BOX_LEN;

const ID: usize = 0;
const SIGNATURE: usize = 32;
const NONCE: usize = 96;
const TEXT: usize = 120;
const TAG: usize = 1480;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn stream() -> (WriteCap, ReadCap) {
    let writer = WriteCap::from_seed(&[7; 32]);
    let reader = writer.read_cap();
    (writer, reader)
}

fn flipped(sealed: &SealedBox, place: usize) -> SealedBox {
    let mut bytes = sealed.to_bytes();
    bytes[place] ^= 1;
    SealedBox::from_bytes(&bytes).unwrap()
}

#[test]
fn what_the_writer_seals_the_reader_opens_in_order() {
    let (mut writer, mut reader) = stream();
    for index in 0..100_u64 {
        let text = format!("message {index}");
        assert_eq!((writer.index(), reader.index()), (index, index));
        assert_eq!(writer.next_id(), reader.next_id());
        let sealed = writer.seal_next(text.as_bytes(), &mut rng()).unwrap();
        sealed.verify().unwrap();
        assert_eq!(reader.next_box().open(&sealed).unwrap(), text.as_bytes());
        reader.advance();
    }
}

#[test]
fn texts_of_every_length_come_back() {
    let (mut writer, mut reader) = stream();
    for len in [0, 1, 2, 1000, BOX_CONTENT_LEN_MAX - 1, BOX_CONTENT_LEN_MAX] {
        let text = vec![0x80; len];
        let sealed = writer.seal_next(&text, &mut rng()).unwrap();
        assert_eq!(sealed.to_bytes().len(), BOX_LEN);
        assert_eq!(reader.next_box().open(&sealed).unwrap(), text);
        reader.advance();
    }
}

#[test]
fn a_text_that_is_too_long_is_refused_and_nothing_moves() {
    let (mut writer, _) = stream();
    let before = writer.to_bytes();
    let refusal = writer.seal_next(&[0; BOX_CONTENT_LEN_MAX + 1], &mut rng()).unwrap_err();
    assert_eq!(refusal, BoxRefusal::TextTooLong { max: 1359, actual: 1360 });
    assert_eq!(refusal.label(), "box-text-length");
    assert_eq!(*writer.to_bytes(), *before);
}

#[test]
fn sealing_the_same_text_twice_shows_no_likeness() {
    let (saved, _) = stream();
    let saved = saved.to_bytes();
    let mut rng = rng();
    let [one, other] = [(); 2].map(|()| {
        let mut writer = WriteCap::from_bytes(saved.as_slice()).unwrap();
        writer.seal_next(b"text", &mut rng).unwrap().to_bytes()
    });
    assert_eq!(one[..SIGNATURE], other[..SIGNATURE]);
    let alike = one[SIGNATURE..].iter().zip(&other[SIGNATURE..]).filter(|(a, b)| a == b).count();
    assert!(alike < 30, "{alike} of 1,464 bytes are alike, chance makes about 6 so");
}

#[test]
fn ids_of_one_stream_have_nothing_in_common() {
    let (mut writer, reader) = stream();
    let other = WriteCap::from_seed(&[8; 32]).read_cap();
    let mut ids = BTreeSet::new();
    for offset in 0..READ_AHEAD_MAX {
        let id = *reader.peek(offset).unwrap().id();
        assert_eq!(id, writer.seal_next(b"", &mut rng()).unwrap().id().to_owned());
        ids.insert(id);
        ids.insert(*other.peek(offset).unwrap().id());
    }
    assert_eq!(ids.len(), 128, "an id came twice");
    // No run of four bytes is found in two ids, at whatever place.
    let mut runs = BTreeSet::new();
    for id in &ids {
        for run in id.as_bytes().windows(4) {
            assert!(runs.insert(run.to_vec()), "two ids share four bytes in a row");
        }
    }
    let root = &reader.to_bytes()[42..];
    assert!(ids.iter().all(|id| id.as_bytes() != root), "a box must not bear the stream's own key");
}

#[test]
fn a_box_of_another_index_is_refused() {
    let (mut writer, reader) = stream();
    let first = writer.seal_next(b"first", &mut rng()).unwrap();
    let second = writer.seal_next(b"second", &mut rng()).unwrap();
    assert_eq!(reader.peek(0).unwrap().open(&second).unwrap_err(), BoxRefusal::OtherId);
    assert_eq!(reader.peek(1).unwrap().open(&first).unwrap_err(), BoxRefusal::OtherId);
    assert_eq!(BoxRefusal::OtherId.label(), "box-other-id");
    let mut renamed = second.to_bytes();
    renamed[..32].copy_from_slice(first.id().as_bytes());
    let renamed = SealedBox::from_bytes(&renamed).unwrap();
    assert_eq!(reader.peek(0).unwrap().open(&renamed).unwrap_err(), BoxRefusal::Signature);
}

#[test]
fn a_box_of_another_stream_is_refused() {
    let (_, reader) = stream();
    let sealed = WriteCap::from_seed(&[8; 32]).seal_next(b"text", &mut rng()).unwrap();
    sealed.verify().unwrap();
    assert_eq!(reader.next_box().open(&sealed).unwrap_err(), BoxRefusal::OtherId);
}

#[test]
fn a_changed_signature_nonce_text_or_tag_is_refused() {
    let (mut writer, reader) = stream();
    let sealed = writer.seal_next(b"text", &mut rng()).unwrap();
    for place in
        [SIGNATURE, SIGNATURE + 31, SIGNATURE + 32, NONCE - 1, NONCE, TEXT, TAG - 1, TAG, BOX_LEN - 1]
    {
        let changed = flipped(&sealed, place);
        assert_eq!(changed.verify(), Err(BoxRefusal::Signature), "byte {place}");
        assert_eq!(reader.next_box().open(&changed), Err(BoxRefusal::Signature), "byte {place}");
    }
    assert_eq!(BoxRefusal::Signature.label(), "box-signature");
}

#[test]
fn a_changed_id_is_refused() {
    let (mut writer, reader) = stream();
    let sealed = writer.seal_next(b"text", &mut rng()).unwrap();
    for place in ID..SIGNATURE {
        let changed = flipped(&sealed, place);
        let refusal = changed.verify().unwrap_err();
        assert!(matches!(refusal, BoxRefusal::Signature | BoxRefusal::IdNotCanonical), "byte {place}");
        assert_eq!(reader.next_box().open(&changed), Err(BoxRefusal::OtherId), "byte {place}");
    }
}

#[test]
fn the_signature_scalar_has_one_encoding() {
    // s + L is the same scalar; strict verification takes the reduced one only (RFC 8032, section 8.4).
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (mut writer, _) = stream();
    let mut bytes = writer.seal_next(b"text", &mut rng()).unwrap().to_bytes();
    let mut carry = 0;
    for (byte, add) in bytes[64..96].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(SealedBox::from_bytes(&bytes).unwrap().verify(), Err(BoxRefusal::Signature));
}

#[test]
fn boxes_and_tombstones_under_small_order_ids_are_refused() {
    // With A = R = the neutral element and s = 0 the equation s * B = R + c * A holds for every message.
    let mut neutral = [0; BOX_LEN];
    neutral[ID] = 1;
    neutral[SIGNATURE] = 1;
    let sealed = SealedBox::from_bytes(&neutral).unwrap();
    assert_eq!(sealed.verify(), Err(BoxRefusal::IdSmallOrder));
    assert_eq!(BoxRefusal::IdSmallOrder.label(), "box-id-small-order");
    let tombstone = Tombstone::from_bytes(&neutral[..TOMBSTONE_LEN]).unwrap();
    assert_eq!(tombstone.verify(), Err(BoxRefusal::IdSmallOrder));
}

#[test]
fn boxes_of_a_wrong_length_are_refused() {
    for len in [0, 31, 95, BOX_LEN - 1, BOX_LEN + 1] {
        let refusal = SealedBox::from_bytes(&vec![0; len]).unwrap_err();
        assert_eq!(refusal, BoxRefusal::WrongLength { expected: BOX_LEN, actual: len });
        assert_eq!(refusal.label(), "box-length");
    }
    for len in [0, 32, TOMBSTONE_LEN - 1, TOMBSTONE_LEN + 1] {
        let refusal = Tombstone::from_bytes(&vec![0; len]).unwrap_err();
        assert_eq!(refusal, BoxRefusal::WrongLength { expected: TOMBSTONE_LEN, actual: len });
    }
}

#[test]
fn debug_shows_no_secret() {
    let (mut writer, reader) = stream();
    let key = writer.next_tombstone_key();
    let sealed = writer.seal_next(b"text", &mut rng()).unwrap();
    insta::assert_snapshot!(format!("{writer:?}"), @"WriteCap(index 1, [scrubbed])");
    insta::assert_snapshot!(format!("{reader:?}"), @"ReadCap(index 0, [scrubbed])");
    insta::assert_snapshot!(format!("{:?}", reader.next_box()), @"BoxReader(index 0, [scrubbed])");
    insta::assert_snapshot!(format!("{:?}", reader.next_id()), @"BoxId([scrubbed])");
    insta::assert_snapshot!(format!("{sealed:?}"), @"SealedBox([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", key.tombstone()), @"Tombstone([scrubbed])");
    insta::assert_snapshot!(format!("{key:?}"), @"TombstoneKey([scrubbed])");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = WriteCap::from_bytes(&bytes);
        let _ = ReadCap::from_bytes(&bytes);
        let _ = TombstoneKey::from_bytes(&bytes);
        prop_assert!(SealedBox::from_bytes(&bytes).is_err());
        if let Ok(tombstone) = Tombstone::from_bytes(&bytes) {
            prop_assert!(tombstone.verify().is_err());
        }
    }

    #[test]
    fn arbitrary_boxes_never_verify_and_keep_their_bytes(
        bytes in proptest::collection::vec(any::<u8>(), BOX_LEN)
    ) {
        let sealed = SealedBox::from_bytes(&bytes).unwrap();
        prop_assert_eq!(sealed.to_bytes().to_vec(), bytes);
        prop_assert!(sealed.verify().is_err());
        prop_assert!(stream().1.next_box().open(&sealed).is_err());
    }

    #[test]
    fn a_box_with_any_one_bit_flipped_is_refused(bit in 0..BOX_LEN * 8) {
        let (mut writer, reader) = stream();
        let mut bytes = writer.seal_next(b"text", &mut rng()).unwrap().to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = SealedBox::from_bytes(&bytes).unwrap();
        prop_assert!(changed.verify().is_err());
        prop_assert!(reader.next_box().open(&changed).is_err());
    }

    #[test]
    fn capabilities_of_any_index_and_state_keep_their_bytes(
        index in any::<u64>(), state in any::<[u8; 32]>(), seed in any::<[u8; 32]>()
    ) {
        let bytes = [[1, 1].as_slice(), &index.to_be_bytes(), &state, &seed].concat();
        let mut writer = WriteCap::from_bytes(&bytes).unwrap();
        prop_assert_eq!(writer.to_bytes().to_vec(), bytes);
        let sealed = writer.seal_next(b"text", &mut rng()).unwrap();
        sealed.verify().unwrap();
    }
}
