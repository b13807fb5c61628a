//! Conformance with `docs/vectors/replay-log.json`: the format of `docs/spec/replay-log.md`, made again and read.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sotto_protocol::sphinx::{HopSecret, ReplayTag, TagHashKey};
use zeroize::Zeroizing;

use super::disk::Disk;
use super::{commit, loaded, open};
use crate::node::tag_log::format;

const EPOCH: u64 = 481_234;
const SECRET: [u8; 32] = [0x11; 32];
const RECORDS: [u8; 3] = [1, 3, 2];

fn published() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/replay-log.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The vectors, made from a fixed secret and fixed tags.
fn made() -> Value {
    let key = TagHashKey::derive(&HopSecret::from_bytes(Zeroizing::new(SECRET)));
    let disk = Disk::holding(format::header(EPOCH).to_vec());
    let mut log = open(EPOCH, &disk).unwrap();
    let mut number = 0;
    let records = RECORDS.map(|count| {
        let tags: Vec<ReplayTag> =
            (0..count).map(|at| ReplayTag::from_bytes([0xa0 + number + at; 32])).collect();
        number += count;
        let prints: Vec<_> = tags.iter().map(|tag| key.fingerprint(tag)).collect();
        let before = disk.bytes().len();
        commit(&mut log, &prints).unwrap();
        json!({
            "tags": tags.iter().map(|tag| hex(tag.as_bytes())).collect::<Vec<_>>(),
            "fingerprints": prints.iter().map(|print| hex(print.to_bytes())).collect::<Vec<_>>(),
            "record": hex(&disk.bytes()[before..]),
        })
    });
    json!({
        "about": [
            "A log of replay tags, as specified in docs/spec/replay-log.md. Bytes are hexadecimal.",
            "records: what each commit holds, and its bytes; file: all of the log of this epoch.",
            "torn: the file cut to a length, or bytes added to it, and how many tags are read.",
            "refused: bytes changed at an offset of the file, and the label.",
        ],
        "epoch": EPOCH,
        "hop_secret": hex(SECRET),
        "header": hex(format::header(EPOCH)),
        "records": records,
        "file": hex(disk.bytes()),
        "torn": [
            { "cut_to": 32, "add": "", "tags": 0 },
            { "cut_to": 33, "add": "", "tags": 0 },
            { "cut_to": 48, "add": "", "tags": 0 },
            { "cut_to": 49, "add": "", "tags": 1 },
            { "cut_to": 60, "add": "", "tags": 1 },
            { "cut_to": 80, "add": "000000000000000000", "tags": 4 },
            { "cut_to": 80, "add": "0001ffffffffffffff0000000000000000", "tags": 4 },
            { "cut_to": 104, "add": "0002", "tags": 6 },
        ],
        "refused": [
            { "at": 0, "xor": "01", "label": "tag-log-damaged" },
            { "at": 13, "xor": "03", "label": "tag-log-version" },
            { "at": 14, "xor": "01", "label": "tag-log-damaged" },
            { "at": 23, "xor": "01", "label": "tag-log-damaged" },
            { "at": 31, "xor": "80", "label": "tag-log-damaged" },
            { "at": 33, "xor": "02", "label": "tag-log-damaged" },
            { "at": 40, "xor": "01", "label": "tag-log-damaged" },
            { "at": 60, "xor": "01", "label": "tag-log-damaged" },
        ],
    })
}

#[test]
fn the_log_is_made_again_as_published() {
    let made = made();
    assert_eq!(published(), made, "{}", serde_json::to_string_pretty(&made).unwrap());
}

#[test]
fn the_log_is_read_as_published() {
    let published = published();
    let key = TagHashKey::derive(&HopSecret::from_bytes(Zeroizing::new(
        bytes(&published["hop_secret"]).try_into().unwrap(),
    )));
    let epoch = published["epoch"].as_u64().unwrap();
    let file = bytes(&published["file"]);
    let parts = std::iter::once(&published["header"])
        .chain(published["records"].as_array().unwrap().iter().map(|record| &record["record"]));
    assert_eq!(parts.flat_map(bytes).collect::<Vec<_>>(), file);
    let expected: Vec<_> = published["records"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|record| record["tags"].as_array().unwrap())
        .map(|tag| key.fingerprint(&ReplayTag::from_bytes(bytes(tag).try_into().unwrap())))
        .collect();
    assert_eq!(loaded(&open(epoch, &Disk::holding(file.clone())).unwrap()), expected);
    for torn in published["torn"].as_array().unwrap() {
        let cut = usize::try_from(torn["cut_to"].as_u64().unwrap()).unwrap();
        let torn_file = [&file[..cut], &bytes(&torn["add"])].concat();
        let tags = usize::try_from(torn["tags"].as_u64().unwrap()).unwrap();
        assert_eq!(loaded(&open(epoch, &Disk::holding(torn_file)).unwrap()), expected[..tags], "{torn}");
    }
    for refused in published["refused"].as_array().unwrap() {
        let mut changed = file.clone();
        let at = usize::try_from(refused["at"].as_u64().unwrap()).unwrap();
        for (byte, mask) in changed[at..].iter_mut().zip(bytes(&refused["xor"])) {
            *byte ^= mask;
        }
        let error = open(epoch, &Disk::holding(changed)).unwrap_err();
        assert_eq!(error.label(), refused["label"].as_str().unwrap(), "{refused}");
    }
}
