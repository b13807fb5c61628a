//! Conformance with `docs/vectors/vault.json`: the formats of `docs/vault.md`, made again and opened.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::*;
use crate::vault::cell::{self, RecordId};
use crate::vault::erasure::{Entry, open_entry, seal_entry};
use crate::vault::keys::{VaultKey, VaultKeys};
use crate::vault::keys_file::Header;
use crate::vault::rings::{Ring, Root, ring_capacity};
use crate::vault::slot;
use crate::vault::unlock::Outputs;

const VAULT_KEY: [u8; 32] = [0x11; 32];
const ERASURE_KEY: [u8; 32] = [0x22; 32];
const PASSPHRASE: &str = "correct horse battery staple";
const KEY_FILE: [u8; 40] = [0x33; 40];
const TOKEN: [u8; 32] = [0x44; 32];

fn published() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/vault.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys() -> VaultKeys {
    VaultKeys::derive(VaultKey(Zeroizing::new(VAULT_KEY))).unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn words() -> RecoveryWords {
    RecoveryWords::generate(&mut rng(8))
}

/// The factors of the slot with this number, from what the vectors say.
fn factors_of(number: u64) -> Credentials {
    match number {
        0 => credentials(PASSPHRASE),
        1 => Credentials {
            key_file: Some(KeyFile::from_bytes(Zeroizing::new(KEY_FILE.to_vec())).unwrap()),
            token: Some(Box::new(SoftwareToken::new(TOKEN))),
            ..Credentials::default()
        },
        2 => Credentials { words: Some(words()), ..Credentials::default() },
        _ => credentials("under duress"),
    }
}

/// The vectors, made from fixed secrets and a seeded generator.
fn made() -> Value {
    let (mut rng, keys) = (rng(7), keys());
    let mut header = Header::new(floor(), &mut rng);
    for number in 0..4u8 {
        let mut given = factors_of(number.into());
        let mut outputs = Outputs::of(&mut given, floor(), &header.salt, Argon2Cost::derive).unwrap();
        let other = VaultKey(Zeroizing::new([0x55; 32]));
        let key = if number == 3 { &other } else { keys.vault() };
        let bytes = slot::seal(number, key, number == 3, &mut outputs, &mut rng).unwrap();
        header = header.with_slot(number, bytes);
    }
    let mut rings: Vec<Ring> = (0..256).map(|_| Ring::empty(&mut rng)).collect();
    let mut cell = |number: u16, part: (u16, u16), value: &[u8]| {
        let record = RecordId::from(key(number));
        let name = keys.name(&record, part.0).unwrap();
        let cell_key = Zeroizing::new([u8::try_from(number + part.0).unwrap(); 32]);
        let sealed = cell::seal(&cell_key, &name, &record, part, value, &mut rng).unwrap();
        rings[usize::from(name[0])].cells.insert(name, cell_key.clone());
        json!({
            "kind": record.kind, "id": hex(record.id), "part": part.0, "parts": part.1, "data": hex(value),
            "name": hex(name), "key": hex(*cell_key), "sealed": hex(sealed),
        })
    };
    let cells = [
        cell(1, (0, 1), b""),
        cell(2, (0, 1), b"a value"),
        cell(3, (0, 2), &[0x66; 1000]),
        cell(3, (1, 2), &[0x66; 5]),
    ];
    let number = bytes(&cells[1]["name"])[0];
    let ring = &rings[usize::from(number)];
    let sealed_ring = ring.seal(number, ring_capacity(2048), &mut rng).unwrap();
    let ring_key = hex(*ring.key);
    let root =
        Root { generation: 7, cells: 2048, ring_keys: rings.iter().map(|ring| ring.key.clone()).collect() };
    let erasure = Entry { generation: 7, key: Zeroizing::new(ERASURE_KEY) };
    let sealed_root = root.seal(&keys.root(&erasure.key).unwrap(), &mut rng).unwrap();
    let entry = seal_entry(&keys.erasure, 1, &erasure, &mut rng).unwrap();
    let mut cut = bytes(&cells[1]["sealed"]);
    cut.pop();
    json!({
        "about": [
            "The formats of a vault's files, as specified in docs/vault.md. Bytes are hexadecimal.",
            "keys_copy: one copy of vault.keys. Slot 0 opens with passphrase, slot 1 with key_file and the software token,",
            "slot 2 with words, slot 3 with duress_passphrase; the first three give vault_key, the last duress_key.",
            "cells, ring, root, erasure_entry: under vault_key; the ring is the one of the second cell.",
            "refused_keys: bytes changed at an offset, and the label; refused_cells: a name, a key and bytes that do not fit.",
        ],
        "passphrase": PASSPHRASE,
        "wrong_passphrase": "correct horse battery stapler",
        "key_file": hex(KEY_FILE),
        "software_token": hex(TOKEN),
        "words": *words().words(),
        "duress_passphrase": "under duress",
        "vault_key": hex(VAULT_KEY),
        "duress_key": hex([0x55; 32]),
        "keys_copy": hex(header.encode()),
        "cells": cells,
        "ring": { "number": number, "key": ring_key, "sealed": hex(sealed_ring) },
        "root": { "generation": 7, "cells": 2048, "erasure_key": hex(ERASURE_KEY), "sealed": hex(sealed_root) },
        "erasure_entry": { "number": 1, "sealed": hex(entry) },
        "refused_keys": [
            { "at": 0, "xor": "03", "label": "vault-damaged" },
            { "at": 4, "xor": "ffffffff", "label": "vault-damaged" },
            { "at": 60, "xor": "80", "label": "vault-damaged" },
            { "at": 2335, "xor": "01", "label": "vault-damaged" },
        ],
        "refused_cells": [
            { "name": cells[0]["name"], "key": cells[1]["key"], "sealed": cells[1]["sealed"], "label": "vault-damaged" },
            { "name": cells[1]["name"], "key": cells[0]["key"], "sealed": cells[1]["sealed"], "label": "vault-damaged" },
            { "name": cells[1]["name"], "key": cells[1]["key"], "sealed": hex(cut), "label": "vault-damaged" },
        ],
    })
}

#[test]
fn the_published_vectors_can_be_made_again() {
    assert_eq!(published(), made());
}

#[test]
fn the_published_vectors_open() {
    let (published, keys) = (published(), keys());
    let header = Header::decode(&bytes(&published["keys_copy"])).unwrap();
    for (number, expected) in [(0, "vault_key"), (1, "vault_key"), (2, "vault_key"), (3, "duress_key")] {
        let mut given = factors_of(number);
        let mut outputs = Outputs::of(&mut given, header.cost, &header.salt, Argon2Cost::derive).unwrap();
        let (found, opened) = header.unlock_or_refuse(&mut outputs).unwrap();
        assert_eq!((u64::from(found), opened.content.is_duress), (number, number == 3));
        assert_eq!(opened.content.key.0.to_vec(), bytes(&published[expected]));
    }
    let mut wrong = credentials(published["wrong_passphrase"].as_str().unwrap());
    let mut outputs = Outputs::of(&mut wrong, header.cost, &header.salt, Argon2Cost::derive).unwrap();
    assert_eq!(header.unlock_or_refuse(&mut outputs).unwrap_err().label(), "wrong-passphrase");

    let entry = open_entry(&keys.erasure, 1, &bytes(&published["erasure_entry"]["sealed"])).unwrap();
    let root_key = keys.root(&entry.key).unwrap();
    let root = Root::open(&root_key, &bytes(&published["root"]["sealed"])).unwrap().unwrap();
    assert_eq!((root.generation, entry.generation, root.cells), (7, 7, 2048));
    let number = u8::try_from(published["ring"]["number"].as_u64().unwrap()).unwrap();
    let ring_key = root.ring_keys[usize::from(number)].clone();
    let ring = Ring::open(ring_key, number, &bytes(&published["ring"]["sealed"])).unwrap();
    let name = bytes(&published["cells"][1]["name"]);
    assert_eq!(ring.cells[name.as_slice()].to_vec(), bytes(&published["cells"][1]["key"]));
    for published in published["cells"].as_array().unwrap() {
        let name = bytes(&published["name"]).try_into().unwrap();
        let key = Zeroizing::new(bytes(&published["key"]).try_into().unwrap());
        let cell = cell::open(&key, &name, &bytes(&published["sealed"])).unwrap();
        assert_eq!(cell.data.to_vec(), bytes(&published["data"]));
        assert_eq!(keys.name(&cell.record, cell.part).unwrap(), name);
    }
}

#[test]
fn the_published_negative_vectors_are_refused_with_their_labels() {
    let published = published();
    for case in published["refused_keys"].as_array().unwrap() {
        let mut header = bytes(&published["keys_copy"]);
        let at = usize::try_from(case["at"].as_u64().unwrap()).unwrap();
        for (offset, change) in bytes(&case["xor"]).into_iter().enumerate() {
            header[at + offset] ^= change;
        }
        assert_eq!(Header::decode(&header).unwrap_err().label(), case["label"].as_str().unwrap());
    }
    for case in published["refused_cells"].as_array().unwrap() {
        let name = bytes(&case["name"]).try_into().unwrap();
        let key = Zeroizing::new(bytes(&case["key"]).try_into().unwrap());
        let refused = cell::open(&key, &name, &bytes(&case["sealed"])).unwrap_err();
        assert_eq!(refused.label(), case["label"].as_str().unwrap());
    }
}
