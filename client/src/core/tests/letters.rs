//! Replies, reactions, edits, deletions, limits of existence, receipts, and gaps that are repaired.

use std::time::Duration;

use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::world::{Faults, World};
use crate::core::parcel::Purpose;
use crate::core::{
    Disappearing, Event, MessageId, MessageKind, MessageState, MessageView, Receipts, SendOptions,
};
use crate::store::{RecordKind, Store};

fn send(world: &mut World, peer: usize, to: &str, text: &str, options: SendOptions) -> MessageId {
    let (now, peer) = (world.now, &mut world.peers[peer]);
    peer.engine.as_mut().unwrap().send(now, to, text, options, &mut peer.rng).unwrap()
}

fn history(world: &mut World, peer: usize, name: &str) -> Vec<MessageView> {
    world.peers[peer].engine().messages(name, None).unwrap()
}

fn heard(world: &mut World, text: &str) {
    world.run_until(text, |world| world.peers[1].heard().iter().any(|heard| heard == text));
}

fn state(world: &mut World, peer: usize, id: MessageId) -> Option<MessageState> {
    world.peers[peer].engine().message(&id).map(|view| view.state)
}

fn read_all(world: &mut World, peer: usize, name: &str) {
    let now = world.now;
    let last = history(world, peer, name).last().unwrap().seq;
    world.peers[peer].engine().mark_read(now, name, last).unwrap();
}

fn message_records(world: &mut World, peer: usize) -> usize {
    let records = world.peers[peer].engine().store().load().unwrap();
    records.iter().filter(|(key, _)| key.kind == RecordKind::Message).count()
}

/// Not a second later than so long after `start`, and not earlier.
#[track_caller]
fn on_time(world: &World, start: Timestamp, span_s: u64) {
    let passed_ms = world.now.as_millis() - start.as_millis();
    assert!((span_s * 1000..span_s * 1000 + 1000).contains(&passed_ms), "{passed_ms}");
}

#[test]
fn what_is_done_to_a_message_shows_on_both_sides_and_survives_a_crash() {
    let mut world = World::acquainted(201);
    world.faults = Faults { loss: 10, duplication: 10, holdup: 2 };
    world.send(0, "Bob", "Lunch at noon?");
    world.send(0, "Bob", "a slip");
    heard(&mut world, "a slip");
    let (now, peer) = (world.now, &mut world.peers[1]);
    let engine = peer.engine.as_mut().unwrap();
    let options = SendOptions { reply_to: Some(1), ..SendOptions::default() };
    engine.send(now, "Alice", "Yes", options, &mut peer.rng).unwrap();
    engine.react(now, "Alice", 1, Some("👍"), &mut peer.rng).unwrap();
    engine.react(now, "Alice", 1, Some("🎉"), &mut peer.rng).unwrap();
    world.run_until("the reaction is there", |world| {
        history(world, 0, "Bob").first().unwrap().reactions.theirs.as_deref() == Some("🎉")
    });
    read_all(&mut world, 1, "Alice");
    let (now, peer) = (world.now, &mut world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    let edit = engine.edit(now, "Bob", 1, "Lunch at one?", &mut peer.rng).unwrap();
    engine.delete_for_both(now, "Bob", 2, &mut peer.rng).unwrap();
    world.crash(0, false);
    world.run_until("both are done", |world| {
        history(world, 1, "Alice").get(1).unwrap().kind == MessageKind::Deleted
    });
    world.crash(1, false);
    let (alice, bob) = (history(&mut world, 0, "Bob"), history(&mut world, 1, "Alice"));
    let texts = |side: &[MessageView]| -> Vec<(MessageKind, String, bool)> {
        side.iter().map(|view| (view.kind, view.text.clone(), view.edited)).collect()
    };
    let expected = [
        (MessageKind::Text, "Lunch at one?".to_owned(), true),
        (MessageKind::Deleted, String::new(), false),
        (MessageKind::Text, "Yes".to_owned(), false),
    ];
    assert_eq!((texts(&alice), texts(&bob)), (expected.to_vec(), expected.to_vec()));
    assert_eq!(bob[0].reactions.own.as_deref(), Some("🎉"));
    assert_eq!((bob[2].is_reply, bob[2].refers_to), (true, Some(1)));
    assert_eq!((alice[2].is_reply, alice[2].refers_to), (true, Some(1)));
    // What letters did is done: once that is confirmed, nothing is left of them.
    world.run_until("only messages are left", |world| {
        message_records(world, 0) == 3 && message_records(world, 1) == 3
    });
    let said = |state| Event::MessageState { contact: "Bob".into(), message: edit, state };
    let events = &world.peers[0].events;
    assert!(events.contains(&said(MessageState::Delivered)));
    assert!(!events.contains(&said(MessageState::Read)), "Bob has not looked since");
}

#[test]
fn only_what_is_ones_own_can_be_changed_and_what_is_unsealed_goes_as_it_is() {
    let mut world = World::new(202, 2);
    let link = world.invite(0, "Bob");
    world.send(0, "Bob", "first draft");
    world.send(0, "Bob", "never mind");
    let (now, peer) = (world.now, &mut world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    engine.edit(now, "Bob", 1, "second draft", &mut peer.rng).unwrap();
    engine.delete_for_both(now, "Bob", 2, &mut peer.rng).unwrap();
    assert_eq!(message_records(&mut world, 0), 2, "no letter that changes what nobody has");
    world.accept(1, &link, "Alice");
    heard(&mut world, "second draft");
    world.run_until("both have come", |world| history(world, 1, "Alice").len() == 2);
    assert_eq!(history(&mut world, 1, "Alice")[1].kind, MessageKind::Deleted);
    assert!(!history(&mut world, 0, "Bob")[0].edited, "nobody has seen the first draft");
    let (now, peer) = (world.now, &mut world.peers[1]);
    let engine = peer.engine.as_mut().unwrap();
    let refused = |result: Result<MessageId, crate::core::EngineError>| result.unwrap_err().label();
    assert_eq!(refused(engine.edit(now, "Alice", 1, "x", &mut peer.rng)), "message-not-own");
    assert_eq!(refused(engine.delete_for_both(now, "Alice", 1, &mut peer.rng)), "message-not-own");
    assert_eq!(refused(engine.react(now, "Alice", 9, Some("x"), &mut peer.rng)), "message-unknown");
    assert_eq!(
        refused(engine.react(now, "Alice", 2, Some("x"), &mut peer.rng)),
        "message-unknown",
        "deleted"
    );
    assert_eq!(refused(engine.react(now, "Alice", 1, Some(""), &mut peer.rng)), "emoji");
    assert_eq!(refused(engine.react(now, "Alice", 1, Some("\u{1b}"), &mut peer.rng)), "emoji");
    assert_eq!(refused(engine.react(now, "Alice", 1, Some(&"x".repeat(99)), &mut peer.rng)), "emoji");
    engine.delete_here(now, "Alice", 1).unwrap();
    assert_eq!(history(&mut world, 1, "Alice").len(), 1);
    assert_eq!(history(&mut world, 0, "Bob").len(), 2, "the other side keeps it");
}

#[test]
fn disappearing_messages_go_on_both_sides_at_their_time_and_do_not_come_back() {
    let mut world = World::acquainted(203);
    let limits = |read_once, visible_for_s, exists_for_s| SendOptions {
        disappearing: Some(Disappearing { read_once, visible_for_s, exists_for_s }),
        ..SendOptions::default()
    };
    let start = world.now;
    let once = send(&mut world, 0, "Bob", "once", limits(true, 0, 0));
    let visible = send(&mut world, 0, "Bob", "visible", limits(false, 60, 0));
    let exists = send(&mut world, 0, "Bob", "exists", limits(false, 0, 600));
    let stays = send(&mut world, 0, "Bob", "stays", SendOptions::default());
    heard(&mut world, "stays");
    let backup = world.peers[1].engine().backup().unwrap();
    // The sender has seen what it wrote.
    world.run_until("the sender's is gone", |world| state(world, 0, visible).is_none());
    on_time(&world, start, 60);
    assert_eq!(state(&mut world, 0, once), None, "it was delivered");
    assert_eq!(history(&mut world, 1, "Alice").len(), 4, "nobody has read them");
    let read_at = world.now;
    read_all(&mut world, 1, "Alice");
    let texts = |world: &mut World, peer, name| -> Vec<String> {
        history(world, peer, name).into_iter().map(|view| view.text).collect()
    };
    assert_eq!(texts(&mut world, 1, "Alice"), ["visible", "exists", "stays"]);
    world.crash(1, false);
    world.run_until("what was visible is gone", |world| texts(world, 1, "Alice").len() == 2);
    on_time(&world, read_at, 60);
    world.run_until("what existed is gone", |world| state(world, 0, exists).is_none());
    on_time(&world, start, 600);
    world.run_for(Duration::from_secs(2));
    assert_eq!(texts(&mut world, 1, "Alice"), ["stays"]);
    assert_eq!(message_records(&mut world, 1), 1);
    let gone = |event: &&Event| matches!(event, Event::MessageVanished { .. });
    assert_eq!(world.peers[1].events.iter().filter(gone).count(), 2, "and one was read");
    world.restore(1, backup);
    assert_eq!(texts(&mut world, 1, "Alice"), ["stays"], "a backup brings nothing back that has ended");
    world.run_until("there is a session", |world| {
        world.peers[1].events.iter().any(|event| matches!(event, Event::ContactRenewed { .. }))
    });
    world.send(0, "Bob", "after");
    world.run_until("it is heard", |world| texts(world, 1, "Alice").iter().any(|text| text == "after"));
    world.run_for(Duration::from_secs(60));
    let left = texts(&mut world, 1, "Alice");
    assert!(left.iter().all(|text| !["once", "visible", "exists"].contains(&text.as_str())), "{left:?}");
    assert!(state(&mut world, 0, stays).is_some());
}

#[test]
fn a_conversation_has_limits_that_both_sides_see_and_the_later_decision_holds_on_both() {
    let mut world = World::acquainted(204);
    let set = |world: &mut World, peer: usize, name: &str, visible_for_s: u32| {
        let limits = Disappearing { visible_for_s, ..Disappearing::OFF };
        let (now, peer) = (world.now, &mut world.peers[peer]);
        peer.engine.as_mut().unwrap().set_disappearing(now, name, limits, &mut peer.rng).unwrap();
    };
    set(&mut world, 0, "Bob", 3600);
    set(&mut world, 1, "Alice", 7200);
    world.run_until("both know of both", |world| {
        history(world, 0, "Bob").len() == 2 && history(world, 1, "Alice").len() == 2
    });
    for (peer, name) in [(0, "Bob"), (1, "Alice")] {
        assert_eq!(world.peers[peer].engine().disappearing(name).unwrap().visible_for_s, 7200);
        let views = history(&mut world, peer, name);
        assert!(views.iter().all(|view| view.kind == MessageKind::Defaults));
        assert!(views.iter().any(|view| view.text.contains("3600 s after they were read")));
    }
    world.send(0, "Bob", "with the limits of the conversation");
    heard(&mut world, "with the limits of the conversation");
    let view = history(&mut world, 1, "Alice").pop().unwrap();
    assert_eq!(view.disappearing.unwrap().limits.visible_for_s, 7200);
    let (now, peer) = (world.now, &mut world.peers[0]);
    let short = Disappearing { exists_for_s: 599, ..Disappearing::OFF };
    let refused = peer.engine.as_mut().unwrap().set_disappearing(now, "Bob", short, &mut peer.rng);
    assert_eq!(refused.unwrap_err().label(), "disappearing-range");
}

#[test]
fn receipts_can_be_switched_off_each_by_itself() {
    for (delivered, read, expected) in [
        (true, true, MessageState::Read),
        (true, false, MessageState::Delivered),
        (false, false, MessageState::Stored),
        (false, true, MessageState::Read),
    ] {
        let mut world = World::acquainted(205);
        let now = world.now;
        world.peers[1].engine().set_receipts(now, "Alice", Receipts { delivered, read }).unwrap();
        let id = world.send(0, "Bob", "hello");
        heard(&mut world, "hello");
        world.run_for(Duration::from_secs(20));
        let before = if delivered { MessageState::Delivered } else { MessageState::Stored };
        assert_eq!(state(&mut world, 0, id), Some(before), "nobody has read it");
        read_all(&mut world, 1, "Alice");
        world.run_for(Duration::from_secs(20));
        assert_eq!(state(&mut world, 0, id), Some(expected), "{delivered} {read}");
    }
}

/// When a report leaves does not tell when the user looked.
#[test]
fn the_moments_of_reports_do_not_depend_on_the_user() {
    let moments = |read_after_s: Option<u64>| -> Vec<Timestamp> {
        let mut world = World::acquainted(206);
        world.send(0, "Bob", "hello");
        heard(&mut world, "hello");
        let (start, mut moments, mut is_read) = (world.now, Vec::new(), false);
        let engine = world.peers[1].engine();
        let mut next = engine.reports.next();
        while world.now < start + Duration::from_secs(60) {
            world.step();
            let due = read_after_s.is_some_and(|after_s| world.now >= start + Duration::from_secs(after_s));
            if due && !is_read {
                is_read = true;
                read_all(&mut world, 1, "Alice");
            }
            let now_next = world.peers[1].engine().reports.next();
            if now_next != next {
                moments.push(next);
                next = now_next;
            }
        }
        moments
    };
    let never = moments(None);
    assert!(never.len() > 10, "{}", never.len());
    assert_eq!(never, moments(Some(0)));
    assert_eq!(never, moments(Some(17)));
}

/// A letter whose boxes are lost at every mailbox: the gap is noticed, asked for, and closed.
#[test]
fn a_message_that_ran_out_is_never_said_to_be_stored() {
    let mut world = World::acquainted(208);
    let now = world.now;
    world.peers[0].engine().handle_session_lost(now, crate::core::Route::Mix, "the cable is cut");
    let disappearing = Some(Disappearing { exists_for_s: 600, ..Disappearing::OFF });
    let id = send(&mut world, 0, "Bob", "too late", SendOptions { disappearing, ..SendOptions::default() });
    let purposes = |world: &mut World| -> Vec<Purpose> {
        let book = &world.peers[0].engine().book;
        let contact = book.people.values().next().unwrap().contact.id;
        book.outbox.of(contact).map(|(_, outgoing)| outgoing.purpose).collect()
    };
    assert_eq!(purposes(&mut world), [Purpose::Lead, Purpose::Message(id)], "the first of a chain lasts");
    // No mailbox would keep it for less than five minutes.
    world.run_for(Duration::from_secs(400));
    assert_eq!(purposes(&mut world), [Purpose::Lead, Purpose::RunOut(Some(id))]);
    world.connect(0);
    world.run_until("what went ahead is stored", |world| purposes(world) == [Purpose::RunOut(Some(id))]);
    assert_eq!(state(&mut world, 0, id), Some(MessageState::Queued));
}

#[test]
fn a_gap_is_repaired_and_what_cannot_be_is_told() {
    for lost_for_good in [false, true] {
        let mut world = World::acquainted(207);
        let now = world.now;
        world.peers[1].engine().handle_session_lost(now, crate::core::Route::Mix, "the cable is cut");
        // The first box of a chain leads into another stream; its writer never makes a tombstone for it.
        let first = world.send(0, "Bob", "first");
        let book = &world.peers[0].engine().book;
        let write = &book.people.values().next().unwrap().link.live().unwrap().write;
        let tombstone =
            WriteCap::from_bytes(write.capability().to_bytes().as_slice()).unwrap().tombstone_next();
        let id = world.send(0, "Bob", "to be lost");
        world.run_until("both are stored", |world| {
            [first, id].into_iter().all(|id| state(world, 0, id) == Some(MessageState::Stored))
        });
        for mailbox in world.mailboxes() {
            world.tombstones.entry(mailbox).or_default().insert(*tombstone.id(), tombstone.clone());
        }
        if lost_for_good {
            let now = world.now;
            world.peers[0].engine().delete_here(now, "Bob", 2).unwrap();
        }
        world.send(0, "Bob", "after");
        world.connect(1);
        world.run_until("what follows is heard", |world| {
            world.peers[1].heard().iter().any(|text| text == "after")
        });
        let told = if lost_for_good { "did not come and cannot be had any more" } else { "to be lost" };
        world.run_until("the gap is closed", |world| {
            world.peers[1].heard().iter().any(|text| text.contains(told))
        });
        let again = world.peers[1].heard().iter().filter(|text| *text == "after").count();
        assert_eq!(again, 1, "nothing comes twice");
        if !lost_for_good {
            world.run_until("it is delivered", |world| state(world, 0, id) == Some(MessageState::Delivered));
        }
    }
}
