//! A contact that is deleted: everything of it is gone, at whatever moment, and nothing brings it back.

use std::collections::BTreeSet;
use std::time::Duration;

use super::world::{Faults, World};
use crate::core::{ContactState, DeletionView, Event, MessageState, Route, RoutePlan};
use crate::store::{CommitFault, RecordKey, RecordKind, Store};

fn delete(world: &mut World, peer: usize, contact: &str) -> Result<DeletionView, &'static str> {
    let now = world.now;
    let deletion = world.peers[peer].engine().delete_contact(now, contact);
    world.drain(peer);
    deletion.map_err(|error| error.label())
}

/// The name of every record on a peer's disk.
fn keys(world: &mut World, peer: usize) -> BTreeSet<RecordKey> {
    world.peers[peer].engine().store().load().unwrap().into_iter().map(|(key, _)| key).collect()
}

/// That a peer knows nobody, on its disk and in memory.
#[track_caller]
fn assert_nobody(world: &mut World, peer: usize, before: &BTreeSet<RecordKey>) {
    assert_eq!(keys(world, peer), *before);
    let engine = world.peers[peer].engine();
    let book = &engine.book;
    assert!(book.people.is_empty() && book.places().len() == 0 && book.watches.is_empty());
    assert_eq!(book.outbox.len(), 0);
    assert!(engine.in_use.is_empty() && engine.unkept.is_empty());
}

/// Peer 0 knows Bob, by an invitation that peer 1 has answered, and has every kind of record of him.
fn entangled(seed: u64) -> (World, BTreeSet<RecordKey>) {
    let mut world = World::new(seed, 2);
    let before = keys(&mut world, 0);
    let link = world.invite(0, "Bob");
    world.accept(1, &link, "Alice");
    world.run_until("both are established", |world| {
        (0..2).all(|peer| world.peers[peer].engine().contacts()[0].state == ContactState::Established)
    });
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Bob", Some(RoutePlan::only(Route::Mix))).unwrap();
    world.send(1, "Alice", "short");
    world.run_until("it is heard", |world| !world.peers[0].heard().is_empty());
    world.send(0, "Bob", &"on its way ".repeat(800));
    world.send(1, "Alice", &"on its way ".repeat(1500));
    world.run_until("parts of the other one have come", |world| {
        keys(world, 0).iter().any(|key| key.kind == RecordKind::Inbox)
    });
    let (now, target) = (world.now, &mut world.peers[0]);
    target.engine.as_mut().unwrap().renew(now, "Bob", false, &mut target.rng).unwrap();
    world.send(0, "Bob", "waits unsealed");
    world.run_until("places of keys are watched", |world| !world.peers[0].engine().book.watches.is_empty());
    (world, before)
}

#[test]
fn no_record_of_a_deleted_contact_is_left() {
    let (mut world, before) = entangled(151);
    let kinds: BTreeSet<RecordKind> = keys(&mut world, 0).iter().map(|key| key.kind).collect();
    for kind in [
        RecordKind::Contact,
        RecordKind::Link,
        RecordKind::Outbox,
        RecordKind::Message,
        RecordKind::Inbox,
        RecordKind::Routes,
        RecordKind::Bond,
        RecordKind::Renewal,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} is there before");
    }
    assert!(!world.peers[0].engine().book.watches.is_empty());
    assert_eq!(delete(&mut world, 0, "Nobody"), Err("contact-unknown"));
    let deletion = delete(&mut world, 0, "Bob").unwrap();
    assert_eq!(deletion.contact, "Bob");
    assert_eq!((deletion.messages, deletion.queued, deletion.withdrawn), (3, 2, false));
    assert_nobody(&mut world, 0, &before);
    assert_eq!(delete(&mut world, 0, "Bob"), Err("contact-unknown"));
    let told = world.peers[0].events.last();
    assert_eq!(told, Some(&Event::ContactDeleted { contact: "Bob".into() }));
    let events = world.peers[0].events.len();
    world.run_for(Duration::from_secs(5));
    world.crash(0, false);
    world.run_for(Duration::from_secs(12));
    assert_nobody(&mut world, 0, &before);
    assert_eq!(world.peers[0].events.len(), events, "nothing is told of somebody who is not there");
    let now = world.now;
    let counters = world.peers[0].engine().status(now).counters;
    assert_eq!((counters.sent_write, counters.sent_read), (0, 0));
    // The other side knows nothing of it, and what it writes is stored as ever.
    let last = world.send(1, "Alice", "are you there?");
    world.run_until("it is stored", |world| {
        world.peers[1].engine().message(&last).unwrap().state == MessageState::Stored
    });
}

#[test]
fn deleting_at_any_moment_harms_nobody_and_brings_nothing_back() {
    for steps in (0..420).step_by(47) {
        let mut world = World::new(152, 3);
        world.faults = Faults { loss: 10, duplication: 20, holdup: 5 };
        let before = keys(&mut world, 0);
        let link = world.invite(0, "Bob");
        world.accept(1, &link, "Alice");
        world.send(0, "Bob", &"x".repeat(3000));
        world.send(1, "Alice", &"y".repeat(3000));
        (0..steps).for_each(|_| world.step());
        let deletion = delete(&mut world, 0, "Bob").unwrap();
        let mut left = keys(&mut world, 0);
        left.retain(|key| !before.contains(key));
        let withdrawal = left.iter().filter(|key| key.kind == RecordKind::Outbox).count();
        assert_eq!(
            (left.len(), withdrawal),
            (usize::from(deletion.withdrawn), usize::from(deletion.withdrawn))
        );
        let events = world.peers[0].events.len();
        world.run_for(Duration::from_secs(2));
        if steps % 4 == 0 {
            world.crash(0, true);
        }
        world.run_until("nothing waits any more", |world| world.peers[0].engine().book.outbox.len() == 0);
        world.run_for(Duration::from_secs(4));
        assert_nobody(&mut world, 0, &before);
        assert_eq!(world.peers[0].events.len(), events, "after {steps} steps");
        // The same name for somebody else, who is heard.
        let link = world.invite(0, "Bob");
        world.accept(2, &link, "Alice");
        world.send(2, "Alice", "another Bob");
        world.run_until("it is heard", |world| {
            world.peers[0].heard().last().is_some_and(|text| text == "another Bob")
        });
    }
}

#[test]
fn an_invitation_that_nobody_has_answered_is_withdrawn_with_its_contact() {
    let mut world = World::new(153, 2);
    let before = keys(&mut world, 0);
    let link = world.invite(0, "Bob");
    world.send(0, "Bob", "waits for an answer");
    world.run_until("the keys are laid out", |world| world.peers[0].engine().book.outbox.len() == 0);
    let deletion = delete(&mut world, 0, "Bob").unwrap();
    assert_eq!((deletion.messages, deletion.queued, deletion.withdrawn), (1, 1, true));
    world.crash(0, false);
    assert!(world.peers[0].engine().contacts().is_empty());
    world.run_until("the mailboxes are told", |world| world.peers[0].engine().book.outbox.len() == 0);
    assert_nobody(&mut world, 0, &before);
    world.accept(1, &link, "Alice");
    world.run_until("who has the link is told", |world| {
        world.peers[1].engine().contacts()[0].state == ContactState::Revoked
    });
}

#[test]
fn dead_contacts_and_requests_are_deleted_too() {
    let mut world = World::new(154, 2);
    let before: Vec<BTreeSet<RecordKey>> = (0..2).map(|peer| keys(&mut world, peer)).collect();
    // A request that waits for its answer.
    let (now, target) = (world.now, &mut world.peers[1]);
    let address = target.engine.as_mut().unwrap().create_address(now, "blog", &mut target.rng).unwrap();
    let target = &mut world.peers[0];
    let asking =
        target.engine.as_mut().unwrap().ask_at(now, &address.to_string(), "Blog", "hi", &mut target.rng);
    asking.unwrap();
    world.run_until("the request is there", |world| world.peers[1].engine().requests().len() == 1);
    assert!(keys(&mut world, 0).iter().any(|key| key.kind == RecordKind::Asking));
    assert!(!delete(&mut world, 0, "Blog").unwrap().withdrawn);
    assert_nobody(&mut world, 0, &before[0]);
    // Accepted all the same, its owner meets nobody.
    let request = world.peers[1].engine().requests()[0].request;
    let (now, target) = (world.now, &mut world.peers[1]);
    target.engine.as_mut().unwrap().accept_request(now, &request, "Who", &mut target.rng).unwrap();
    world.run_for(Duration::from_secs(10));
    assert_nobody(&mut world, 0, &before[0]);
    // One that was withdrawn before, and one that ran out.
    world.invite(0, "Revoked");
    let now = world.now;
    world.peers[0].engine().revoke_invite(now, "Revoked").unwrap();
    world.invite(0, "Expired");
    world.run_until("the mailboxes have both", |world| world.peers[0].engine().book.outbox.len() == 0);
    world.now = world.now + Duration::from_secs(700);
    for name in ["Revoked", "Expired"] {
        assert!(!delete(&mut world, 0, name).unwrap().withdrawn, "{name}");
    }
    assert_nobody(&mut world, 0, &before[0]);
    // A blocked one.
    let (now, target) = (world.now, &mut world.peers[1]);
    target.engine.as_mut().unwrap().set_blocked(now, "Who", true, &mut target.rng).unwrap();
    delete(&mut world, 1, "Who").unwrap();
    assert!(world.peers[1].engine().contacts().is_empty());
}

#[test]
fn a_process_that_dies_while_it_deletes_has_deleted_all_or_nothing() {
    for (seed, fault) in [(155, CommitFault::Lost), (156, CommitFault::Kept)] {
        let (mut world, before) = entangled(seed);
        let whole = keys(&mut world, 0);
        let commits = world.peers[0].engine().store().commits();
        world.peers[0].engine().store_mut().fail_commit(0, fault);
        let deleted = delete(&mut world, 0, "Bob");
        assert_eq!(world.peers[0].engine().store().commits(), commits + 1, "one commit decides");
        match fault {
            CommitFault::Lost => assert_eq!(deleted, Err("store-io")),
            CommitFault::Kept => assert!(deleted.is_ok()),
        }
        world.crash(0, false);
        if fault == CommitFault::Kept {
            assert_nobody(&mut world, 0, &before);
        } else {
            assert_eq!(keys(&mut world, 0), whole);
            world.run_until("the conversation goes on", |world| {
                world.peers[0].heard().len() == 2 && world.peers[1].heard().len() == 2
            });
            delete(&mut world, 0, "Bob").unwrap();
            assert_nobody(&mut world, 0, &before);
        }
    }
}

/// A disk that is gone leaves open whether the contact was deleted, until it is back.
#[test]
fn deleting_on_a_disk_that_is_gone_is_refused_and_can_be_repeated() {
    let (mut world, before) = entangled(157);
    world.peers[0].engine().store_mut().set_out(true);
    assert_eq!(delete(&mut world, 0, "Bob"), Err("store-io"));
    assert_eq!(world.peers[0].engine().contacts().len(), 1);
    world.run_for(Duration::from_secs(3));
    world.peers[0].engine().store_mut().set_out(false);
    world.run_for(Duration::from_secs(3));
    delete(&mut world, 0, "Bob").unwrap();
    world.run_for(Duration::from_secs(5));
    assert_nobody(&mut world, 0, &before);
}

#[test]
fn others_are_left_alone() {
    let mut world = World::new(158, 3);
    let links = ["Bob", "Carol"].map(|name| world.invite(0, name));
    for (peer, link) in (1..).zip(&links) {
        world.accept(peer, link, "Alice");
    }
    world.send(1, "Alice", "from Bob");
    world.send(2, "Alice", "from Carol");
    world.run_until("both are heard", |world| world.peers[0].heard().len() == 2);
    world.send(0, "Carol", "to Carol");
    delete(&mut world, 0, "Bob").unwrap();
    world.run_until("Carol hears", |world| !world.peers[2].heard().is_empty());
    world.send(2, "Alice", "again");
    world.run_until("Carol is heard", |world| world.peers[0].heard().len() == 3);
    world.crash(0, false);
    let messages = world.peers[0].engine().messages("Carol", None).unwrap();
    assert_eq!(messages.len(), 3);
}
