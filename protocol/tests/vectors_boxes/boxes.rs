//! Streams, boxes, tombstones and capabilities.

use std::convert::Infallible;

use rand::{TryCryptoRng, TryRng};
use sotto_protocol::boxes::{ReadCap, SealedBox, Tombstone, TombstoneKey, WriteCap};

use crate::derivation::Derived;
use crate::vector_file::{BoxesFile, StreamBox};
use crate::{array, bytes, hex, read};

fn vectors() -> BoxesFile {
    read("boxes.json")
}

/// A generator that gives one nonce.
struct Nonce([u8; 24]);

impl TryRng for Nonce {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("sealing draws a nonce and nothing else")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("sealing draws a nonce and nothing else")
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        destination.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Nonce {}

fn check_box(vector: &StreamBox, writer: &mut WriteCap, reader: &mut ReadCap) {
    assert_eq!((writer.index(), reader.index()), (vector.index, vector.index));
    assert_eq!(hex(writer.to_bytes().as_slice()), vector.write_capability);
    assert_eq!(hex(reader.to_bytes().as_slice()), vector.read_capability);
    assert_eq!(hex(writer.next_id().as_bytes()), vector.id);
    assert_eq!(hex(reader.next_id().as_bytes()), vector.id);

    let tombstone_key = writer.next_tombstone_key();
    assert_eq!(hex(tombstone_key.to_bytes().as_slice()), vector.tombstone_key);
    assert_eq!(hex(&tombstone_key.tombstone().to_bytes()), vector.tombstone);
    let sealed = writer.seal_next(&bytes(&vector.text), &mut Nonce(array(&vector.nonce))).unwrap();
    assert_eq!(hex(&sealed.to_bytes()), vector.sealed);

    let sealed = SealedBox::from_bytes(&bytes(&vector.sealed)).unwrap();
    sealed.verify().unwrap();
    assert_eq!(hex(&reader.next_box().open(&sealed).unwrap()), vector.text);
    let tombstone = Tombstone::from_bytes(&bytes(&vector.tombstone)).unwrap();
    reader.next_box().check_tombstone(&tombstone).unwrap();
    reader.advance();
}

#[test]
fn streams_give_the_capabilities_boxes_and_tombstones_of_the_vectors() {
    let file = vectors();
    assert!(file.streams.len() >= 2);
    for stream in file.streams {
        assert!(stream.boxes.len() >= 2);
        let mut writer = WriteCap::from_seed(&array(&stream.seed));
        let mut reader = writer.read_cap();
        for vector in &stream.boxes {
            check_box(vector, &mut writer, &mut reader);
        }
    }
}

#[test]
fn saved_capabilities_go_on_where_the_vectors_say() {
    for vector in vectors().streams.iter().flat_map(|stream| &stream.boxes) {
        let mut writer = WriteCap::from_bytes(&bytes(&vector.write_capability)).unwrap();
        let mut reader = ReadCap::from_bytes(&bytes(&vector.read_capability)).unwrap();
        check_box(vector, &mut writer, &mut reader);
        let key = TombstoneKey::from_bytes(&bytes(&vector.tombstone_key)).unwrap();
        assert_eq!(hex(&key.tombstone().to_bytes()), vector.tombstone);
    }
}

#[test]
fn the_specification_alone_gives_the_same_bytes() {
    for stream in vectors().streams {
        for vector in stream.boxes {
            let derived = Derived::new(&array(&stream.seed), vector.index);
            assert_eq!(hex(&derived.root_seed), stream.root_seed);
            assert_eq!(hex(&derived.root_public), stream.root_public);
            assert_eq!(hex(&derived.chain_state), vector.chain_state);
            assert_eq!(hex(&derived.encryption_secret), vector.encryption_secret);
            assert_eq!(hex(&derived.blinding_secret), vector.blinding_secret);
            assert_eq!(hex(&derived.blinding_factor), vector.blinding_factor);
            assert_eq!(hex(&derived.id), vector.id);
            assert_eq!(hex(&derived.box_key), vector.box_key);
            assert_eq!(hex(&derived.tombstone_key()), vector.tombstone_key);
            assert_eq!(hex(&derived.write_capability(vector.index)), vector.write_capability);
            assert_eq!(hex(&derived.read_capability(vector.index)), vector.read_capability);
            let sealed = derived.seal(array(&vector.nonce), &bytes(&vector.text));
            assert_eq!(hex(&sealed), vector.sealed);
            assert_eq!(hex(&derived.tombstone()), vector.tombstone);
        }
    }
}

#[test]
fn refused_boxes_are_refused_with_their_labels() {
    let file = vectors();
    let reader = WriteCap::from_seed(&array(&file.streams[0].seed)).read_cap().next_box();
    assert!(file.refused_boxes.len() >= 10);
    for vector in file.refused_boxes {
        let sealed = SealedBox::from_bytes(&bytes(&vector.sealed));
        let verdict = sealed.as_ref().map_err(|refusal| *refusal).and_then(SealedBox::verify);
        let label = verdict.err().map(|refusal| refusal.label().to_owned());
        assert_eq!(label, vector.label_mailbox, "{}", vector.name);
        let refusal = sealed.and_then(|sealed| reader.open(&sealed)).unwrap_err();
        assert_eq!(refusal.label(), vector.label_reader, "{}", vector.name);
    }
}

#[test]
fn refused_tombstones_are_refused_with_their_labels() {
    let file = vectors();
    let reader = WriteCap::from_seed(&array(&file.streams[0].seed)).read_cap().next_box();
    assert!(file.refused_tombstones.len() >= 5);
    for vector in file.refused_tombstones {
        let tombstone = Tombstone::from_bytes(&bytes(&vector.tombstone));
        let verdict = tombstone.as_ref().map_err(|refusal| *refusal).and_then(Tombstone::verify);
        let label = verdict.err().map(|refusal| refusal.label().to_owned());
        assert_eq!(label, vector.label_mailbox, "{}", vector.name);
        let refusal = tombstone.and_then(|tombstone| reader.check_tombstone(&tombstone)).unwrap_err();
        assert_eq!(refusal.label(), vector.label_reader, "{}", vector.name);
    }
}

#[test]
fn refused_capabilities_are_refused_with_their_labels() {
    let file = vectors();
    assert!(file.refused_capabilities.len() >= 10);
    for vector in file.refused_capabilities {
        let bytes = bytes(&vector.bytes);
        let refusal = match vector.read_as.as_str() {
            "write" => WriteCap::from_bytes(&bytes).err(),
            "read" => ReadCap::from_bytes(&bytes).err(),
            "tombstone-key" => TombstoneKey::from_bytes(&bytes).err(),
            other => panic!("{other} is no kind of capability"),
        };
        let label = refusal.expect("a refusal").label();
        assert_eq!(label, vector.label, "{}", vector.name);
    }
}
