//! Making, opening, failing, wiping: on real files, with Argon2id at its floor.

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
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            entry.path().display()
        );
    }
    let wrong = Vault::open(&path, &mut credentials("one two three "), rng(2)).unwrap_err();
    assert_eq!(wrong.label(), "wrong-passphrase");
    let vault = Vault::open(&path, &mut credentials("one two three"), rng(2)).unwrap();
    assert_eq!(records(&vault).unwrap(), [(key(1), b"last wins".to_vec()), (key(2), b"second".to_vec())]);
    let busy = Vault::open(&path, &mut credentials("one two three"), rng(2)).unwrap_err();
    assert_eq!(busy.label(), "vault-busy");
}

#[test]
fn a_vault_is_never_made_over_another_and_missing_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let mut given: Credentials = Credentials { key_file: Some(key_file(1)), ..Credentials::default() };
    let open = |given: &mut Credentials| Vault::open(&path, given, rng(2)).map(drop).map_err(|e| e.label());
    assert_eq!(open(&mut given), Err("vault-missing"));
    drop(Vault::create(&path, &mut given, floor(), rng(1)).unwrap());
    let again = Vault::create(&path, &mut given, floor(), rng(3)).unwrap_err();
    assert_eq!(again.label(), "vault-exists");
    assert_eq!(open(&mut given), Ok(()));
    for (name, label) in [("vault.keys", "vault-keys-missing"), ("vault.erasure", "vault-erasure-missing")] {
        let file = directory.path().join(name);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(open(&mut given), Err(label));
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(open(&mut given), Ok(()));
    }
    assert_eq!(open(&mut Credentials::default()), Err("factors-none"));
}

#[test]
fn an_interrupted_creation_leaves_no_vault_and_does_not_hinder_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let given = || Credentials { key_file: Some(key_file(1)), ..Credentials::default() };
    for name in ["vault.redb.new", "vault.keys", "vault.erasure"] {
        std::fs::write(directory.path().join(name), b"half a file").unwrap();
    }
    assert_eq!(Vault::open(&path, &mut given(), rng(1)).unwrap_err().label(), "vault-missing");
    drop(Vault::create(&path, &mut given(), floor(), rng(1)).unwrap());
    assert!(!directory.path().join("vault.redb.new").exists());
    assert!(Vault::open(&path, &mut given(), rng(1)).is_ok());
}

#[test]
fn wiping_needs_no_factor_and_no_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let given = || Credentials { key_file: Some(key_file(1)), ..Credentials::default() };
    drop(Vault::create(&path, &mut given(), floor(), rng(1)).unwrap());
    std::fs::write(directory.path().join("vault.keys"), b"cut").unwrap();
    // A second name for the same bytes shows what is on the disk once the first is gone.
    let witness = directory.path().join("witness");
    std::fs::hard_link(directory.path().join("vault.erasure"), &witness).unwrap();
    TestVault::wipe(&path).unwrap();
    assert_eq!(std::fs::read(&witness).unwrap(), vec![0; 8192]);
    std::fs::remove_file(&witness).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    TestVault::wipe(&path).unwrap();
}

#[test]
fn a_vault_of_version_1_is_named_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    drop(redb::Database::create(&path).unwrap());
    let refused = Vault::open(&path, &mut credentials("x"), rng(1)).unwrap_err();
    assert_eq!(refused.label(), "vault-version");
}

#[test]
fn a_record_that_is_too_long_is_refused_and_the_vault_goes_on() {
    let (disk, before) = fixture();
    let mut vault = open(&disk, credentials("correct horse")).unwrap();
    let too_long = vec![0; super::super::RECORD_VALUE_LEN_MAX + 1];
    assert_eq!(vault.commit(vec![put(1, b"lost"), put(2, &too_long)]).unwrap_err().label(), "store-io");
    assert_eq!(records(&vault).unwrap(), before);
    vault.commit(vec![put(1, b"kept"), put(2, &too_long[1..])]).unwrap();
    assert_eq!(records(&vault).unwrap()[1].1, b"kept");
    assert_eq!(records(&vault).unwrap()[2].1, &too_long[1..]);
    vault.commit(vec![put(2, b""), put(3, &[1; 1000]), put(4, &[2; 1001])]).unwrap();
    drop(vault);
    let after = records(&open(&disk, credentials("correct horse")).unwrap()).unwrap();
    assert_eq!((after[2].1.len(), after[3].1.len(), after[4].1.len()), (0, 1000, 1001));
}

#[test]
fn after_a_failed_commit_the_files_are_read_afresh() {
    let (disk, before) = fixture();
    let mut vault = open(&disk, credentials("correct horse")).unwrap();
    *vault.content.get_mut().unwrap() = None;
    assert_eq!(records(&vault).unwrap(), before);
    *vault.content.get_mut().unwrap() = None;
    vault.commit(vec![put(1, b"after")]).unwrap();
    assert_eq!(records(&vault).unwrap()[1].1, b"after");
}
