//! Files that are not what was written: every one is refused, or gives exactly what was written.

use redb::{Database, ReadableDatabase, TableDefinition};

use super::*;

const RECORDS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("records");

#[test]
fn a_truncated_file_is_refused_and_left_as_it_is() {
    let fixture = Fixture::new();
    let bytes = std::fs::read(fixture.path()).unwrap();
    let len = bytes.len();
    for keep in [0, 1, 8, 9, 63, 64, 319, 320, 4095, 4096, 8192, len / 3, len / 2, len - 4096, len - 1] {
        let refused = fixture.open_bytes(&bytes[..keep]);
        assert_eq!(refused, Err("vault-damaged".to_owned()), "of {len} bytes the first {keep}");
    }
    assert_eq!(fixture.open_bytes(&bytes), Ok(fixture.records), "the whole file");
}

#[test]
fn a_flipped_byte_anywhere_is_an_error_or_harmless() {
    let fixture = Fixture::new();
    let bytes = std::fs::read(fixture.path()).unwrap();
    let offsets = (0..64).chain((64..320).step_by(3)).chain((320..bytes.len()).step_by(bytes.len() / 120));
    let (mut refused, mut harmless) = (0, 0);
    for (round, offset) in offsets.enumerate() {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (round % 8);
        match fixture.open_bytes(&damaged) {
            Ok(records) => {
                assert_eq!(records, fixture.records, "a wrong value after a flip at {offset}");
                harmless += 1;
            }
            Err(label) => {
                let expected = ["vault-damaged", "vault-rolled-back", "store-damaged"];
                assert!(expected.contains(&label.as_str()), "{label} after a flip at {offset}");
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "{refused} flips refused, {harmless} harmless");
}

#[test]
fn every_bit_of_the_selector_of_the_last_commit_is_an_error_or_harmless() {
    let fixture = Fixture::new();
    let bytes = std::fs::read(fixture.path()).unwrap();
    for bit in 0..8 {
        let mut damaged = bytes.clone();
        damaged[9] ^= 1 << bit;
        match fixture.open_bytes(&damaged) {
            Ok(records) => assert_eq!(records, fixture.records, "bit {bit}"),
            Err(label) => assert!(label.starts_with("vault-"), "bit {bit}: {label}"),
        }
    }
}

/// Changes the records table of a copy behind the vault's back, with checksums that redb finds right.
fn open_after(
    fixture: &Fixture,
    change: impl FnOnce(&mut redb::Table<'_, [u8; 32], &[u8]>),
) -> Result<Records, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    std::fs::copy(fixture.path(), &path).unwrap();
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&mut transaction.open_table(RECORDS).unwrap());
    transaction.commit().unwrap();
    drop(database);
    fixture.open_bytes(&std::fs::read(&path).unwrap())
}

/// Names and sealed values as they lie in the file.
fn rows(path: &Path) -> Vec<([u8; 32], Vec<u8>)> {
    use redb::ReadableTable;
    let database = Database::open(path).unwrap();
    let table = database.begin_read().unwrap().open_table(RECORDS).unwrap();
    table.iter().unwrap().map(|row| row.unwrap()).map(|(k, v)| (k.value(), v.value().to_vec())).collect()
}

#[test]
fn swapped_records_are_refused() {
    let fixture = Fixture::new();
    let rows = rows(&fixture.path());
    let refused = open_after(&fixture, |table| {
        table.insert(rows[0].0, rows[1].1.as_slice()).unwrap();
        table.insert(rows[1].0, rows[0].1.as_slice()).unwrap();
    });
    assert_eq!(refused, Err("vault-damaged".to_owned()));
}

#[test]
fn the_name_of_a_record_is_part_of_what_is_authenticated() {
    let fixture = Fixture::new();
    let keys = super::super::seal::VaultKeys::derive(&VaultKey(fixture.key.clone())).unwrap();
    let rows = rows(&fixture.path());
    assert!(keys.open(&rows[0].0, &rows[0].1).is_ok());
    assert_eq!(keys.open(&rows[0].0, &rows[1].1).unwrap_err().label(), "vault-damaged");
}

#[test]
fn a_removed_an_added_and_an_emptied_record_are_refused() {
    let fixture = Fixture::new();
    let name = rows(&fixture.path())[0].0;
    let removed = open_after(&fixture, |table| drop(table.remove(name).unwrap()));
    let added = open_after(&fixture, |table| drop(table.insert([9; 32], b"foreign".as_slice()).unwrap()));
    let emptied = open_after(&fixture, |table| drop(table.insert(name, b"".as_slice()).unwrap()));
    let all_removed = open_after(&fixture, |table| table.retain(|_, _| false).unwrap());
    for refused in [removed, added, emptied, all_removed] {
        assert_eq!(refused, Err("vault-damaged".to_owned()));
    }
}

#[test]
fn an_older_value_of_a_record_is_refused() {
    let fixture = Fixture::new();
    let before = rows(&fixture.path());
    let mut vault = fixture.open(&fixture.path()).unwrap();
    vault.commit((0..12).map(|n| put(n, b"newer")).collect()).unwrap();
    drop(vault);
    let (name, old) = &before[0];
    let refused = open_after(&fixture, |table| drop(table.insert(name, old.as_slice()).unwrap()));
    assert_eq!(refused, Err("vault-damaged".to_owned()));
}

#[test]
fn an_older_copy_of_the_whole_file_is_refused_until_the_witness_is_deleted() {
    let fixture = Fixture::new();
    let old = std::fs::read(fixture.path()).unwrap();
    let mut vault = fixture.open(&fixture.path()).unwrap();
    vault.commit(vec![put(1, b"newer")]).unwrap();
    drop(vault);
    std::fs::write(fixture.path(), &old).unwrap();
    let refused = fixture.open(&fixture.path()).unwrap_err();
    assert_eq!(refused.label(), "vault-rolled-back");
    assert!(refused.to_string().contains("vault.generation"), "{refused}");
    std::fs::remove_file(fixture.path().with_extension("generation")).unwrap();
    assert_eq!(records(&fixture.open(&fixture.path()).unwrap()).unwrap(), fixture.records);
}

#[test]
fn a_damaged_witness_says_nothing() {
    let fixture = Fixture::new();
    let witness = fixture.path().with_extension("generation");
    let genuine = std::fs::read(&witness).unwrap();
    for offset in 0..genuine.len() {
        let mut damaged = genuine.clone();
        damaged[offset] ^= 0x80;
        std::fs::write(&witness, &damaged).unwrap();
        assert_eq!(records(&fixture.open(&fixture.path()).unwrap()).unwrap(), fixture.records);
    }
    assert_eq!(std::fs::read(&witness).unwrap(), genuine, "it is written anew");
}

#[test]
fn a_file_of_something_else_is_refused() {
    let fixture = Fixture::new();
    assert_eq!(fixture.open_bytes(b"").unwrap_err(), "vault-damaged");
    assert_eq!(fixture.open_bytes(&[0; 100_000]).unwrap_err(), "vault-damaged");
    assert_eq!(fixture.open_bytes("SQLite format 3\0".repeat(5000).as_bytes()).unwrap_err(), "vault-damaged");
}
