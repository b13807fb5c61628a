//! What the files show without a factor: the same for ten messages and for a thousand.

use rand::RngExt;
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::*;
use crate::vault::container::{Container, ROOM_LEN_MIN};

/// Names, lengths of values and their number, of one table.
struct Seen {
    file_len: usize,
    cells: Vec<([u8; 32], usize)>,
    rings: Vec<usize>,
    rows: Vec<usize>,
}

fn look(disk: &Disk) -> Seen {
    let copy = disk.copy();
    let container = Container::open(copy.media().records).unwrap();
    let database = redb::Database::builder().create_with_backend(container).unwrap();
    let transaction = database.begin_read().unwrap();
    let small = |name| {
        let table = transaction.open_table(TableDefinition::<u8, &[u8]>::new(name)).unwrap();
        table.iter().unwrap().map(|row| row.unwrap().1.value().len()).collect()
    };
    let table = transaction.open_table(TableDefinition::<[u8; 32], &[u8]>::new("cells")).unwrap();
    assert_eq!(table.len().unwrap() % 2048, 0);
    let cells = table.iter().unwrap().map(|row| row.unwrap()).map(|(k, v)| (k.value(), v.value().len()));
    Seen {
        file_len: disk.records.bytes().len(),
        cells: cells.collect(),
        rings: small("rings"),
        rows: small("vault"),
    }
}

/// Pearson's statistic of the first and the last bytes of names over 256 values, for a uniform distribution.
fn chi_square(bytes: impl Iterator<Item = u8>) -> f64 {
    let mut counts = [0f64; 256];
    let mut total = 0.0;
    for byte in bytes {
        counts[usize::from(byte)] += 1.0;
        total += 1.0;
    }
    let expected = total / 256.0;
    counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
}

fn with_messages(count: u16, seed: u64) -> Disk {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.rng = rng(seed);
    let mut lengths = rng(seed + 1);
    let messages: Vec<Change> =
        (0..count).map(|n| put(n, &vec![b'x'; lengths.random_range(1..=1000)])).collect();
    for chunk in messages.chunks(100) {
        vault.commit(chunk.to_vec()).unwrap();
    }
    disk
}

#[test]
fn ten_messages_look_like_a_thousand() {
    let [ten, thousand] = [look(&with_messages(10, 10)), look(&with_messages(1000, 20))];
    for seen in [&ten, &thousand] {
        assert_eq!(seen.file_len, 4096 + usize::try_from(ROOM_LEN_MIN).unwrap());
        assert_eq!(seen.cells.len(), 2048);
        assert!(seen.cells.iter().all(|(_, len)| *len == 1064));
        assert_eq!(seen.rings, vec![1963; 256]);
        assert_eq!(seen.rows, [8249, 48]);
        for at in [0, 15, 31] {
            let statistic = chi_square(seen.cells.iter().map(|(name, _)| name[at]));
            // 255 degrees of freedom: mean 255, standard deviation 22.6.
            println!("byte {at} of names: chi-square {statistic:.0}");
            assert!((150.0..360.0).contains(&statistic), "byte {at}: {statistic}");
        }
    }
}

#[test]
fn a_file_grows_by_doubling_and_keeps_everything() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    let messages: Vec<Change> = (0..2046).map(|n| put(n, &n.to_be_bytes())).collect();
    // Two cells hold the list of slots. Unless a ring is full before, 2,046 messages fill the first class.
    vault.commit(messages).unwrap();
    vault.commit(vec![put(5000, b"one more")]).unwrap();
    let seen = look(&disk);
    assert_eq!(seen.cells.len(), 4096);
    assert_eq!(seen.rings, vec![(2 * 16 + 14) * 64 + 43; 256]);
    println!("4,096 cells: file of {} bytes", seen.file_len);
    assert!((seen.file_len - 4096).is_power_of_two());
    vault.commit((0..2000).map(|n| Change::Delete { key: key(n) }).collect()).unwrap();
    assert_eq!(look(&disk).cells.len(), 4096);
    drop(vault);
    assert_eq!(records(&open(&disk, credentials("main")).unwrap()).unwrap().len(), 47);
}

#[test]
fn a_commit_writes_as_much_whatever_its_value_and_whether_it_puts_or_deletes() {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.commit((0..50).map(|n| put(n, b"x")).collect()).unwrap();
    let mut count = |change: Change| {
        let before = look(&disk);
        vault.commit(vec![change]).unwrap();
        let after = look(&disk);
        let gone = before.cells.iter().filter(|cell| !after.cells.contains(cell)).count();
        (after.cells.len(), gone)
    };
    assert_eq!(count(put(60, b"")), (2048, 1), "a filler makes place");
    assert_eq!(count(put(61, &[1; 1000])), (2048, 1));
    assert_eq!(count(Change::Delete { key: key(60) }), (2048, 1), "a filler takes the place");
    assert_eq!(count(put(61, b"again")), (2048, 0));
}
