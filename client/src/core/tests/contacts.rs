//! What a user does with somebody who is a contact: another name, and less noise.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::World;
use crate::core::{ContactView, Event, MessageState};
use crate::shell::service::{Call, answer};
use crate::store::CommitFault;

fn rename(world: &mut World, peer: usize, contact: &str, name: &str) -> Result<(), &'static str> {
    let now = world.now;
    let renamed = world.peers[peer].engine().rename(now, contact, name);
    world.drain(peer);
    renamed.map_err(|error| error.label())
}

fn mute(world: &mut World, peer: usize, contact: &str, muted: bool) -> Result<(), &'static str> {
    let now = world.now;
    let changed = world.peers[peer].engine().set_muted(now, contact, muted);
    world.drain(peer);
    changed.map_err(|error| error.label())
}

fn view(world: &mut World, peer: usize, name: &str) -> Option<ContactView> {
    world.peers[peer].engine().contacts().into_iter().find(|contact| contact.name == name)
}

#[test]
fn another_name_is_the_same_contact_everywhere_at_once() {
    let mut world = World::acquainted(121);
    let before = world.send(0, "Bob", "before");
    let id = *world.peers[0].engine().book.people.keys().next().unwrap();
    assert_eq!(rename(&mut world, 0, "Bob", "Robert"), Ok(()));
    assert_eq!(world.peers[0].engine().book.people.keys().copied().collect::<Vec<_>>(), [id]);
    assert_eq!(view(&mut world, 0, "Bob"), None);
    let now = world.now;
    let engine = world.peers[0].engine();
    assert_eq!(engine.message(&before).unwrap().contact, "Robert");
    assert_eq!(engine.status(now).waiting[0].contact, "Robert");
    assert_eq!(engine.messages("Bob", None).unwrap_err().label(), "contact-unknown");
    assert_eq!(
        world.peers[0].events,
        [Event::ContactRenamed { contact: "Robert".into(), before: "Bob".into() }]
    );
    world.send(1, "Alice", "hello");
    world.run_until("both are heard and stored", |world| {
        (0..2).all(|peer| !world.peers[peer].heard().is_empty())
            && world.peers[0].engine().message(&before).unwrap().state == MessageState::Stored
    });
    let told = |event: &Event| match event {
        Event::MessageState { contact, .. } => contact == "Robert",
        Event::MessageReceived { contact, message } => contact == "Robert" && message.contact == "Robert",
        _ => true,
    };
    assert!(world.peers[0].events.iter().all(told), "{:?}", world.peers[0].events);
    world.crash(0, false);
    assert_eq!(view(&mut world, 0, "Robert").unwrap().messages, 2);
    assert_eq!(world.peers[1].engine().contacts()[0].name, "Alice", "nobody else sees it");
}

#[test]
fn a_name_stays_unique_and_a_failing_store_changes_none() {
    let mut world = World::acquainted(122);
    world.invite(0, "Carol");
    for (contact, name, label) in [
        ("Bob", "Carol", "name-taken"),
        ("Bob", "", "name-invalid"),
        ("Bob", "Bob\u{202e}", "name-invalid"),
        ("Bob", "Notes", "name-reserved"),
        ("Nobody", "Somebody", "contact-unknown"),
    ] {
        assert_eq!(rename(&mut world, 0, contact, name), Err(label), "{contact} to {name:?}");
    }
    let commits = world.peers[0].engine().store().commits();
    assert_eq!(rename(&mut world, 0, "Bob", "Bob"), Ok(()));
    assert_eq!(world.peers[0].engine().store().commits(), commits, "the same name is no change");
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Lost);
    assert_eq!(rename(&mut world, 0, "Bob", "Robert"), Err("store-io"));
    assert!(view(&mut world, 0, "Bob").is_some());
    let renamed = |event: &Event| matches!(event, Event::ContactRenamed { .. });
    assert!(!world.peers[0].events.iter().any(renamed));
    // A name that was given up is free for somebody else.
    assert_eq!(rename(&mut world, 0, "Carol", "Caroline"), Ok(()));
    assert_eq!(rename(&mut world, 0, "Bob", "Carol"), Ok(()));
    world.invite(0, "Bob");
}

#[test]
fn messages_of_a_muted_contact_arrive_unread_and_say_so() {
    let mut world = World::acquainted(123);
    assert_eq!(mute(&mut world, 0, "Nobody", true), Err("contact-unknown"));
    assert_eq!(mute(&mut world, 0, "Bob", true), Ok(()));
    assert_eq!(mute(&mut world, 0, "Bob", true), Ok(()));
    assert_eq!(world.peers[0].events, [Event::ContactMuted { contact: "Bob".into(), muted: true }]);
    world.crash(0, false);
    world.send(1, "Alice", "psst");
    let own = world.send(0, "Bob", "I hear you");
    world.run_until("both are heard", |world| (0..2).all(|peer| !world.peers[peer].heard().is_empty()));
    let bob = view(&mut world, 0, "Bob").unwrap();
    assert!(bob.muted && !bob.blocked);
    assert_eq!((bob.unread, bob.messages), (1, 2));
    let received = |world: &World| -> Vec<bool> {
        let events = world.peers[0].events.iter();
        let of = |event: &Event| match event {
            Event::MessageReceived { message, .. } => Some(message.muted),
            _ => None,
        };
        events.filter_map(of).collect()
    };
    assert_eq!(received(&world), [true]);
    assert!(world.peers[0].engine().message(&own).unwrap().muted);
    assert_eq!(mute(&mut world, 0, "Bob", false), Ok(()));
    world.send(1, "Alice", "aloud");
    world.run_until("it is heard", |world| received(world).len() == 2);
    assert_eq!(received(&world), [true, false]);
    assert!(!world.peers[0].engine().message(&own).unwrap().muted, "it is the contact that is muted");
}

#[test]
fn what_is_unread_is_asked_for_with_or_without_muted_contacts() {
    let mut world = World::new(124, 3);
    for (peer, name) in [(1, "Bob"), (2, "Carol")] {
        let link = world.invite(0, name);
        world.accept(peer, &link, "Alice");
        world.send(peer, "Alice", name);
        world.send(peer, "Alice", "again");
    }
    world.run_until("all is heard", |world| world.peers[0].heard().len() == 4);
    mute(&mut world, 0, "Bob", true).unwrap();
    let mut unread = |params: &Value| {
        let (now, target) = (world.now, &mut world.peers[0]);
        let call = Call::parse("unread", params).unwrap();
        let answered = answer(target.engine.as_mut().unwrap(), &call, now, &mut target.rng).unwrap();
        let rows = answered["messages"].as_array().unwrap().iter();
        let marked: Vec<(String, bool)> = rows
            .map(|row| (row["contact"].as_str().unwrap().to_owned(), row["muted"].as_bool().unwrap()))
            .collect();
        (marked, answered["muted_left_out"].as_u64().unwrap())
    };
    let of = |name: &str, muted| vec![(name.to_owned(), muted); 2];
    let everything = (of("Bob", true).into_iter().chain(of("Carol", false)).collect(), 0);
    assert_eq!(unread(&json!({})), everything);
    assert_eq!(unread(&json!({ "muted": true })), everything);
    assert_eq!(unread(&json!({ "muted": false })), (of("Carol", false), 2));
    assert_eq!(unread(&json!({ "muted": false, "contact": "Bob" })), (of("Bob", true), 0));
    assert_eq!(unread(&json!({ "muted": false, "skip": 1 })), (of("Carol", false).split_off(1), 2));
}

#[test]
fn a_restored_profile_still_mutes_and_blocks_under_the_names_that_were_given() {
    let mut world = World::acquainted(125);
    rename(&mut world, 0, "Bob", "Robert").unwrap();
    mute(&mut world, 0, "Robert", true).unwrap();
    let (now, target) = (world.now, &mut world.peers[0]);
    target.engine.as_mut().unwrap().set_blocked(now, "Robert", true, &mut target.rng).unwrap();
    let backup = world.peers[0].engine().backup().unwrap();
    world.restore(0, backup);
    let robert = view(&mut world, 0, "Robert").unwrap();
    assert!(robert.muted && robert.blocked);
    let writes = world.writes.len();
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.writes.len(), writes, "the keys of the next session wait");
    let (now, target) = (world.now, &mut world.peers[0]);
    target.engine.as_mut().unwrap().set_blocked(now, "Robert", false, &mut target.rng).unwrap();
    world.send(1, "Alice", "hello");
    world.run_until("it is heard", |world| world.peers[0].heard().iter().any(|text| text == "hello"));
}
