//! The formats: what the header refuses, what sizes records take, what can be read in the file.

use super::*;
use crate::vault::header::{HEADER_LEN, HEADER_VERSION, unwrap, wrap};
use crate::vault::manifest::Manifest;
use crate::vault::seal::{PADDED_LEN_MIN, RECORD_VALUE_LEN_MAX, VaultKeys};

fn keys() -> VaultKeys {
    VaultKeys::derive(&VaultKey(Zeroizing::new([5; 32]))).unwrap()
}

#[test]
fn the_header_opens_with_its_passphrase_only_and_any_flipped_bit_is_damage() {
    let key = VaultKey(Zeroizing::new([9; 32]));
    let header = wrap(&key, &passphrase("right"), floor(), &mut rng(1)).unwrap();
    assert_eq!(header.len(), HEADER_LEN);
    assert_eq!(unwrap(&header, &passphrase("right")).unwrap().0, key.0);
    assert_eq!(unwrap(&header, &passphrase("wrong")).unwrap_err().label(), "wrong-passphrase");
    for offset in 0..HEADER_LEN {
        let mut damaged = header;
        damaged[offset] ^= 1 << (offset % 8);
        assert_eq!(
            unwrap(&damaged, &passphrase("right")).unwrap_err().label(),
            "vault-damaged",
            "at {offset}"
        );
    }
    for len in 0..HEADER_LEN {
        assert_eq!(unwrap(&header[..len], &passphrase("right")).unwrap_err().label(), "vault-damaged");
    }
}

/// Puts the right checksum under a changed header.
fn with_checksum(mut header: [u8; HEADER_LEN]) -> [u8; HEADER_LEN] {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new()
        .chain_update(b"sotto/vault/v1/header")
        .chain_update(&header[..HEADER_LEN - 8])
        .finalize();
    header[HEADER_LEN - 8..].copy_from_slice(&digest[..8]);
    header
}

#[test]
fn a_header_that_was_rewritten_on_purpose_is_refused_by_name() {
    let header =
        wrap(&VaultKey(Zeroizing::new([9; 32])), &passphrase("right"), floor(), &mut rng(1)).unwrap();
    let label = |change: &dyn Fn(&mut [u8; HEADER_LEN])| {
        let mut changed = header;
        change(&mut changed);
        unwrap(&with_checksum(changed), &passphrase("right")).unwrap_err().label()
    };
    assert_eq!(label(&|h| h[0] = HEADER_VERSION + 1), "vault-version");
    assert_eq!(label(&|h| h[1] = 2), "vault-damaged");
    assert_eq!(label(&|h| h[2] = 1), "vault-damaged");
    assert_eq!(label(&|h| h[4..8].copy_from_slice(&u32::MAX.to_be_bytes())), "argon2-cost");
    assert_eq!(label(&|h| h[4..8].copy_from_slice(&63u32.to_be_bytes())), "argon2-cost");
    assert_eq!(label(&|h| h[8..12].copy_from_slice(&u32::MAX.to_be_bytes())), "argon2-cost");
    assert_eq!(label(&|h| h[12..16].copy_from_slice(&0u32.to_be_bytes())), "argon2-cost");
    assert_eq!(label(&|h| h[8..12].copy_from_slice(&2u32.to_be_bytes())), "wrong-passphrase");
    assert_eq!(label(&|h| h[20] ^= 1), "wrong-passphrase");
    assert_eq!(label(&|h| h[80] ^= 1), "wrong-passphrase");
}

#[test]
fn argon2id_never_runs_with_less_than_64_mib() {
    assert_eq!(Argon2Cost::with_mib(63).unwrap_err().label(), "argon2-cost");
    assert_eq!(Argon2Cost::with_mib(0).unwrap_err().label(), "argon2-cost");
    assert_eq!(Argon2Cost::with_mib(4097).unwrap_err().label(), "argon2-cost");
    assert!(Argon2Cost::with_mib(64).is_ok());
    insta::assert_snapshot!(format!("{:?}", Argon2Cost::default()), @"Argon2Cost { mib: 256, passes: 3, lanes: 4 }");
}

#[test]
fn sealed_lengths_are_powers_of_two_and_tell_no_more() {
    let keys = keys();
    let name = keys.name(&key(1)).unwrap();
    let sealed_len = |len: usize| keys.seal(&key(1), &name, &vec![1; len], &mut rng(1)).unwrap().len() - 40;
    assert_eq!(sealed_len(0), PADDED_LEN_MIN);
    assert_eq!(sealed_len(234), 256);
    assert_eq!(sealed_len(235), 512);
    assert_eq!(sealed_len(490), 512);
    assert_eq!(sealed_len(1360), 2048);
    assert_eq!(sealed_len(RECORD_VALUE_LEN_MAX), 2 * RECORD_VALUE_LEN_MAX);
    let refused = keys.seal(&key(1), &name, &vec![1; RECORD_VALUE_LEN_MAX + 1], &mut rng(1));
    assert_eq!(refused.unwrap_err().label(), "record-length");
}

#[test]
fn the_same_value_sealed_twice_looks_different() {
    let (keys, mut rng) = (keys(), rng(1));
    let name = keys.name(&key(1)).unwrap();
    let first = keys.seal(&key(1), &name, SECRET, &mut rng).unwrap();
    let second = keys.seal(&key(1), &name, SECRET, &mut rng).unwrap();
    assert_ne!(first, second);
    assert_eq!(keys.open(&name, &first).unwrap(), keys.open(&name, &second).unwrap());
}

#[test]
fn record_names_are_blinded_and_differ_by_kind_and_id() {
    let keys = keys();
    let other = RecordKey { kind: RecordKind::Contact, ..key(1) };
    let names = [keys.name(&key(1)).unwrap(), keys.name(&key(2)).unwrap(), keys.name(&other).unwrap()];
    assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
    let elsewhere = VaultKeys::derive(&VaultKey(Zeroizing::new([6; 32]))).unwrap();
    assert_ne!(elsewhere.name(&key(1)).unwrap(), names[0]);
}

#[test]
fn no_plaintext_and_no_record_id_is_in_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let mut vault = Vault::create(&path, &mut credentials("correct horse"), floor(), rng(1)).unwrap();
    for n in 0..40 {
        vault.commit(vec![put(n, SECRET), put(n, &SECRET.repeat(50))]).unwrap();
    }
    vault.commit((0..20).map(|n| Change::Delete { key: key(n) }).collect()).unwrap();
    drop(vault);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&SECRET[..8]) && !holds(&SECRET[SECRET.len() - 8..]));
        assert!(!holds(b"correct horse"));
        assert!((0..40).all(|n| n == 0 || !holds(&key(n).id)), "an id in the clear");
    }
}

#[test]
fn debug_of_secrets_shows_nothing() {
    let fixture = Fixture::new();
    let vault = fixture.open(&fixture.path()).unwrap();
    insta::assert_snapshot!(format!("{vault:?}"), @"Vault([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", keys()), @"VaultKeys([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", VaultKey(Zeroizing::new([5; 32]))), @"VaultKey([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", passphrase("correct horse")), @"Passphrase([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", Manifest::empty()), @"Manifest(generation 1, 0 records)");
}

#[test]
fn a_passphrase_is_neither_empty_nor_endless() {
    let new = |len: usize| Passphrase::new(Zeroizing::new(vec![b'x'; len])).map_err(|error| error.label());
    assert_eq!(new(0).unwrap_err(), "passphrase-length");
    assert_eq!(new(1025).unwrap_err(), "passphrase-length");
    assert!(new(1).is_ok() && new(1024).is_ok());
}
