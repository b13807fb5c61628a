//! Two people talk over a network that loses, doubles and reorders.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

use super::world::{Faults, World};
use crate::core::{Direction, Event, MessageId, MessageState};

const HARSH: Faults = Faults { loss: 20, duplication: 10, holdup: 5 };

fn texts(marker: &str) -> Vec<String> {
    vec![
        format!("{marker} short"),
        String::new(),
        format!("{marker} Grüße, 你好, \u{1f642}, \u{202e}abc"),
        marker.repeat(20_000 / marker.len()),
        "\0\u{1b}[31m".into(),
        format!("{marker} last"),
    ]
}

#[test]
fn every_message_arrives_once_and_in_order_through_loss_duplication_and_reordering() {
    let mut world = World::acquainted(1);
    world.faults = HARSH;
    let (to_bob, to_alice) = (texts("a"), texts("bb"));
    for (out, back) in to_bob.iter().zip(&to_alice) {
        world.send(0, "Bob", out);
        world.send(1, "Alice", back);
        world.run_for(Duration::from_millis(300));
    }
    world.run_until("all is heard and stored", |world| {
        world.peers[1].heard().len() == to_bob.len()
            && world.peers[0].heard().len() == to_alice.len()
            && (0..2).all(|peer| world.peers[peer].engine().contacts()[0].queued == 0)
    });
    world.faults = Faults::default();
    world.run_for(Duration::from_secs(20));
    assert_eq!(world.peers[1].heard(), to_bob);
    assert_eq!(world.peers[0].heard(), to_alice);
    for (peer, name) in [(0, "Bob"), (1, "Alice")] {
        let engine = world.peers[peer].engine();
        let messages = engine.messages(name, None).unwrap();
        assert_eq!(
            messages.iter().map(|message| message.seq).collect::<Vec<_>>(),
            (1..=12).collect::<Vec<_>>()
        );
        for message in messages {
            let is_sent = message.direction == Direction::Out;
            assert_eq!(message.state.is_stored(), is_sent, "{:?}", message.state);
        }
        let counters = &engine.status(engine.now).counters;
        assert!(counters.retransmissions > 0, "a fifth of all packets was lost");
        assert!(counters.loops_lost > 0 && counters.loops_returned > counters.loops_lost);
    }
}

/// The states of a message that were told of.
fn states_of(world: &World, peer: usize, id: MessageId) -> Vec<MessageState> {
    let told = |event: &Event| match event {
        Event::MessageState { state, message, .. } if *message == id => Some(*state),
        _ => None,
    };
    world.peers[peer].events.iter().filter_map(told).collect()
}

#[test]
fn states_are_told_in_order_and_only_once_they_are_true() {
    let mut world = World::acquainted(2);
    let id = world.send(0, "Bob", "hello");
    assert_eq!(world.peers[0].engine().message(&id).unwrap().state, MessageState::Queued);
    let before = world.writes.len();
    assert_eq!(before, 4, "the keys of both have left, and nothing else");
    world.run_until("it is stored", |world| {
        let state = world.peers[0].engine().message(&id).unwrap().state;
        let copies = world.writes.len() - before;
        match state {
            MessageState::Queued => assert_eq!(copies, 0),
            MessageState::Released => assert!(copies >= 1),
            state if state.is_stored() => assert_eq!(copies, 2),
            other => panic!("{other:?}"),
        }
        state.is_stored()
    });
    assert_eq!(states_of(&world, 0, id), [MessageState::Released, MessageState::Stored]);
    world.run_until("it is delivered", |world| {
        world.peers[0].engine().message(&id).unwrap().state == MessageState::Delivered
    });
    assert_eq!(world.peers[1].heard(), ["hello"]);
    let now = world.now;
    world.peers[1].engine().mark_read(now, "Alice", 1).unwrap();
    world.run_until("it is read", |world| {
        world.peers[0].engine().message(&id).unwrap().state == MessageState::Read
    });
    world.run_for(Duration::from_secs(30));
    let told = states_of(&world, 0, id);
    let all = [MessageState::Released, MessageState::Stored, MessageState::Delivered, MessageState::Read];
    assert_eq!(told, all);
}

#[test]
fn a_message_is_stored_only_once_every_replica_has_it() {
    let mut world = World::acquainted(3);
    let id = world.send(0, "Bob", "hello");
    let late = world.mailboxes();
    world.run_until("a packet has left", |world| world.writes.len() > 2);
    // Whatever replica is still without an answer falls silent with all others.
    world.silent.extend(&late);
    world.run_for(Duration::from_secs(5));
    let state = world.peers[0].engine().message(&id).unwrap().state;
    assert_eq!(state, MessageState::Released);
    world.silent.clear();
    world.run_until("it is stored", |world| world.peers[0].engine().message(&id).unwrap().state.is_stored());
    assert_eq!(world.peers[0].engine().status(Timestamp::NEVER).outbox_boxes, 0);
}

#[test]
fn a_long_message_does_not_keep_answers_from_coming_in() {
    let mut world = World::acquainted(4);
    world.send(0, "Bob", &"x".repeat(64 * 1024));
    world.run_for(Duration::from_millis(200));
    world.send(1, "Alice", "a short answer");
    world.run_until("the answer is heard", |world| !world.peers[0].heard().is_empty());
    assert!(world.peers[0].engine().contacts()[0].queued > 0, "while the long one is still being sent");
    world.run_until("the long one is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(world.peers[1].heard()[0].len(), 64 * 1024);
}

#[test]
fn one_person_with_several_contacts_hears_them_all() {
    let mut world = World::new(5, 4);
    for (peer, name) in [(1, "Bob"), (2, "Carol"), (3, "Dave")] {
        let link = world.invite(0, name);
        world.accept(peer, &link, "Alice");
        world.send(peer, "Alice", name);
        world.send(0, name, name);
    }
    world.run_until("all have heard one another", |world| {
        world.peers[0].heard().len() == 3 && (1..4).all(|peer| world.peers[peer].heard().len() == 1)
    });
    let mut heard = world.peers[0].heard();
    heard.sort();
    assert_eq!(heard, ["Bob", "Carol", "Dave"]);
    let contacts = world.peers[0].engine().contacts();
    assert_eq!(contacts.iter().map(|contact| contact.unread).collect::<Vec<_>>(), [1, 1, 1]);
    let now = world.now;
    world.peers[0].engine().mark_read(now, "Carol", 2).unwrap();
    let contacts = world.peers[0].engine().contacts();
    assert_eq!(contacts.iter().map(|contact| contact.unread).collect::<Vec<_>>(), [1, 0, 1]);
}
