//! `boxes.json`.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use data_encoding::HEXLOWER;
use sotto_protocol::limits::BOX_LEN;

use crate::derivation::Derived;
use crate::vector_file::{BoxesFile, RefusedBox, RefusedCapability, RefusedTombstone, Stream, StreamBox};
use crate::{NONCE, SEED, about, first_box, hex};

/// The order of the prime-order group, little-endian.
const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

pub(crate) fn file() -> BoxesFile {
    BoxesFile {
        about: about([
            "One-time boxes as specified in docs/spec/boxes.md. Bytes are hexadecimal.",
            "streams: what is derived from a stream's seed, and its first boxes.",
            "refused_boxes, refused_tombstones: what a mailbox, which sees no stream, and a reader of the \
             first stream at index 0 say of them.",
            "refused_capabilities: saved capabilities that cannot be loaded.",
        ]),
        streams: vec![
            stream(SEED, &[b"first", b"", &[0x80, 0, 0]]),
            stream(
                std::array::from_fn(|place| u8::try_from(place).unwrap()),
                &[&[0xa5; 1359], b"after a full box"],
            ),
        ],
        refused_boxes: refused_boxes(),
        refused_tombstones: refused_tombstones(),
        refused_capabilities: refused_capabilities(),
    }
}

fn stream(seed: [u8; 32], texts: &[&[u8]]) -> Stream {
    let root = Derived::new(&seed, 0);
    Stream {
        seed: hex(&seed),
        root_seed: hex(&root.root_seed),
        root_public: hex(&root.root_public),
        boxes: (0..).zip(texts).map(|(index, text)| stream_box(&seed, index, text)).collect(),
    }
}

fn stream_box(seed: &[u8; 32], index: u64, text: &[u8]) -> StreamBox {
    let derived = Derived::new(seed, index);
    let nonce = [u8::try_from(index).unwrap() + 1; 24];
    StreamBox {
        index,
        write_capability: hex(&derived.write_capability(index)),
        read_capability: hex(&derived.read_capability(index)),
        chain_state: hex(&derived.chain_state),
        encryption_secret: hex(&derived.encryption_secret),
        blinding_secret: hex(&derived.blinding_secret),
        blinding_factor: hex(&derived.blinding_factor),
        id: hex(&derived.id),
        box_key: hex(&derived.box_key),
        tombstone_key: hex(&derived.tombstone_key()),
        nonce: hex(&nonce),
        text: hex(text),
        sealed: hex(&derived.seal(nonce, text)),
        tombstone: hex(&derived.tombstone()),
    }
}

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1;
    bytes
}

fn replaced(bytes: &[u8], place: usize, replacement: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place..][..replacement.len()].copy_from_slice(replacement);
    bytes
}

/// The second half of the signature with the group order added: the same scalar, another encoding.
fn with_unreduced_scalar(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut carry = 0;
    for (byte, add) in bytes[64..96].iter_mut().zip(HEXLOWER.decode(L.as_bytes()).unwrap()) {
        let [low, high] = (u16::from(*byte) + u16::from(add) + carry).to_le_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    bytes
}

/// `id` and the signature of 64 zeros but for a first 1: with a neutral id, valid for every message unless
/// small orders are refused.
fn with_neutral_signature(id: [u8; 32], len: usize) -> Vec<u8> {
    let mut bytes = [id.as_slice(), &[1]].concat();
    bytes.resize(len, 0);
    bytes
}

fn neutral() -> [u8; 32] {
    EIGHT_TORSION[0].compress().to_bytes()
}

/// `p + 1` is another encoding of 1, the neutral element's `y`.
fn non_canonical() -> [u8; 32] {
    std::array::from_fn(|place| match place {
        0 => 0xee,
        31 => 0x7f,
        _ => 0xff,
    })
}

fn refused_boxes() -> Vec<RefusedBox> {
    let (first, sealed) = first_box();
    let second = Derived::new(&SEED, 1);
    let stranger = Derived::new(&[0x52; 32], 0).seal(NONCE, b"first");
    let signature = Some("box-signature");
    let refused = |name: &str, sealed: &[u8], label_mailbox: Option<&str>, label_reader: &str| RefusedBox {
        name: name.to_owned(),
        sealed: hex(sealed),
        label_mailbox: label_mailbox.map(str::to_owned),
        label_reader: label_reader.to_owned(),
    };
    let length = Some("box-length");
    let second_box = second.seal(NONCE, b"second");
    vec![
        refused("one byte short", &sealed[..BOX_LEN - 1], length, "box-length"),
        refused("one byte too long", &[&sealed[..], &[0]].concat(), length, "box-length"),
        refused("the next box of the stream", &second_box, None, "box-other-id"),
        refused("a box of another stream", &stranger, None, "box-other-id"),
        refused(
            "the next box under this box's id",
            &replaced(&second_box, 0, &first.id),
            signature,
            "box-signature",
        ),
        refused(
            "a box of another stream under this id",
            &replaced(&stranger, 0, &first.id),
            signature,
            "box-signature",
        ),
        refused("a bit of the signature's point flipped", &flipped(&sealed, 32), signature, "box-signature"),
        refused("a bit of the signature's scalar flipped", &flipped(&sealed, 64), signature, "box-signature"),
        refused(
            "the signature's scalar not reduced",
            &with_unreduced_scalar(&sealed),
            signature,
            "box-signature",
        ),
        refused("a bit of the nonce flipped", &flipped(&sealed, 96), signature, "box-signature"),
        refused("a bit of the sealed text flipped", &flipped(&sealed, 120), signature, "box-signature"),
        refused(
            "the last bit of the tag flipped",
            &flipped(&sealed, BOX_LEN - 1),
            signature,
            "box-signature",
        ),
        refused(
            "the id is the neutral element",
            &with_neutral_signature(neutral(), BOX_LEN),
            Some("box-id-small-order"),
            "box-other-id",
        ),
        refused(
            "the id is p + 1",
            &with_neutral_signature(non_canonical(), BOX_LEN),
            Some("box-id"),
            "box-other-id",
        ),
        refused(
            "sealed by the writer with a wrong key",
            &first.seal_padded(&[0; 32], NONCE, &[0x80; 1360]),
            None,
            "box-ciphertext",
        ),
        refused(
            "sealed by the writer without an end mark",
            &first.seal_padded(&first.box_key, NONCE, &[0; 1360]),
            None,
            "box-padding",
        ),
        refused(
            "sealed by the writer with a text to the end",
            &first.seal_padded(&first.box_key, NONCE, &[0x41; 1360]),
            None,
            "box-padding",
        ),
    ]
}

fn refused_tombstones() -> Vec<RefusedTombstone> {
    let (first, sealed) = first_box();
    let tombstone = first.tombstone();
    let next = Derived::new(&SEED, 1).tombstone();
    let refused =
        |name: &str, tombstone: &[u8], label_mailbox: Option<&str>, label_reader: &str| RefusedTombstone {
            name: name.to_owned(),
            tombstone: hex(tombstone),
            label_mailbox: label_mailbox.map(str::to_owned),
            label_reader: label_reader.to_owned(),
        };
    let signature = Some("box-signature");
    vec![
        refused("one byte short", &tombstone[..95], Some("box-length"), "box-length"),
        refused("the next box's tombstone", &next, None, "box-other-id"),
        refused(
            "the next box's tombstone under this id",
            &replaced(&next, 0, &first.id),
            signature,
            "box-signature",
        ),
        refused("the signature of the box", &sealed[..96], signature, "box-signature"),
        refused("a bit of the signature flipped", &flipped(&tombstone, 40), signature, "box-signature"),
        refused(
            "the signature's scalar not reduced",
            &with_unreduced_scalar(&tombstone),
            signature,
            "box-signature",
        ),
        refused(
            "the id is the neutral element",
            &with_neutral_signature(neutral(), 96),
            Some("box-id-small-order"),
            "box-other-id",
        ),
    ]
}

fn refused_capabilities() -> Vec<RefusedCapability> {
    let (first, _) = first_box();
    let (write, read, key) = (first.write_capability(0), first.read_capability(0), first.tombstone_key());
    let mixed = (ED25519_BASEPOINT_POINT + EIGHT_TORSION[1]).compress().to_bytes();
    let refused = |name: &str, read_as: &str, bytes: &[u8], label: &str| RefusedCapability {
        name: name.to_owned(),
        read_as: read_as.to_owned(),
        bytes: hex(bytes),
        label: label.to_owned(),
    };
    let root_key =
        |name: &str, key: &[u8]| refused(name, "read", &replaced(&read, 42, key), "capability-root-key");
    vec![
        refused("empty", "write", &[], "capability-length"),
        refused("one byte short", "read", &read[..73], "capability-length"),
        refused("one byte too long", "write", &[&write[..], &[0]].concat(), "capability-length"),
        refused("version 0", "write", &replaced(&write, 0, &[0]), "capability-version"),
        refused("version 2", "read", &replaced(&read, 0, &[2]), "capability-version"),
        refused("a read capability", "write", &read, "capability-kind"),
        refused("a write capability", "read", &write, "capability-kind"),
        root_key("the public key is the neutral element", &neutral()),
        root_key("the public key is p + 1", &non_canonical()),
        root_key("the public key has a part of order 8", &mixed),
        refused("one byte short", "tombstone-key", &key[..65], "capability-length"),
        refused("kind 1", "tombstone-key", &replaced(&key, 1, &[1]), "capability-kind"),
        refused("the scalar is zero", "tombstone-key", &replaced(&key, 2, &[0; 32]), "capability-scalar"),
        refused(
            "the scalar is the group order",
            "tombstone-key",
            &replaced(&key, 2, &HEXLOWER.decode(L.as_bytes()).unwrap()),
            "capability-scalar",
        ),
    ]
}
