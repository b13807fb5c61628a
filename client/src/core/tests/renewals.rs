//! Sessions made anew, by either side, by both, after a loss and without one; and the ratchet's own steps.

use std::time::Duration;

use super::world::{Faults, World};
use crate::core::{Event, MessageKind, MessageState, Trust};
use crate::session::KemPolicy;

fn renew(world: &mut World, peer: usize, name: &str, new_identity: bool) {
    let (now, peer) = (world.now, &mut world.peers[peer]);
    peer.engine.as_mut().unwrap().renew(now, name, new_identity, &mut peer.rng).unwrap();
}

fn renewed(world: &World, peer: usize) -> usize {
    let told = |event: &&Event| matches!(event, Event::ContactRenewed { .. });
    world.peers[peer].events.iter().filter(told).count()
}

fn texts(world: &mut World, peer: usize, name: &str) -> Vec<String> {
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages
        .into_iter()
        .filter(|message| message.kind == MessageKind::Text && message.state == MessageState::Received)
        .map(|message| message.text)
        .collect()
}

#[test]
fn a_session_is_made_anew_and_nothing_is_lost_or_doubled() {
    for (seed, faults) in [(81, Faults::default()), (82, Faults { loss: 15, duplication: 10, holdup: 2 })] {
        let mut world = World::acquainted(seed);
        world.faults = faults;
        let digits = world.peers[0].engine().safety_number("Bob").unwrap().digits();
        for text in ["one", "two"] {
            world.send(0, "Bob", text);
            world.send(1, "Alice", text);
        }
        renew(&mut world, 0, "Bob", false);
        world.send(0, "Bob", "while it is under way");
        world.run_until("both have a new session", |world| (0..2).all(|peer| renewed(world, peer) == 1));
        world.send(0, "Bob", "after");
        world.send(1, "Alice", "after");
        world.run_until("all is heard", |world| {
            texts(world, 1, "Alice").len() == 4 && texts(world, 0, "Bob").len() == 3
        });
        world.run_for(Duration::from_secs(20));
        assert_eq!(texts(&mut world, 1, "Alice"), ["one", "two", "while it is under way", "after"]);
        assert_eq!(texts(&mut world, 0, "Bob"), ["one", "two", "after"]);
        assert_eq!(world.peers[0].engine().safety_number("Bob").unwrap().digits(), digits);
        assert_eq!(world.peers[0].engine().contacts()[0].trust, Trust::Unverified);
    }
}

#[test]
fn both_may_begin_at_once_and_crash_meanwhile() {
    let mut world = World::acquainted(83);
    renew(&mut world, 0, "Bob", false);
    renew(&mut world, 1, "Alice", false);
    world.run_for(Duration::from_secs(3));
    world.crash(0, false);
    world.crash(1, true);
    world.run_until("both have a new session", |world| {
        (0..2).all(|peer| {
            world.peers[peer].engine().book.people.values().all(|person| person.renewal.is_none())
        })
    });
    world.send(0, "Bob", "hello");
    world.send(1, "Alice", "hello");
    world.run_until("both are heard", |world| (0..2).all(|peer| !world.peers[peer].heard().is_empty()));
    world.run_for(Duration::from_secs(30));
    assert_eq!(texts(&mut world, 0, "Bob"), ["hello"]);
    assert_eq!(texts(&mut world, 1, "Alice"), ["hello"]);
}

#[test]
fn another_identity_is_told_and_blocks_sending_until_it_is_verified() {
    let mut world = World::acquainted(84);
    let digits = world.peers[1].engine().safety_number("Alice").unwrap().digits();
    let (now, peer) = (world.now, &mut world.peers[1]);
    peer.engine.as_mut().unwrap().set_verified(now, "Alice", true, &mut peer.rng).unwrap();
    world.send(1, "Alice", "before");
    renew(&mut world, 0, "Bob", true);
    let refused = world.peers[0].engine().safety_number("Bob").unwrap_err();
    assert_eq!(refused.label(), "identity-changing", "the old number would mislead");
    world.run_until("it is told", |world| {
        world.peers[1].events.iter().any(|event| matches!(event, Event::KeyChanged { .. }))
    });
    assert_eq!(world.peers[1].engine().contacts()[0].trust, Trust::Changed);
    let (now, peer) = (world.now, &mut world.peers[1]);
    let refused = peer.engine.as_mut().unwrap().send_text(now, "Alice", "x", &mut peer.rng).unwrap_err();
    assert_eq!(refused.label(), "contact-changed");
    world.crash(1, false);
    assert_eq!(world.peers[1].engine().contacts()[0].trust, Trust::Changed);
    // What comes from the new key is shown, with what is known of it.
    world.run_until("the other side has it too", |world| renewed(world, 0) == 1);
    world.send(0, "Bob", "it is me");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    let number = world.peers[0].engine().safety_number("Bob").unwrap().digits();
    assert_ne!(number, digits);
    let (now, peer) = (world.now, &mut world.peers[1]);
    assert!(peer.engine.as_mut().unwrap().compare(now, "Alice", &number, &mut peer.rng).unwrap());
    world.send(1, "Alice", "now I know");
    world.run_until("it is heard", |world| texts(world, 0, "Bob").len() == 2);
    assert_eq!(texts(&mut world, 0, "Bob"), ["before", "now I know"]);
    assert_eq!(world.peers[0].engine().contacts()[0].trust, Trust::Unverified, "Bob's key is the same");
}

#[test]
fn key_encapsulation_goes_on_in_slots_that_nothing_else_needs() {
    let kem =
        KemPolicy { interval_min: Duration::from_secs(5), messages: 1000, retry: Duration::from_secs(3600) };
    let settings = crate::core::EngineSettings { kem, ..crate::core::EngineSettings::new("standard") };
    let mut world = World::acquainted_with(85, &[settings.clone(), settings]);
    world.faults = Faults { loss: 10, duplication: 5, holdup: 2 };
    let epochs = |world: &mut World| -> Vec<u32> {
        (0..2)
            .map(|peer| {
                let book = &world.peers[peer].engine().book;
                let person = book.people.values().next().unwrap();
                person.link.live().unwrap().session.kem_epoch()
            })
            .collect()
    };
    let mut sent = Vec::new();
    let mut turn = 0;
    world.run_until("two secrets were mixed in", |world| {
        // One talks when the other was heard, so that the ratchet turns.
        let heard: usize = world.peers.iter().map(|peer| peer.heard().len()).sum();
        if heard == turn {
            let text = format!("message {turn}");
            world.send(turn % 2, ["Bob", "Alice"][turn % 2], &text);
            sent.push(text);
            turn += 1;
        }
        epochs(world).iter().all(|epoch| *epoch >= 2)
    });
    world.run_for(Duration::from_secs(30));
    let (one, other) = (texts(&mut world, 0, "Bob"), texts(&mut world, 1, "Alice"));
    assert_eq!(one.len() + other.len(), sent.len(), "nothing is lost or doubled");
    assert!(
        world
            .peers
            .iter()
            .all(|peer| { !peer.events.iter().any(|event| matches!(event, Event::BoxRefused { .. })) })
    );
}
