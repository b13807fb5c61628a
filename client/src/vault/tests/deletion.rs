//! Deleted is deleted: with every key that there is now, and every byte of the files, nothing old opens.

use std::collections::BTreeSet;

use super::*;
use crate::vault::cell::{self, RecordId};
use crate::vault::container::Container;
use crate::vault::erasure::{ENTRY_LEN, open_entry};
use crate::vault::keys::{VaultKeys, unseal};
use crate::vault::rings::{Ring, Root};
use crate::vault::slot_list::LIST_RECORD;
use crate::vault::tables::Tables;

/// Sealed rows of one moment.
struct Rows {
    root: Vec<u8>,
    rings: Vec<(u8, Vec<u8>)>,
    cells: Vec<([u8; 32], Vec<u8>)>,
}

fn rows(disk: &Disk) -> Rows {
    let tables = Tables::open(Container::open(disk.copy().media().records).unwrap()).unwrap();
    let mut cells = Vec::new();
    tables
        .for_each_cell(|name, sealed| {
            cells.push((name, sealed.to_vec()));
            Ok(())
        })
        .unwrap();
    Rows { root: tables.root().unwrap(), rings: tables.rings().unwrap(), cells }
}

/// Everything that opens with these erasure keys, from the root down, whatever moment a row is of.
fn opened(keys: &VaultKeys, erasure: &[Key], rows: &[&Rows]) -> BTreeSet<([u8; 32], Vec<u8>)> {
    let mut ring_keys = BTreeSet::new();
    for (key, rows) in erasure.iter().flat_map(|key| rows.iter().map(move |rows| (key, rows))) {
        if let Ok(Some(root)) = Root::open(&keys.root(key).unwrap(), &rows.root) {
            ring_keys.extend((0u8..=255).zip(root.ring_keys.iter().map(|key| **key)));
        }
    }
    let mut cell_keys = BTreeSet::new();
    for (number, sealed) in rows.iter().flat_map(|rows| &rows.rings) {
        for (_, key) in ring_keys.iter().filter(|(of, _)| of == number) {
            if let Ok(ring) = Ring::open(Zeroizing::new(*key), *number, sealed) {
                cell_keys.extend(ring.cells.iter().map(|(name, key)| (*name, **key)));
            }
        }
    }
    let mut found = BTreeSet::new();
    for (name, sealed) in rows.iter().flat_map(|rows| &rows.cells) {
        for (_, key) in cell_keys.iter().filter(|(of, _)| of == name) {
            if let Ok(cell) = cell::open(&Zeroizing::new(*key), name, sealed) {
                found.insert((*name, cell.data.to_vec()));
            }
        }
    }
    found
}

/// Every erasure key that the file gives at any offset, to somebody with the vault key.
fn erasure_keys(keys: &VaultKeys, disk: &Disk) -> Vec<Key> {
    let bytes = disk.erasure.bytes();
    let entries = bytes.windows(ENTRY_LEN).step_by(1).enumerate().filter(|(at, _)| at % 4096 < 200);
    entries
        .flat_map(|(_, window)| [0, 1].map(|number| open_entry(&keys.erasure, number, window)))
        .flatten()
        .map(|entry| entry.key)
        .collect()
}

#[test]
fn what_was_replaced_or_deleted_cannot_be_opened_with_everything_there_is_now() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    let old_value = |n: u16| format!("ratchet state {n}").into_bytes();
    vault.commit((0..20).map(|n| put(n, &old_value(n))).collect()).unwrap();
    let keys = &VaultKeys::derive(super::super::keys::VaultKey(vault.keys.vault().0.clone())).unwrap();

    // The search finds what is there: everything opens while it is current.
    let before = rows(&disk);
    let erasure_then = erasure_keys(keys, &disk);
    assert_eq!(erasure_then.len(), 1, "one erasure key is alive after a commit");
    assert_eq!(opened(keys, &erasure_then, &[&before]).len(), 22);

    vault.commit((0..10).map(|n| put(n, b"newer")).collect()).unwrap();
    vault.commit((10..15).map(|n| Change::Delete { key: key(n) }).collect()).unwrap();
    drop(vault);

    // Old sealed bytes are in the file still, in pages that redb has freed.
    let bytes = disk.records.bytes();
    let still_there = |sealed: &[u8]| bytes.windows(32).any(|window| window == &sealed[24..56]);
    let gone_name = keys.name(&RecordId::from(key(3)), 0).unwrap();
    let (_, old_cell) = before.cells.iter().find(|(name, _)| *name == gone_name).unwrap();
    println!("an old cell is still in a free page: {}", still_there(old_cell));
    println!("the old root is still in a free page: {}", still_there(&before.root));

    let now = rows(&disk);
    let erasure_now = erasure_keys(keys, &disk);
    assert_eq!(erasure_now.len(), 1);
    let found = opened(keys, &erasure_now, &[&before, &now]);
    let values: BTreeSet<&[u8]> = found.iter().map(|(_, data)| data.as_slice()).collect();
    for n in 0..15 {
        assert!(!values.contains(old_value(n).as_slice()), "{n} opens");
    }
    for n in 15..20 {
        assert!(values.contains(old_value(n).as_slice()), "{n} is a record still");
    }
    // With the destroyed erasure key it would have opened, so that key alone stands in between.
    let with_it: Vec<Key> = erasure_now.into_iter().chain(erasure_then).collect();
    assert!(opened(keys, &with_it, &[&before, &now]).iter().any(|(_, data)| *data == old_value(3)));
    assert!(unseal(&keys.root(&with_it[0]).unwrap(), b"", &before.root).is_none());
    assert_eq!(LIST_RECORD.kind, 0);
}

#[test]
fn a_key_that_a_crash_left_is_destroyed_at_the_next_opening() {
    let (base, _) = fixture();
    let mut left = 0;
    for writes in 0.. {
        let disk = base.copy();
        let mut vault = open(&disk, credentials("correct horse")).unwrap();
        let keys = VaultKeys::derive(super::super::keys::VaultKey(vault.keys.vault().0.clone())).unwrap();
        disk.stop_after(writes);
        let done = vault.commit(vec![put(1, b"newer")]).is_ok();
        let found = disk.after(Stop::Process);
        left += usize::from(erasure_keys(&keys, &found).len() == 2);
        drop(open(&found, credentials("correct horse")).unwrap());
        assert_eq!(erasure_keys(&keys, &found).len(), 1, "after {writes} writes");
        if done && !disk.is_stopped() {
            break;
        }
    }
    assert!(left > 0, "no crash left two keys: the test does not test");
}

#[test]
fn no_plaintext_and_no_record_id_is_in_any_file() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("correct horse"));
    vault
        .add_slot(
            "under the doormat",
            &mut Credentials { key_file: Some(key_file(1)), ..Credentials::default() },
            0,
        )
        .unwrap();
    for n in 1..40 {
        vault.commit(vec![put(n, SECRET), put(n + 100, &SECRET.repeat(50))]).unwrap();
    }
    vault.commit((0..20).map(|n| Change::Delete { key: key(n) }).collect()).unwrap();
    drop(vault);
    for bytes in [disk.records.bytes(), disk.keys.bytes(), disk.erasure.bytes()] {
        for needle in [&SECRET[..8], &SECRET[SECRET.len() - 8..], b"correct horse", b"doormat", &[0xab; 14]] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{needle:?}");
        }
    }
}
