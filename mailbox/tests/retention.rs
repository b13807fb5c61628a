//! How long a box is kept: never longer than its class says, whatever is written after it, and off the store soon.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sotto_mailbox::core::Action;
use sotto_mailbox::core::limits::{GC_BATCH_MAX, GC_INTERVAL, GC_PAUSE};
use sotto_mailbox::store::{MemoryStore, RedbStore, Store};
use sotto_protocol::boxes::SealedBox;
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::time::Timestamp;

use support::{T0, World, memory};

const MOMENT: Duration = Duration::from_micros(1);

/// What a class is sure to keep a box for: at least four fifths of its time, and all of it but an hour.
fn kept_for(ttl: TtlClass) -> Duration {
    let rounded = (ttl.duration() / 5).min(Duration::from_secs(3600));
    ttl.duration() - rounded
}

/// Moves the world to `at`, with the consensus of that time.
fn move_to(world: &mut World, at: Timestamp) {
    world.now = at;
    let consensus = world.consensus(at);
    // One key serves all epochs in these tests.
    let hop = sotto_protocol::sphinx::HopSecret::from_bytes(
        world.at(sotto_protocol::directory::Place::Mailbox).hop.to_bytes(),
    );
    world.mailbox.install_key(consensus.epoch, hop);
    world.mailbox.handle_consensus(at, consensus, &mut world.rng);
}

fn write(world: &mut World, store: &mut impl Store, sealed: &SealedBox, ttl: TtlClass) -> Reply {
    let (surb, keys) = world.surb();
    world.ask(store, &Command::Write { surb, ttl, sealed: sealed.clone() }, &keys)
}

fn is_found(world: &mut World, store: &mut impl Store, sealed: &SealedBox) -> bool {
    let (surb, keys) = world.surb();
    match world.ask(store, &Command::Read { surb, id: *sealed.id() }, &keys) {
        Reply::Found(found) => {
            assert_eq!(found, *sealed);
            true
        }
        Reply::NotFound => false,
        other => panic!("{other:?}"),
    }
}

/// Writes a box at `offset` after [`T0`] and reads it around the end of its class. Nothing is collected meanwhile.
fn check_class(store: &mut impl Store, ttl: TtlClass, offset: Duration) {
    let mut world = World::new(1);
    let sealed = world.sealed();
    let stored = T0 + offset;
    move_to(&mut world, stored);
    assert_eq!(write(&mut world, store, &sealed, ttl), Reply::Stored);
    assert!(is_found(&mut world, store, &sealed));
    move_to(&mut world, stored + kept_for(ttl) - MOMENT);
    assert!(is_found(&mut world, store, &sealed), "{ttl:?} at {offset:?}: less than what it is sure of");
    move_to(&mut world, stored + ttl.duration());
    assert!(!is_found(&mut world, store, &sealed), "{ttl:?} at {offset:?}: longer than its class");
    assert_eq!(store.usage().unwrap().boxes, 1, "it is absent though its row is there");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_read_after_a_class_is_over_never_finds_the_box(micros in 0..3_600_000_000_u64) {
        for ttl in TtlClass::ALL {
            check_class(&mut memory(), ttl, Duration::from_micros(micros));
        }
    }
}

#[test]
fn the_file_keeps_to_the_classes_as_memory_does() {
    for ttl in TtlClass::ALL {
        let dir = tempfile::tempdir().unwrap();
        let mut store = RedbStore::open(&dir.path().join("boxes.redb"), 10).unwrap();
        check_class(&mut store, ttl, Duration::from_secs(1234));
    }
}

/// A read that comes in one batch with the last moment of a box is decided by the time of the batch.
#[test]
fn a_box_that_expires_while_a_read_waits_is_not_given_out() {
    let (mut world, mut store) = (World::new(2), memory());
    let sealed = world.sealed();
    write(&mut world, &mut store, &sealed, TtlClass::Minutes5);
    world.now = T0 + TtlClass::Minutes5.duration() - MOMENT;
    let (surb, keys) = world.surb();
    world.deliver(&Command::Read { surb, id: *sealed.id() }.to_text()).unwrap();
    world.now = T0 + TtlClass::Minutes5.duration();
    let (_, packet) = world.settle(&mut store).remove(0);
    assert_eq!(world.open(packet, &keys), Reply::NotFound);
}

/// The class is not signed: whoever has read a box could write it again. That must neither prolong its life nor
/// end it.
#[test]
fn the_class_of_the_first_write_stands() {
    for first in TtlClass::ALL {
        for second in TtlClass::ALL {
            let (mut world, mut store) = (World::new(3), memory());
            let (sealed, control) = (world.sealed(), world.sealed());
            assert_eq!(write(&mut world, &mut store, &sealed, first), Reply::Stored);
            assert_eq!(write(&mut world, &mut store, &control, first), Reply::Stored);
            world.now = T0 + Duration::from_secs(60);
            assert_eq!(write(&mut world, &mut store, &sealed, second), Reply::AlreadyStored);
            // The two end in the same moment.
            for at in [kept_for(first) - MOMENT, kept_for(first), first.duration() - MOMENT, first.duration()]
            {
                move_to(&mut world, T0 + at);
                let expected = is_found(&mut world, &mut store, &control);
                assert_eq!(is_found(&mut world, &mut store, &sealed), expected, "{first:?} then {second:?}");
            }
            assert!(!is_found(&mut world, &mut store, &sealed), "{first:?} then {second:?}");
        }
    }
}

#[test]
fn a_tombstone_outlives_the_box_of_a_short_class() {
    let (mut world, mut store) = (World::new(4), memory());
    let mut cap = sotto_protocol::boxes::WriteCap::generate(&mut world.rng);
    let tombstone = cap.next_tombstone_key().tombstone();
    let sealed = cap.seal_next(b"text", &mut world.rng).unwrap();
    write(&mut world, &mut store, &sealed, TtlClass::Minutes5);
    let (surb, keys) = world.surb();
    let command = Command::Tombstone { surb, tombstone: tombstone.clone() };
    assert_eq!(world.ask(&mut store, &command, &keys), Reply::Stored);
    move_to(&mut world, T0 + kept_for(TtlClass::Fortnight) - MOMENT);
    let (surb, keys) = world.surb();
    let command = Command::Read { surb, id: *sealed.id() };
    assert_eq!(world.ask(&mut store, &command, &keys), Reply::Tombstoned(tombstone));
    assert_eq!(write(&mut world, &mut store, &sealed, TtlClass::Minutes5), Reply::Conflict);
}

/// Does what the mailbox asks for until `end`, as a shell would, and says when the store was empty.
fn collect_until(world: &mut World, store: &mut MemoryStore, end: Timestamp) -> Option<Timestamp> {
    world.mailbox.quiesce();
    while world.mailbox.poll_timeout() <= end {
        let now = world.mailbox.poll_timeout();
        world.mailbox.handle_timeout(now, &mut world.rng);
        while let Some(action) = world.mailbox.poll_action() {
            let Action::CollectGarbage { records_max } = action else { panic!("{action:?}") };
            let records = store.collect_garbage(now, records_max).unwrap();
            world.mailbox.handle_garbage(now, records);
        }
        if store.usage().unwrap().records() == 0 {
            return Some(now);
        }
    }
    None
}

#[test]
fn expired_boxes_leave_the_store_within_the_stated_bound() {
    for (boxes, ttl) in [(1, TtlClass::Minutes5), (1, TtlClass::Fortnight), (2000, TtlClass::Minutes15)] {
        let (mut world, mut store) = (World::new(5), MemoryStore::new(10_000));
        for _ in 0..boxes {
            let sealed = world.sealed();
            write(&mut world, &mut store, &sealed, ttl);
        }
        let over = T0 + ttl.duration();
        let steps = u32::try_from(boxes / GC_BATCH_MAX).unwrap();
        let bound = over + GC_INTERVAL + GC_PAUSE * steps;
        let empty = collect_until(&mut world, &mut store, bound).expect("within the bound");
        assert!(empty >= T0 + kept_for(ttl), "not before its time");
    }
}
