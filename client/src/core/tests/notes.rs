//! Notes to oneself: kept, found, backed up, and never sent.

use std::time::Duration;

use super::world::World;
use crate::core::limits::TEXT_LEN_MAX;
use crate::core::{ContactState, Direction, MessageState, Route, RoutePlan};
use crate::store::{CommitFault, Store};

fn note(world: &mut World, peer: usize, text: &str) -> Result<crate::core::MessageId, &'static str> {
    let (now, target) = (world.now, &mut world.peers[peer]);
    target.engine.as_mut().unwrap().add_note(now, text, &mut target.rng).map_err(|error| error.label())
}

fn notes(world: &mut World, peer: usize) -> Vec<String> {
    let messages = world.peers[peer].engine().messages("notes", None).unwrap();
    messages.into_iter().map(|message| message.text).collect()
}

#[test]
fn a_note_is_kept_and_no_packet_carries_anything_of_it() {
    let mut world = World::new(141, 1);
    assert_eq!(world.peers[0].engine().messages("notes", None).unwrap_err().label(), "contact-unknown");
    let first = note(&mut world, 0, "buy milk").unwrap();
    note(&mut world, 0, "second").unwrap();
    let now = world.now;
    let engine = world.peers[0].engine();
    let message = engine.message(&first).unwrap();
    assert_eq!((message.state, message.direction), (MessageState::Kept, Direction::Out));
    assert_eq!((message.contact.as_str(), message.seq), ("notes", 1));
    let view = engine.contacts().remove(0);
    assert_eq!((view.name.as_str(), view.state, view.messages), ("notes", ContactState::Notes, 2));
    assert_eq!((view.unread, view.queued, view.expires_ms), (0, 0, None));
    assert!(view.protects.contains("never sent"));
    assert!(engine.status(now).waiting.is_empty());
    world.run_for(Duration::from_secs(5));
    world.crash(0, false);
    world.run_for(Duration::from_secs(12));
    let now = world.now;
    let counters = world.peers[0].engine().status(now).counters;
    assert_eq!((counters.sent_write, counters.sent_read), (0, 0));
    assert!(counters.sent_decoy > 150 && world.writes.is_empty());
    assert_eq!(notes(&mut world, 0), ["buy milk", "second"]);
    assert_eq!(world.peers[0].engine().message(&first).unwrap().state, MessageState::Kept);
}

#[test]
fn nobody_can_take_their_name_and_nothing_that_needs_a_person_can_be_done() {
    let mut world = World::acquainted(142);
    let (now, target) = (world.now, &mut world.peers[0]);
    let (engine, rng) = (target.engine.as_mut().unwrap(), &mut target.rng);
    let ttl = Duration::from_secs(600);
    for name in ["notes", "Notes"] {
        assert_eq!(engine.create_invite(now, name, ttl, rng).unwrap_err().label(), "name-reserved");
        assert_eq!(engine.rename(now, "Bob", name).unwrap_err().label(), "name-reserved");
    }
    engine.add_note(now, "hello", rng).unwrap();
    let refused = [
        engine.send_text(now, "notes", "x", rng).unwrap_err(),
        engine.renew(now, "notes", false, rng).unwrap_err(),
        engine.rename(now, "notes", "diary").unwrap_err(),
        engine.set_muted(now, "notes", true).unwrap_err(),
        engine.set_blocked(now, "notes", true, rng).unwrap_err(),
        engine.set_verified(now, "notes", true, rng).unwrap_err(),
        engine.set_contact_routes(now, "notes", Some(RoutePlan::only(Route::Tor))).unwrap_err(),
        engine.revoke_invite(now, "notes").unwrap_err(),
        engine.safety_number("notes").unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.label(), "contact-is-notes");
    }
    let too_long = engine.add_note(now, &"x".repeat(TEXT_LEN_MAX + 1), rng).unwrap_err();
    assert_eq!(too_long.label(), "text-too-long");
    engine.mark_read(now, "notes", 1).unwrap();
    world.run_for(Duration::from_secs(5));
    world.send(0, "Bob", "and Bob is heard as before");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
}

#[test]
fn notes_are_in_a_backup_and_in_what_is_restored_from_it() {
    let mut world = World::acquainted(143);
    note(&mut world, 0, "one").unwrap();
    note(&mut world, 0, "two").unwrap();
    let backup = world.peers[0].engine().backup().unwrap();
    note(&mut world, 0, "after the backup").unwrap();
    world.restore(0, backup);
    assert_eq!(notes(&mut world, 0), ["one", "two"]);
    let messages = world.peers[0].engine().messages("notes", None).unwrap();
    assert!(messages.iter().all(|message| message.state == MessageState::Kept));
    note(&mut world, 0, "three").unwrap();
    world.crash(0, false);
    assert_eq!(notes(&mut world, 0), ["one", "two", "three"]);
    let states: Vec<ContactState> =
        world.peers[0].engine().contacts().iter().map(|contact| contact.state).collect();
    assert_eq!(states, [ContactState::Established, ContactState::Notes]);
}

#[test]
fn a_note_that_could_not_be_kept_is_none_and_deleted_ones_leave_nothing() {
    let mut world = World::new(144, 1);
    let keys = |world: &mut World| {
        let records = world.peers[0].engine().store().load().unwrap();
        records.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let before = keys(&mut world);
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Lost);
    assert_eq!(note(&mut world, 0, "lost"), Err("store-io"));
    assert!(world.peers[0].engine().contacts().is_empty());
    assert_eq!(keys(&mut world), before);
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Kept);
    note(&mut world, 0, "kept").unwrap();
    assert_eq!(notes(&mut world, 0), ["kept"]);
    let now = world.now;
    let deletion = world.peers[0].engine().delete_contact(now, "notes").unwrap();
    assert_eq!((deletion.messages, deletion.queued, deletion.withdrawn), (1, 0, false));
    assert_eq!(keys(&mut world), before);
    note(&mut world, 0, "anew").unwrap();
    assert_eq!(notes(&mut world, 0), ["anew"]);
}
