//! What every store must do, asked of each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_mailbox::store::{MemoryStore, RedbStore, Store, StoreOp, StoreResult, Usage};
use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone, WriteCap};
use sotto_protocol::time::Timestamp;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A box, another box under the same id, and the id's tombstone.
fn trio(rng: &mut ChaCha20Rng) -> (SealedBox, SealedBox, Tombstone) {
    let mut cap = WriteCap::generate(rng);
    let mut twin = WriteCap::from_bytes(cap.to_bytes().as_slice()).unwrap();
    let tombstone = cap.next_tombstone_key().tombstone();
    let first = cap.seal_next(b"first", rng).unwrap();
    let second = twin.seal_next(b"second", rng).unwrap();
    assert_eq!(first.id(), second.id());
    (first, second, tombstone)
}

fn write(sealed: &SealedBox, expires: Timestamp) -> StoreOp {
    StoreOp::Write { sealed: sealed.clone(), expires }
}

fn bury(tombstone: &Tombstone, expires: Timestamp) -> StoreOp {
    StoreOp::Tombstone { tombstone: tombstone.clone(), expires }
}

fn read(id: &BoxId) -> StoreOp {
    StoreOp::Read { id: *id }
}

fn one(store: &mut impl Store, now: Timestamp, op: StoreOp) -> StoreResult {
    let mut results = store.apply(now, &[op]).unwrap();
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn the_first_write_stands(mut store: impl Store) {
    let (first, second, _) = trio(&mut rng(1));
    let expires = T0 + HOUR;
    assert_eq!(one(&mut store, T0, read(first.id())), StoreResult::NotFound);
    assert_eq!(one(&mut store, T0, write(&first, expires)), StoreResult::Stored);
    assert_eq!(one(&mut store, T0, write(&first, expires + HOUR)), StoreResult::AlreadyStored);
    assert_eq!(one(&mut store, T0, write(&second, expires)), StoreResult::Conflict);
    assert_eq!(one(&mut store, T0, read(first.id())), StoreResult::Found(first.clone()));
    // Writing it again did not prolong its life.
    assert_eq!(one(&mut store, expires, read(first.id())), StoreResult::NotFound);
}

fn a_tombstone_replaces_a_box_for_good(mut store: impl Store) {
    let (first, second, tombstone) = trio(&mut rng(2));
    let expires = T0 + HOUR;
    one(&mut store, T0, write(&first, expires));
    assert_eq!(one(&mut store, T0, bury(&tombstone, expires + HOUR)), StoreResult::Stored);
    assert_eq!(one(&mut store, T0, bury(&tombstone, expires + HOUR)), StoreResult::AlreadyStored);
    assert_eq!(one(&mut store, T0, write(&first, expires)), StoreResult::Conflict);
    assert_eq!(one(&mut store, T0, write(&second, expires)), StoreResult::Conflict);
    assert_eq!(one(&mut store, T0, read(first.id())), StoreResult::Tombstoned(tombstone.clone()));
    // It outlives the box.
    assert_eq!(one(&mut store, expires, read(first.id())), StoreResult::Tombstoned(tombstone));
    assert_eq!(store.usage().unwrap(), Usage { boxes: 0, tombstones: 1, quota: 100 });
}

fn a_tombstone_keeps_a_box_out_that_comes_later(mut store: impl Store) {
    let (first, _, tombstone) = trio(&mut rng(3));
    assert_eq!(one(&mut store, T0, bury(&tombstone, T0 + HOUR)), StoreResult::Stored);
    assert_eq!(one(&mut store, T0, write(&first, T0 + HOUR)), StoreResult::Conflict);
    assert_eq!(one(&mut store, T0, read(first.id())), StoreResult::Tombstoned(tombstone));
}

fn operations_of_one_batch_see_each_other(mut store: impl Store) {
    let (first, second, tombstone) = trio(&mut rng(4));
    let ops = [
        read(first.id()),
        write(&first, T0 + HOUR),
        write(&second, T0 + HOUR),
        read(first.id()),
        bury(&tombstone, T0 + HOUR),
        read(first.id()),
    ];
    let results = store.apply(T0, &ops).unwrap();
    assert_eq!(
        results,
        [
            StoreResult::NotFound,
            StoreResult::Stored,
            StoreResult::Conflict,
            StoreResult::Found(first),
            StoreResult::Stored,
            StoreResult::Tombstoned(tombstone),
        ]
    );
}

fn what_has_expired_is_absent_and_may_be_written_again(mut store: impl Store) {
    let (first, second, _) = trio(&mut rng(5));
    one(&mut store, T0, write(&first, T0 + HOUR));
    let just_before = T0 + HOUR - Duration::from_micros(1);
    assert_eq!(one(&mut store, just_before, read(first.id())), StoreResult::Found(first.clone()));
    assert_eq!(one(&mut store, T0 + HOUR, read(first.id())), StoreResult::NotFound);
    assert_eq!(one(&mut store, T0 + HOUR, write(&second, T0 + HOUR * 3)), StoreResult::Stored);
    // The collection must not take the successor for the box that expired.
    assert_eq!(store.collect_garbage(T0 + HOUR * 2, 100).unwrap(), 0);
    assert_eq!(one(&mut store, T0 + HOUR * 2, read(first.id())), StoreResult::Found(second));
}

fn garbage_is_collected_soonest_first_and_in_bounds(mut store: impl Store) {
    let mut rng = rng(6);
    let boxes: Vec<SealedBox> = (0..10).map(|_| trio(&mut rng).0).collect();
    for (hours, sealed) in (1..).zip(&boxes) {
        one(&mut store, T0, write(sealed, T0 + HOUR * hours));
    }
    assert_eq!(store.collect_garbage(T0, 100).unwrap(), 0);
    assert_eq!(store.collect_garbage(T0 + HOUR * 5, 3).unwrap(), 3);
    assert_eq!(store.collect_garbage(T0 + HOUR * 5, 3).unwrap(), 2);
    assert_eq!(store.collect_garbage(T0 + HOUR * 5, 3).unwrap(), 0);
    assert_eq!(store.usage().unwrap().records(), 5);
    for (index, sealed) in boxes.iter().enumerate() {
        let expected = if index < 5 { StoreResult::NotFound } else { StoreResult::Found(sealed.clone()) };
        assert_eq!(one(&mut store, T0, read(sealed.id())), expected, "box {index}");
    }
}

fn a_full_store_refuses_what_is_new_and_only_that(mut store: impl Store) {
    let mut rng = rng(7);
    let boxes: Vec<_> = (0..100).map(|_| trio(&mut rng)).collect();
    for (first, _, _) in &boxes {
        assert_eq!(one(&mut store, T0, write(first, T0 + HOUR)), StoreResult::Stored);
    }
    let (fresh, _, fresh_tombstone) = trio(&mut rng);
    let (held, other, tombstone) = &boxes[0];
    assert_eq!(one(&mut store, T0, write(&fresh, T0 + HOUR)), StoreResult::QuotaFull);
    assert_eq!(one(&mut store, T0, bury(&fresh_tombstone, T0 + HOUR)), StoreResult::QuotaFull);
    assert_eq!(one(&mut store, T0, read(fresh.id())), StoreResult::NotFound);
    assert_eq!(one(&mut store, T0, write(held, T0 + HOUR)), StoreResult::AlreadyStored);
    assert_eq!(one(&mut store, T0, write(other, T0 + HOUR)), StoreResult::Conflict);
    assert_eq!(one(&mut store, T0, bury(tombstone, T0 + HOUR * 2)), StoreResult::Stored);
    assert_eq!(store.usage().unwrap(), Usage { boxes: 99, tombstones: 1, quota: 100 });
    // What has expired makes room once it is collected.
    assert_eq!(one(&mut store, T0 + HOUR, write(&fresh, T0 + HOUR * 2)), StoreResult::QuotaFull);
    assert_eq!(store.collect_garbage(T0 + HOUR, 1).unwrap(), 1);
    assert_eq!(one(&mut store, T0 + HOUR, write(&fresh, T0 + HOUR * 2)), StoreResult::Stored);
}

fn an_empty_batch_is_a_batch(mut store: impl Store) {
    assert_eq!(store.apply(T0, &[]).unwrap(), []);
}

macro_rules! suite {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $rule() { super::$rule(super::MemoryStore::new(100)); })*
        }
        mod redb {
            $(#[test] fn $rule() {
                let dir = tempfile::tempdir().unwrap();
                super::$rule(super::RedbStore::open(&dir.path().join("boxes.redb"), 100).unwrap());
            })*
        }
    };
}

suite!(
    the_first_write_stands,
    a_tombstone_replaces_a_box_for_good,
    a_tombstone_keeps_a_box_out_that_comes_later,
    operations_of_one_batch_see_each_other,
    what_has_expired_is_absent_and_may_be_written_again,
    garbage_is_collected_soonest_first_and_in_bounds,
    a_full_store_refuses_what_is_new_and_only_that,
    an_empty_batch_is_a_batch,
);

/// Both stores, given the same random batches, answer the same.
#[test]
fn both_stores_answer_the_same() {
    let mut rng = rng(8);
    let pool: Vec<_> = (0..24).map(|_| trio(&mut rng)).collect();
    let dir = tempfile::tempdir().unwrap();
    let mut memory = MemoryStore::new(16);
    let mut redb = RedbStore::open(&dir.path().join("boxes.redb"), 16).unwrap();
    let mut now = T0;
    for _ in 0..60 {
        now = now + Duration::from_secs(rng.random_range(0..2000));
        let ops: Vec<StoreOp> = (0..rng.random_range(0..20))
            .map(|_| {
                let (first, second, tombstone) = &pool[rng.random_range(0..pool.len())];
                let expires = now + Duration::from_secs(rng.random_range(1..10_000));
                match rng.random_range(0..6) {
                    0 | 1 => write(first, expires),
                    2 => write(second, expires),
                    3 => bury(tombstone, expires),
                    _ => read(first.id()),
                }
            })
            .collect();
        assert_eq!(memory.apply(now, &ops).unwrap(), redb.apply(now, &ops).unwrap());
        let records_max = rng.random_range(0..4);
        assert_eq!(
            memory.collect_garbage(now, records_max).unwrap(),
            redb.collect_garbage(now, records_max).unwrap()
        );
        assert_eq!(memory.usage().unwrap(), redb.usage().unwrap());
    }
}
