//! Files that are not what was written: every one is refused, or gives exactly what was written.

use rand::RngExt;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::*;
use crate::vault::container::{Container, ROOM_LEN_MIN};
use crate::vault::erasure::Erasure;
use crate::vault::keys::{VaultKey, VaultKeys};
use crate::vault::keys_file::{HEADER_LEN, Header};

const CELLS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("cells");
const RINGS: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("rings");
const VAULT: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("vault");

type CellsTable<'a> = redb::Table<'a, [u8; 32], &'static [u8]>;
type RingsTable<'a> = redb::Table<'a, u8, &'static [u8]>;

/// The records, or the label of the refusal.
fn outcome(disk: &Disk) -> Result<Records, &'static str> {
    let vault = open(disk, credentials("correct horse")).map_err(|error| error.label())?;
    records(&vault).map_err(|error| error.label())
}

fn with_records(disk: &Disk, bytes: Vec<u8>) -> Disk {
    Disk::new(bytes, disk.keys.bytes(), disk.erasure.bytes())
}

fn with_keys(disk: &Disk, bytes: Vec<u8>) -> Disk {
    Disk::new(disk.records.bytes(), bytes, disk.erasure.bytes())
}

fn with_erasure(disk: &Disk, bytes: Vec<u8>) -> Disk {
    Disk::new(disk.records.bytes(), disk.keys.bytes(), bytes)
}

#[test]
fn every_flipped_byte_of_the_slots_is_harmless_in_one_copy_and_refused_in_both() {
    let (disk, expected) = fixture();
    let bytes = disk.keys.bytes();
    let genuine = Header::load(&disk.media().keys).unwrap();
    for offset in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (offset % 8);
        let one = Disk::new(Vec::new(), damaged.clone(), Vec::new());
        let place = one.media().keys;
        assert_eq!(Header::load(&place).unwrap(), genuine, "at {offset}");
        genuine.settle(&place).unwrap();
        assert_eq!(one.keys.bytes(), bytes, "repaired at {offset}");
        let other = (offset + 4096) % 8192;
        damaged[other] ^= 1 << (offset % 8);
        let both = Disk::new(Vec::new(), damaged, Vec::new());
        let found = Header::load(&both.media().keys).map_err(|error| error.label());
        let is_checked = offset % 4096 < HEADER_LEN;
        assert_eq!(found, if is_checked { Err("vault-damaged") } else { Ok(genuine.clone()) }, "at {offset}");
    }
    let mut damaged = bytes;
    damaged[100] ^= 1;
    assert_eq!(outcome(&with_keys(&disk, damaged)), Ok(expected));
}

#[test]
fn every_flipped_byte_of_the_erasure_keys_is_harmless_or_leaves_no_key() {
    let (disk, expected) = fixture();
    let keys = VaultKeys::derive(VaultKey(
        open(&disk, credentials("correct horse")).unwrap().keys.vault().0.clone(),
    ))
    .unwrap();
    let bytes = disk.erasure.bytes();
    let live = |bytes: &[u8]| {
        let disk = Disk::new(Vec::new(), Vec::new(), bytes.to_vec());
        let entries = Erasure::open(disk.media().erasure.unwrap(), &keys.erasure).unwrap().live();
        entries.iter().map(|entry| (entry.generation, *entry.key)).collect::<Vec<_>>()
    };
    let genuine = live(&bytes);
    let mut fatal = Vec::new();
    for offset in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (offset % 8);
        let found = live(&damaged);
        assert!(found == genuine || found.is_empty(), "at {offset}");
        if found.is_empty() {
            fatal.push(offset);
        }
    }
    println!("{} of {} bytes of the erasure file matter", fatal.len(), bytes.len());
    assert_eq!(fatal.len(), 89);
    let flip = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        outcome(&with_erasure(&disk, damaged))
    };
    assert_eq!(flip(fatal[0]), Err("vault-erasure-foreign"));
    assert_eq!(flip(fatal[0] ^ 4096), Ok(expected));
}

#[test]
fn a_flipped_byte_anywhere_in_the_records_is_an_error_or_harmless() {
    let (disk, expected) = fixture();
    let bytes = disk.records.bytes();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut random = rng(77);
    let heads = (0..64).step_by(5).chain((2048..2112).step_by(5)).chain((4096..4416).step_by(8));
    // One byte in every 16th page that has ever been written, at a random place in it.
    let pages: Vec<usize> =
        (4096..used).step_by(16 * 4096).map(|p| p + random.random_range(0..4096)).collect();
    let (mut refused, mut harmless) = (0, 0);
    for (round, offset) in heads.chain(pages).enumerate() {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (round % 8);
        match outcome(&with_records(&disk, damaged)) {
            Ok(records) => {
                assert_eq!(records, expected, "a wrong value after a flip at {offset}");
                harmless += 1;
            }
            Err(label) => {
                let labels = ["vault-damaged", "vault-rolled-back", "vault-version", "store-damaged"];
                assert!(labels.contains(&label), "{label} after a flip at {offset}");
                refused += 1;
            }
        }
    }
    println!("records: {refused} flips refused, {harmless} harmless, {used} bytes in use");
    assert!(refused > 40, "{refused} flips refused, {harmless} harmless");
}

#[test]
fn truncated_files_are_refused() {
    let (disk, expected) = fixture();
    let (records, keys, erasure) = (disk.records.bytes(), disk.keys.bytes(), disk.erasure.bytes());
    let room = usize::try_from(ROOM_LEN_MIN).unwrap();
    for keep in [0, 1, 9, 63, 64, 4095, 4096, 8192, 100_000, room / 2, room, room + 4095] {
        let cut = with_records(&disk, records[..keep].to_vec());
        assert_eq!(outcome(&cut), Err("vault-damaged"), "records cut to {keep}");
    }
    for keep in [0, 1, HEADER_LEN - 1, HEADER_LEN, 4096, 4096 + HEADER_LEN, 8191] {
        assert_eq!(outcome(&with_keys(&disk, keys[..keep].to_vec())), Err("vault-damaged"), "{keep}");
        assert_eq!(outcome(&with_erasure(&disk, erasure[..keep].to_vec())), Err("vault-damaged"), "{keep}");
    }
    let longer = with_records(&disk, [records, vec![0]].concat());
    assert_eq!(outcome(&longer), Err("vault-damaged"));
    assert_eq!(outcome(&disk), Ok(expected));
}

#[test]
fn files_of_different_moments_or_vaults_are_refused_by_name() {
    let (disk, _) = fixture();
    let old = disk.copy();
    open(&disk, credentials("correct horse")).unwrap().commit(vec![put(1, b"newer")]).unwrap();
    let found = open(&with_records(&disk, old.records.bytes()), credentials("correct horse")).unwrap_err();
    assert_eq!(found.label(), "vault-rolled-back");
    assert!(found.to_string().contains("state 4, but state 5"), "{found}");
    assert_eq!(outcome(&with_erasure(&disk, old.erasure.bytes())), Err("vault-erasure-foreign"));
    assert!(outcome(&with_keys(&disk, old.keys.bytes())).is_ok(), "the slots have not changed");

    let other = Disk::empty();
    drop(Vault::create_on(other.media(), &mut credentials("correct horse"), floor(), quick, rng(9)).unwrap());
    assert_eq!(outcome(&with_keys(&disk, other.keys.bytes())), Err("vault-damaged"));
    assert_eq!(outcome(&with_records(&disk, other.records.bytes())), Err("vault-damaged"));
    assert_eq!(outcome(&with_erasure(&disk, other.erasure.bytes())), Err("vault-erasure-foreign"));
}

/// Changes a copy behind the vault's back, with checksums that redb finds right.
fn after(disk: &Disk, change: impl FnOnce(&redb::WriteTransaction)) -> Result<Records, &'static str> {
    let copy = disk.copy();
    let database = database(&copy);
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop(database);
    outcome(&copy)
}

fn database(disk: &Disk) -> Database {
    Database::builder().create_with_backend(Container::open(disk.media().records).unwrap()).unwrap()
}

#[test]
fn rows_removed_added_exchanged_or_put_back_are_refused() {
    let (disk, expected) = fixture();
    let rows = |disk: &Disk| {
        let copy = disk.copy();
        let database = database(&copy);
        let transaction = database.begin_read().unwrap();
        let small = |table: TableDefinition<'_, u8, &[u8]>| {
            let table = transaction.open_table(table).unwrap();
            table.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect::<Vec<_>>()
        };
        let cells = transaction.open_table(CELLS).unwrap();
        let cells: std::collections::BTreeMap<_, _> = cells
            .iter()
            .unwrap()
            .map(|row| row.unwrap())
            .map(|(k, v)| (k.value(), v.value().to_vec()))
            .collect();
        (small(VAULT), small(RINGS), cells)
    };
    let vault = open(&disk, credentials("correct horse")).unwrap();
    let name = |n: u16| vault.keys.name(&key(n).into(), 0).unwrap();
    let (one, two, filler_or_not) = (name(1), name(2), [0xee; 32]);
    let (old_vault, old_rings, old_cells) = rows(&disk);
    let cells = |change: &dyn Fn(&mut CellsTable<'_>)| {
        after(&disk, |transaction| change(&mut transaction.open_table(CELLS).unwrap()))
    };
    let damaged = Err("vault-damaged");
    assert_eq!(cells(&|t| drop(t.remove(one).unwrap())), damaged);
    assert_eq!(cells(&|t| drop(t.insert(filler_or_not, [0; 1064].as_slice()).unwrap())), damaged);
    assert_eq!(cells(&|t| drop(t.insert(one, b"".as_slice()).unwrap())), damaged);
    assert_eq!(cells(&|t| drop(t.insert(one, old_cells[&two].as_slice()).unwrap())), damaged);
    assert_eq!(cells(&|t| t.retain(|_, _| false).unwrap()), damaged);
    let ring = |change: &dyn Fn(&mut RingsTable<'_>)| {
        after(&disk, |transaction| change(&mut transaction.open_table(RINGS).unwrap()))
    };
    assert_eq!(ring(&|t| drop(t.remove(7).unwrap())), damaged);
    assert_eq!(ring(&|t| drop(t.insert(7, old_rings[8].as_slice()).unwrap())), damaged);
    // A filler with other noise in it is a filler.
    let is_record = |found: &[u8; 32]| {
        (0..12).any(|n| {
            (0..6).any(|part| {
                vault.keys.name(&key(n).into(), part).unwrap() == *found
                    || vault.keys.name(&crate::vault::slot_list::LIST_RECORD, part).unwrap() == *found
            })
        })
    };
    let filler = *old_cells.keys().find(|found| !is_record(found)).unwrap();
    assert_eq!(cells(&|t| drop(t.insert(filler, [1; 1064].as_slice()).unwrap())), Ok(expected));
    drop(vault);

    let mut vault = open(&disk, credentials("correct horse")).unwrap();
    vault.commit((0..12).map(|n| put(n, b"newer")).collect()).unwrap();
    drop(vault);
    let back = |change: &dyn Fn(&redb::WriteTransaction)| after(&disk, change);
    let old_cell = old_cells[&one].as_slice();
    assert_eq!(back(&|t| drop(t.open_table(CELLS).unwrap().insert(one, old_cell).unwrap())), damaged);
    let (number, old_ring) = (one[0], old_rings[usize::from(one[0])].as_slice());
    assert_eq!(back(&|t| drop(t.open_table(RINGS).unwrap().insert(number, old_ring).unwrap())), damaged);
    let old_root = old_vault[0].as_slice();
    assert_eq!(back(&|t| drop(t.open_table(VAULT).unwrap().insert(0, old_root).unwrap())), damaged);
    let old_generation = old_vault[1].as_slice();
    assert_eq!(back(&|t| drop(t.open_table(VAULT).unwrap().insert(1, old_generation).unwrap())), damaged);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let (disk, _) = fixture();
    for foreign in [Vec::new(), vec![0; 100_000], "SQLite format 3\0".repeat(5000).into_bytes()] {
        assert_eq!(outcome(&with_records(&disk, foreign.clone())), Err("vault-damaged"));
        assert_eq!(outcome(&with_keys(&disk, foreign.clone())), Err("vault-damaged"));
        assert_eq!(outcome(&with_erasure(&disk, foreign)), Err("vault-damaged"));
    }
}
