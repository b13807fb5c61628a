//! Conformance with `docs/vectors/vault.json`: the formats of `docs/vault.md`, made again and opened.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::*;
use crate::vault::header::{unwrap, wrap};
use crate::vault::manifest::Manifest;
use crate::vault::seal::VaultKeys;

const VAULT_KEY: [u8; 32] = [0x11; 32];
const PASSPHRASE: &str = "correct horse battery staple";

fn published() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/vault.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys() -> VaultKeys {
    VaultKeys::derive(&VaultKey(Zeroizing::new(VAULT_KEY))).unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The vectors, made from fixed secrets and a seeded generator.
fn made() -> Value {
    let (mut rng, keys) = (rng(7), keys());
    let header =
        wrap(&VaultKey(Zeroizing::new(VAULT_KEY)), &passphrase(PASSPHRASE), floor(), &mut rng).unwrap();
    let mut manifest = Manifest::empty();
    let mut record = |number: u8, value: &[u8]| {
        let key = key(number);
        let name = keys.name(&key).unwrap();
        let sealed = keys.seal(&key, &name, value, &mut rng).unwrap();
        let entry = keys.entry(&name, &sealed).unwrap();
        manifest.generation += 1;
        manifest.add(&entry);
        json!({
            "kind": key.kind.number(),
            "id": hex(key.id),
            "value": hex(value),
            "name": hex(name),
            "sealed": hex(sealed),
            "entry": hex(entry),
        })
    };
    let records = [record(1, b""), record(2, b"a value"), record(3, &[0x33; 300])];
    let sealed_manifest = manifest.seal(&keys, &mut rng).unwrap();
    let mut witness = vec![1];
    witness.extend(manifest.generation.to_be_bytes());
    witness.extend(keys.check(b"sotto/vault/v1/witness", &witness).unwrap());
    let swapped =
        json!({ "name": records[0]["name"], "sealed": records[1]["sealed"], "label": "vault-damaged" });
    let mut cut = bytes(&records[1]["sealed"]);
    cut.pop();
    let shortened = json!({ "name": records[1]["name"], "sealed": hex(cut), "label": "vault-damaged" });
    json!({
        "about": [
            "The vault file's formats, as specified in docs/vault.md. Bytes are hexadecimal.",
            "header: opens with the passphrase and gives the vault key; wrong_passphrase does not open it.",
            "records, manifest, witness: under that vault key; the manifest is of the three records.",
            "refused_headers: bytes changed at an offset, and the label; refused_records: likewise.",
        ],
        "passphrase": PASSPHRASE,
        "wrong_passphrase": "correct horse battery stapler",
        "vault_key": hex(VAULT_KEY),
        "header": hex(header),
        "records": records,
        "manifest": { "generation": manifest.generation, "count": manifest.count, "sealed": hex(sealed_manifest) },
        "witness": hex(witness),
        "refused_headers": [
            { "at": 0, "xor": "03", "label": "vault-damaged" },
            { "at": 4, "xor": "ffffffff", "label": "vault-damaged" },
            { "at": 16, "xor": "01", "label": "vault-damaged" },
            { "at": 100, "xor": "80", "label": "vault-damaged" },
            { "at": 127, "xor": "01", "label": "vault-damaged" },
        ],
        "refused_records": [swapped, shortened],
    })
}

#[test]
fn the_published_vectors_can_be_made_again() {
    assert_eq!(published(), made());
}

#[test]
fn the_published_vectors_open() {
    let (published, keys) = (published(), keys());
    let header = bytes(&published["header"]);
    let opened = unwrap(&header, &passphrase(published["passphrase"].as_str().unwrap())).unwrap();
    assert_eq!(opened.0.to_vec(), bytes(&published["vault_key"]));
    let wrong = passphrase(published["wrong_passphrase"].as_str().unwrap());
    assert_eq!(unwrap(&header, &wrong).unwrap_err().label(), "wrong-passphrase");
    for record in published["records"].as_array().unwrap() {
        let name = bytes(&record["name"]).try_into().unwrap();
        let (key, value) = keys.open(&name, &bytes(&record["sealed"])).unwrap();
        assert_eq!(
            (u64::from(key.kind.number()), key.id.to_vec()),
            (record["kind"].as_u64().unwrap(), bytes(&record["id"]))
        );
        assert_eq!(value.to_vec(), bytes(&record["value"]));
    }
    let manifest = Manifest::open(&keys, &bytes(&published["manifest"]["sealed"])).unwrap();
    let entries: Vec<[u8; 32]> = published["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| bytes(&record["entry"]).try_into().unwrap())
        .collect();
    assert_eq!(manifest, Manifest::of(manifest.generation, entries.iter()));
}

#[test]
fn the_published_negative_vectors_are_refused_with_their_labels() {
    let (published, keys) = (published(), keys());
    for case in published["refused_headers"].as_array().unwrap() {
        let mut header = bytes(&published["header"]);
        let at = usize::try_from(case["at"].as_u64().unwrap()).unwrap();
        for (offset, change) in bytes(&case["xor"]).into_iter().enumerate() {
            header[at + offset] ^= change;
        }
        assert_eq!(
            unwrap(&header, &passphrase(PASSPHRASE)).unwrap_err().label(),
            case["label"].as_str().unwrap()
        );
    }
    for case in published["refused_records"].as_array().unwrap() {
        let name = bytes(&case["name"]).try_into().unwrap();
        let refused = keys.open(&name, &bytes(&case["sealed"])).unwrap_err();
        assert_eq!(refused.label(), case["label"].as_str().unwrap());
    }
}
