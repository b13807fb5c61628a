//! Costs, layouts and what `Debug` shows.

use std::time::Duration;

use super::*;
use crate::vault::cell::{self, RecordId};
use crate::vault::keys::{VaultKey, VaultKeys};
use crate::vault::keys_file::{HEADER_LEN, Header};
use crate::vault::rings::{Ring, Root};
use crate::vault::slot_list;
use crate::vault::{TokenError, erasure, slot, unlock};

#[test]
fn argon2id_never_runs_with_less_than_64_mib() {
    assert_eq!(Argon2Cost::with_mib(63).unwrap_err().label(), "argon2-cost");
    assert_eq!(Argon2Cost::with_mib(0).unwrap_err().label(), "argon2-cost");
    assert_eq!(Argon2Cost::with_mib(4097).unwrap_err().label(), "argon2-cost");
    insta::assert_snapshot!(format!("{:?}", Argon2Cost::default()), @"Argon2Cost { mib: 256, passes: 3, lanes: 4 }");
}

#[test]
fn calibration_raises_passes_to_the_target_and_never_goes_below_the_default() {
    let calibrate = |target_ms: u64, mib_max: u32, pass_ms: u64| {
        let cost = Argon2Cost::calibrate(Duration::from_millis(target_ms), mib_max, |cost| {
            assert_eq!(cost.passes(), 1);
            Ok(Duration::from_millis(pass_ms))
        });
        cost.map(|cost| (cost.mib(), cost.passes(), cost.lanes())).map_err(|error| error.label())
    };
    assert_eq!(calibrate(1000, 4096, 100), Ok((256, 10, 4)));
    assert_eq!(calibrate(1000, 128, 50), Ok((128, 20, 4)));
    assert_eq!(calibrate(100, 4096, 100), Ok((256, 3, 4)));
    assert_eq!(calibrate(1_000_000, 4096, 0), Ok((256, 64, 4)));
    assert_eq!(calibrate(1000, 63, 50), Err("argon2-cost"));
    let failing =
        Argon2Cost::calibrate(Duration::from_secs(1), 4096, |_| Err(VaultError::Argon2Memory { mib: 256 }));
    assert_eq!(failing.unwrap_err().label(), "argon2-memory");
}

/// Puts the right checksum under a changed header.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = HEADER_LEN - 32;
    let check = Sha256::new().chain_update(b"sotto/vault/v2/keys").chain_update(&bytes[..body]).finalize();
    bytes[body..].copy_from_slice(&check);
    bytes
}

#[test]
fn a_header_that_was_rewritten_on_purpose_is_refused_by_name() {
    let header = Header::new(floor(), &mut rng(1));
    let label = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = header.encode();
        change(&mut bytes);
        Header::decode(&with_checksum(bytes)).map(drop).map_err(|error| error.label())
    };
    assert_eq!(header.encode().len(), HEADER_LEN);
    assert_eq!(label(&|_| ()), Ok(()));
    assert_eq!(label(&|h| h[0] = 3), Err("vault-version"));
    assert_eq!(label(&|h| h[1] = 2), Err("vault-damaged"));
    assert_eq!(label(&|h| h[2] = 1), Err("vault-damaged"));
    for (at, number) in [(4, u32::MAX), (4, 63), (8, u32::MAX), (8, 0), (12, 0), (12, 65)] {
        assert_eq!(label(&|h| h[at..at + 4].copy_from_slice(&number.to_be_bytes())), Err("argon2-cost"));
    }
}

#[test]
fn the_same_value_sealed_twice_looks_different_and_names_are_blinded() {
    let keys = VaultKeys::derive(VaultKey(Zeroizing::new([5; 32]))).unwrap();
    let elsewhere = VaultKeys::derive(VaultKey(Zeroizing::new([6; 32]))).unwrap();
    let record = RecordId::from(key(1));
    let names = [
        keys.name(&record, 0).unwrap(),
        keys.name(&record, 1).unwrap(),
        keys.name(&RecordId { kind: 2, ..record }, 0).unwrap(),
        elsewhere.name(&record, 0).unwrap(),
    ];
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    let (cell_key, mut rng) = (Zeroizing::new([7; 32]), rng(1));
    let mut seal = || cell::seal(&cell_key, &names[0], &record, (0, 1), SECRET, &mut rng).unwrap();
    let (first, second) = (seal(), seal());
    assert_ne!(first, second);
    assert_eq!(
        cell::open(&cell_key, &names[0], &first).unwrap(),
        cell::open(&cell_key, &names[0], &second).unwrap()
    );
    assert_eq!(cell::open(&cell_key, &names[1], &first).unwrap_err().label(), "vault-damaged");
}

#[test]
fn a_passphrase_is_neither_empty_nor_endless() {
    let new = |len: usize| Passphrase::new(Zeroizing::new(vec![b'x'; len])).map_err(|error| error.label());
    assert_eq!(new(0).unwrap_err(), "passphrase-length");
    assert_eq!(new(1025).unwrap_err(), "passphrase-length");
    assert!(new(1).is_ok() && new(1024).is_ok());
}

#[test]
fn debug_of_secrets_shows_nothing() {
    let (disk, _) = fixture();
    let vault = open(&disk, credentials("correct horse")).unwrap();
    insta::assert_snapshot!(format!("{vault:?}"), @"Vault([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", vault.keys), @"VaultKeys([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", vault.keys.vault()), @"VaultKey([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", vault.content.lock().unwrap().as_ref().unwrap()), @"Content(generation 4, 2048 cells; [scrubbed])");
    insta::assert_snapshot!(format!("{:?}", passphrase("correct horse")), @"Passphrase([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", key_file(1)), @"KeyFile([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", RecoveryWords::generate(&mut rng(1))), @"RecoveryWords([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", SoftwareToken::new([1; 32])), @"SoftwareToken([scrubbed])");
    let mut given = Credentials { key_file: Some(key_file(1)), ..credentials("secret") };
    insta::assert_snapshot!(format!("{given:?}"), @"Credentials(passphrase + key-file; [scrubbed])");
    let mut outputs = unlock::Outputs::of(&mut given, floor(), &[1; 32], quick).unwrap();
    insta::assert_snapshot!(format!("{outputs:?}"), @"Outputs(passphrase + key-file; [scrubbed])");
    let bytes = slot::seal(0, vault.keys.vault(), false, &mut outputs, &mut rng(1)).unwrap();
    let opened = slot::open(0, &bytes, outputs.factors(), &mut outputs).unwrap().unwrap();
    insta::assert_snapshot!(format!("{opened:?}"), @"OpenedSlot([scrubbed])");
    insta::assert_snapshot!(format!("{:?}", Ring::empty(&mut rng(1))), @"Ring(0 keys; [scrubbed])");
    let root = Root { generation: 1, cells: 2048, ring_keys: Vec::new() };
    insta::assert_snapshot!(format!("{root:?}"), @"Root(generation 1, 2048 cells; [scrubbed])");
    let entry = erasure::Entry { generation: 1, key: Zeroizing::new([1; 32]) };
    insta::assert_snapshot!(format!("{entry:?}"), @"Entry(generation 1, [scrubbed])");
    let cell = cell::Cell { record: key(1).into(), part: 0, parts: 1, data: Zeroizing::new(vec![1; 3]) };
    insta::assert_snapshot!(format!("{cell:?}"), @"Cell(part 0 of 1, [scrubbed; 3])");
}

#[test]
fn errors_say_what_was_given_and_the_labels_are_their_own() {
    let error = VaultError::from(TokenError::Absent);
    assert_eq!((error.label(), error.to_string().contains("plug it in")), ("token-absent", true));
    assert_eq!(TokenError::Refused("x".into()).label(), "token-refused");
    assert_eq!(TokenError::Failed("x".into()).label(), "token-failed");
    assert_eq!(slot_list::decode(&[0; 10]).unwrap_err().label(), "vault-damaged");
}
