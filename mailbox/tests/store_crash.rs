//! Power cuts, full disks and damaged files: what was acknowledged survives, what is broken is said to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use redb::StorageBackend;
use sotto_mailbox::store::{RedbStore, Store, StoreError, StoreOp, StoreResult};
use sotto_protocol::boxes::{SealedBox, WriteCap};
use sotto_protocol::time::Timestamp;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const QUOTA: u64 = 10_000;

/// A disk that keeps what was synced, and of what was written since, after a power cut, any part.
#[derive(Debug, Default)]
struct Platter {
    /// What a reader sees.
    cached: Vec<u8>,
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// Operations until every one fails.
    operations_left: Option<u64>,
    /// How often somebody has waited for the disk.
    syncs: u64,
}

#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    fn spend(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let mut platter = self.platter();
        match &mut platter.operations_left {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(platter)
            }
            None => Ok(platter),
        }
    }

    /// What is on the disk after the power came back: each unsynced write has happened, or not, or half.
    fn after_power_cut(&self, rng: &mut ChaCha20Rng) -> Self {
        let platter = self.platter();
        let mut bytes = platter.durable.clone();
        for (offset, data) in &platter.unsynced {
            let kept = match rng.random_range(0..3) {
                0 => 0,
                1 => data.len(),
                _ => rng.random_range(0..=data.len()),
            };
            if bytes.len() < offset + kept {
                bytes.resize(offset + kept, 0);
            }
            bytes[*offset..offset + kept].copy_from_slice(&data[..kept]);
        }
        if bytes.len() < platter.cached.len() {
            bytes.resize(platter.cached.len(), 0);
        }
        Self(Arc::new(Mutex::new(Platter { cached: bytes.clone(), durable: bytes, ..Platter::default() })))
    }

    fn fail_after(&self, operations: u64) {
        self.platter().operations_left = Some(operations);
    }

    fn recover(&self) {
        self.platter().operations_left = None;
    }

    fn open(&self) -> Result<RedbStore, StoreError> {
        let disk = self.clone();
        RedbStore::open_backend(move || disk.clone(), QUOTA)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.platter().cached[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.spend()?.cached.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.spend()?;
        platter.syncs += 1;
        platter.durable = platter.cached.clone();
        platter.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let mut platter = self.spend()?;
        platter.cached[offset..offset + data.len()].copy_from_slice(data);
        platter.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}

fn sealed(rng: &mut ChaCha20Rng) -> SealedBox {
    WriteCap::generate(rng).seal_next(b"text", rng).unwrap()
}

fn write(sealed: &SealedBox) -> StoreOp {
    StoreOp::Write { sealed: sealed.clone(), expires: T0 + Duration::from_secs(3600) }
}

fn find(store: &mut RedbStore, sealed: &SealedBox) -> bool {
    match store.apply(T0, &[StoreOp::Read { id: *sealed.id() }]).unwrap().remove(0) {
        StoreResult::Found(found) => {
            assert_eq!(found, *sealed, "found, but not what was written");
            true
        }
        StoreResult::NotFound => false,
        other => panic!("{other:?}"),
    }
}

/// The power fails after any number of operations of the disk, and writes that were not synced happen, or
/// half, or not at all. Every acknowledged batch is there, and the one cut off is there whole or not at all.
#[test]
fn acknowledged_batches_survive_a_power_cut_at_any_moment() {
    let mut cut_within_a_batch = 0;
    for seed in 0..150 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let disk = Disk::default();
        let mut store = disk.open().unwrap();
        disk.fail_after(rng.random_range(1..120));
        let (mut acknowledged, mut cut_off) = (Vec::new(), Vec::new());
        while cut_off.is_empty() {
            let boxes: Vec<SealedBox> = (0..rng.random_range(1..5)).map(|_| sealed(&mut rng)).collect();
            let ops: Vec<StoreOp> = boxes.iter().map(write).collect();
            match store.apply(T0, &ops) {
                Ok(results) => {
                    assert!(results.iter().all(|result| *result == StoreResult::Stored));
                    acknowledged.extend(boxes);
                }
                Err(error) => {
                    assert_eq!(error.label(), "store-io");
                    cut_off = boxes;
                }
            }
        }
        let survivor = disk.after_power_cut(&mut rng);
        drop(store);
        let mut store = survivor.open().unwrap();
        for sealed in &acknowledged {
            assert!(find(&mut store, sealed), "seed {seed}: an acknowledged box is gone");
        }
        let found = cut_off.iter().filter(|sealed| find(&mut store, sealed)).count();
        assert!(found == 0 || found == cut_off.len(), "seed {seed}: {found} of {} boxes", cut_off.len());
        let expected = acknowledged.len() + found;
        assert_eq!(store.usage().unwrap().boxes, expected as u64, "seed {seed}");
        cut_within_a_batch += usize::from(found == 0);
    }
    assert!(cut_within_a_batch > 0, "no cut ever lost an unacknowledged batch: the disk never failed");
}

/// While the disk fails, every batch fails; when it recovers, the same store goes on with what was durable.
#[test]
fn a_store_whose_disk_fails_says_so_until_the_disk_recovers() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for operations in 0..12 {
        let disk = Disk::default();
        let mut store = disk.open().unwrap();
        let (first, second) = (sealed(&mut rng), sealed(&mut rng));
        store.apply(T0, &[write(&first)]).unwrap();
        disk.fail_after(operations);
        while store.apply(T0, &[write(&second)]).is_ok() {}
        for _ in 0..3 {
            assert_eq!(store.apply(T0, &[write(&second)]).unwrap_err().label(), "store-io");
            assert_eq!(store.collect_garbage(T0, 1).unwrap_err().label(), "store-io");
            assert_eq!(store.usage().unwrap_err().label(), "store-io");
        }
        disk.recover();
        let results = store.apply(T0, &[write(&second)]).unwrap();
        assert!(matches!(results[0], StoreResult::Stored | StoreResult::AlreadyStored));
        assert!(find(&mut store, &first) && find(&mut store, &second));
        assert_eq!(store.usage().unwrap().boxes, 2);
    }
}

#[test]
fn a_collection_that_was_not_yet_durable_brings_back_nothing_that_is_served() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let disk = Disk::default();
    let mut store = disk.open().unwrap();
    let old = sealed(&mut rng);
    store.apply(T0, &[write(&old), write(&sealed(&mut rng))]).unwrap();
    let later = T0 + Duration::from_secs(3600);
    assert_eq!(store.collect_garbage(later, 1).unwrap(), 1, "a step that is filled: more may follow");
    let survivor = disk.after_power_cut(&mut rng);
    let mut store = survivor.open().unwrap();
    assert_eq!(store.usage().unwrap().records(), 2, "nothing had waited for the disk");
    let results = store.apply(later, &[StoreOp::Read { id: *old.id() }]).unwrap();
    assert_eq!(results, [StoreResult::NotFound]);
    store.collect_garbage(later, 10).unwrap();
    assert_eq!(store.usage().unwrap().records(), 0);
}

/// The end of a sweep reaches the disk though nobody writes to the mailbox, whether its last step had something left
/// to collect or not.
#[test]
fn after_a_sweep_a_power_cut_brings_nothing_back() {
    for (seed, step_max) in [(12, 2), (13, 3), (14, 10)] {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let disk = Disk::default();
        let mut store = disk.open().unwrap();
        let ops: Vec<StoreOp> = (0..6).map(|_| write(&sealed(&mut rng))).collect();
        store.apply(T0, &ops).unwrap();
        let later = T0 + Duration::from_secs(3600);
        while store.collect_garbage(later, step_max).unwrap() == step_max {}
        let mut store = disk.after_power_cut(&mut rng).open().unwrap();
        assert_eq!(store.usage().unwrap().records(), 0, "steps of {step_max}");
    }
}

#[test]
fn a_look_that_finds_nothing_expired_waits_for_no_disk() {
    let mut rng = ChaCha20Rng::seed_from_u64(15);
    let disk = Disk::default();
    let mut store = disk.open().unwrap();
    store.apply(T0, &[write(&sealed(&mut rng))]).unwrap();
    store.collect_garbage(T0 + Duration::from_secs(3600), 10).unwrap();
    let syncs = disk.platter().syncs;
    for _ in 0..5 {
        assert_eq!(store.collect_garbage(T0 + Duration::from_secs(7200), 10).unwrap(), 0);
    }
    assert_eq!(disk.platter().syncs, syncs);
}

fn open_error(path: &std::path::Path) -> StoreError {
    RedbStore::open(path, QUOTA).unwrap_err()
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let text = "these are somebody's notes\n".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let error = open_error(&path);
    assert_eq!(error.label(), "store-foreign");
    assert!(error.to_string().contains("notes.txt is not a mailbox store"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.redb");
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<u64, u64>::new("vault")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open_error(&path);
    assert_eq!(error.label(), "store-foreign");
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn a_later_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    drop(RedbStore::open(&path, QUOTA).unwrap());
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&str, u64>::new("sotto-mailbox-meta");
    transaction.open_table(meta).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open_error(&path);
    assert_eq!(error.label(), "store-version");
    assert!(error.to_string().contains("format 2, this program reads format 1"), "{error}");
}

#[test]
fn a_file_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    let _first = RedbStore::open(&path, QUOTA).unwrap();
    assert_eq!(open_error(&path).label(), "store-in-use");
}

#[test]
fn damage_anywhere_in_the_boxes_is_noticed_when_the_file_is_opened() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    let boxes: Vec<SealedBox> = (0..20).map(|_| sealed(&mut rng)).collect();
    let mut store = RedbStore::open(&path, QUOTA).unwrap();
    store.apply(T0, &boxes.iter().map(write).collect::<Vec<_>>()).unwrap();
    drop(store);
    let good = std::fs::read(&path).unwrap();
    for sealed in &boxes {
        let needle = &sealed.to_bytes()[96..];
        let at = good.windows(needle.len()).position(|window| window == needle).unwrap();
        let mut damaged = good.clone();
        damaged[at + rng.random_range(0..needle.len())] ^= 1;
        let copy = dir.path().join("damaged.redb");
        std::fs::write(&copy, &damaged).unwrap();
        assert_eq!(open_error(&copy).label(), "store-damaged");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    let mut store = RedbStore::open(&path, QUOTA).unwrap();
    let ops: Vec<StoreOp> = (0..50).map(|_| write(&sealed(&mut rng))).collect();
    store.apply(T0, &ops).unwrap();
    drop(store);
    let good = std::fs::read(&path).unwrap();
    for len in [1, 9, 100, 4096, good.len() / 2, good.len() - 1] {
        let copy = dir.path().join("cut.redb");
        std::fs::write(&copy, &good[..len]).unwrap();
        let label = open_error(&copy).label();
        assert!(["store-foreign", "store-damaged", "store-io"].contains(&label), "{len}: {label}");
    }
}

/// Whatever one byte of the file is changed to: it opens and answers, or is refused with a label.
#[test]
fn no_changed_byte_makes_opening_panic() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    let mut store = RedbStore::open(&path, QUOTA).unwrap();
    let boxes: Vec<SealedBox> = (0..5).map(|_| sealed(&mut rng)).collect();
    store.apply(T0, &boxes.iter().map(write).collect::<Vec<_>>()).unwrap();
    drop(store);
    let good = std::fs::read(&path).unwrap();
    let copy = dir.path().join("changed.redb");
    for _ in 0..300 {
        let mut changed = good.clone();
        // Half of the changes in the header, where they matter most.
        let limit = if rng.random() { 320.min(good.len()) } else { good.len() };
        let at = rng.random_range(0..limit);
        changed[at] ^= rng.random_range(1..=255u8);
        std::fs::write(&copy, &changed).unwrap();
        if let Ok(mut store) = RedbStore::open(&copy, QUOTA) {
            for sealed in &boxes {
                find(&mut store, sealed);
            }
        }
    }
}

#[test]
fn the_file_is_closed_to_other_users() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("boxes.redb");
    drop(RedbStore::open(&path, 10).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
