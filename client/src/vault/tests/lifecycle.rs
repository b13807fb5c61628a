//! Making, opening, crashing and failing.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let mut vault = Vault::create(&path, &mut credentials("one two three"), floor(), rng(1)).unwrap();
    assert_eq!(records(&vault).unwrap(), []);
    vault.commit(vec![put(1, b"first"), put(2, b"second"), put(1, b"last wins")]).unwrap();
    vault.commit(vec![Change::Delete { key: key(9) }]).unwrap();
    drop(vault);
    let vault = Vault::open(&path, &mut credentials("one two three"), rng(2)).unwrap();
    assert_eq!(records(&vault).unwrap(), [(key(1), b"last wins".to_vec()), (key(2), b"second".to_vec())]);
}

#[test]
fn a_wrong_passphrase_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let mut vault = Vault::create(&path, &mut credentials("one two three"), floor(), rng(1)).unwrap();
    vault.commit(vec![put(1, SECRET)]).unwrap();
    drop(vault);
    for wrong in ["one two thre", "one two three ", "One two three"] {
        let refused = Vault::open(&path, &mut credentials(wrong), rng(2)).unwrap_err();
        assert_eq!(refused.label(), "wrong-passphrase");
    }
    let vault = Vault::open(&path, &mut credentials("one two three"), rng(2)).unwrap();
    assert_eq!(records(&vault).unwrap(), [(key(1), SECRET.to_vec())]);
}

#[test]
fn a_vault_is_never_made_over_another_and_a_missing_one_is_named() {
    let fixture = Fixture::new();
    let before = std::fs::read(fixture.path()).unwrap();
    let refused = Vault::create(&fixture.path(), &mut credentials("x"), floor(), rng(3)).unwrap_err();
    assert_eq!(refused.label(), "vault-exists");
    assert_eq!(std::fs::read(fixture.path()).unwrap(), before);
    let missing =
        Vault::open(&fixture.directory.path().join("other"), &mut credentials("x"), rng(3)).unwrap_err();
    assert_eq!(missing.label(), "vault-missing");
    assert!(missing.to_string().contains("sotto init"), "{missing}");
}

#[test]
fn a_vault_that_is_open_is_busy() {
    let fixture = Fixture::new();
    let _vault = fixture.open(&fixture.path()).unwrap();
    assert_eq!(fixture.open(&fixture.path()).unwrap_err().label(), "vault-busy");
}

#[test]
fn an_interrupted_creation_leaves_no_vault_and_does_not_hinder_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let unfinished = directory.path().join("vault.redb.new");
    for left_over in [b"".as_slice(), b"half a header", &[0; 70_000]] {
        std::fs::write(&unfinished, left_over).unwrap();
        assert_eq!(Vault::open(&path, &mut credentials("x"), rng(1)).unwrap_err().label(), "vault-missing");
        drop(Vault::create(&path, &mut credentials("x"), floor(), rng(1)).unwrap());
        assert!(!unfinished.exists());
        assert!(Vault::open(&path, &mut credentials("x"), rng(1)).is_ok());
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn every_commit_that_returned_survives_a_kill() {
    let fixture = Fixture::new();
    let mut vault = fixture.open(&fixture.path()).unwrap();
    for n in 100..110 {
        vault.commit(vec![put(n, SECRET)]).unwrap();
        // What the file holds while the vault is open is what a killed process leaves behind.
        let left_behind = fixture.open_bytes(&std::fs::read(fixture.path()).unwrap()).unwrap();
        assert_eq!(left_behind, records(&vault).unwrap());
    }
}

#[test]
fn the_files_are_for_their_owner_only() {
    let fixture = Fixture::new();
    for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[test]
fn a_record_that_is_too_long_is_refused_and_the_vault_goes_on() {
    let fixture = Fixture::new();
    let mut vault = fixture.open(&fixture.path()).unwrap();
    let too_long = vec![0; super::super::RECORD_VALUE_LEN_MAX + 1];
    assert_eq!(vault.commit(vec![put(1, b"lost"), put(2, &too_long)]).unwrap_err().label(), "store-io");
    assert_eq!(records(&vault).unwrap(), fixture.records);
    vault.commit(vec![put(1, b"kept")]).unwrap();
    assert_eq!(records(&vault).unwrap()[1].1, b"kept");
}

#[test]
fn after_a_failed_commit_the_file_is_opened_afresh() {
    let fixture = Fixture::new();
    let mut vault = fixture.open(&fixture.path()).unwrap();
    *vault.content.get_mut().unwrap() = None;
    assert_eq!(records(&vault).unwrap(), fixture.records);
    *vault.content.get_mut().unwrap() = None;
    vault.commit(vec![put(1, b"after")]).unwrap();
    assert_eq!(records(&vault).unwrap()[1].1, b"after");
}
