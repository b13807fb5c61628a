//! Sessions made anew, by either side, by both, after a loss and without one; and the ratchet's own steps.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::world::{Faults, World};
use crate::core::letter::Content;
use crate::core::message::{Body, Message};
use crate::core::{Direction, Event, MessageId, MessageKind, MessageState, Trust};
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

fn is_renewing(world: &mut World, peer: usize) -> bool {
    world.peers[peer].engine().book.people.values().any(|person| person.renewal.is_some())
}

fn is_laid_out(world: &mut World, peer: usize) -> bool {
    let book = &world.peers[peer].engine().book;
    book.people.values().all(|person| {
        person.renewal.as_ref().is_some_and(|renewal| renewal.laid_out.is_some())
            && book.outbox.owned(person.contact.id).next().is_none()
    })
}

/// What one side has given up still lies at the mailboxes, and a restart reads it again.
#[test]
fn keys_that_were_given_up_are_never_answered() {
    let mut world = World::acquainted(86);
    renew(&mut world, 0, "Bob", false);
    renew(&mut world, 1, "Alice", false);
    world.run_until("both have a new session", |world| (0..2).all(|peer| !is_renewing(world, peer)));
    world.crash(0, false);
    world.crash(1, false);
    world.run_for(Duration::from_secs(20));
    world.send(0, "Bob", "hello");
    world.send(1, "Alice", "hello");
    world.run_for(Duration::from_secs(20));
    assert_eq!(texts(&mut world, 0, "Bob"), ["hello"]);
    assert_eq!(texts(&mut world, 1, "Alice"), ["hello"]);
    assert_eq!(renewed(&world, 0) + renewed(&world, 1), 2, "one session, told of once on each side");
}

#[test]
fn keys_that_are_under_way_stay_under_way_when_they_are_asked_for_again() {
    let mut world = World::acquainted(88);
    let now = world.now;
    world.peers[1].engine().handle_session_lost(now, crate::core::Route::Mix, "the cable is cut");
    world.send(1, "Alice", "written meanwhile, in the old session");
    renew(&mut world, 0, "Bob", false);
    world.run_until("they are laid out", |world| is_laid_out(world, 0));
    renew(&mut world, 0, "Bob", false);
    world.run_until("they are laid out", |world| is_laid_out(world, 0));
    world.connect(1);
    // Written between the two answers, if there were two.
    world.run_until("the first keys were found", |world| renewed(world, 1) > 0);
    world.send(1, "Alice", "written in the new session");
    world.run_for(Duration::from_secs(40));
    assert_eq!(
        texts(&mut world, 0, "Bob"),
        ["written meanwhile, in the old session", "written in the new session"]
    );
    assert_eq!(renewed(&world, 1), 1);
}

#[test]
fn a_new_identity_is_shown_even_if_the_other_side_begins_too() {
    for (seed, peer, name, other) in [(89, 0, "Bob", "Alice"), (89, 1, "Alice", "Bob")] {
        let mut world = World::acquainted(seed);
        let before = world.peers[peer].engine().safety_number(name).unwrap().digits();
        renew(&mut world, peer, name, true);
        renew(&mut world, 1 - peer, other, false);
        world.run_until("both have a new session", |world| (0..2).all(|peer| !is_renewing(world, peer)));
        let after = world.peers[peer].engine().safety_number(name).unwrap().digits();
        assert_ne!(after, before);
        assert_eq!(world.peers[1 - peer].engine().safety_number(other).unwrap().digits(), after);
        assert_eq!(world.peers[1 - peer].engine().contacts()[0].trust, Trust::Changed);
        assert_eq!(world.peers[peer].engine().contacts()[0].trust, Trust::Unverified);
    }
}

#[test]
fn a_message_that_was_cut_off_does_not_take_the_next_one_with_it() {
    let mut world = World::acquainted(90);
    let long = "x".repeat(12_000);
    world.send(0, "Bob", &long);
    let backup = world.peers[0].engine().backup().unwrap();
    world.run_until("some parts have come", |world| {
        world.peers[1].engine().book.people.values().any(|person| person.inbox.parts.len() >= 3)
    });
    world.restore(0, backup);
    world.run_until("it has come after all", |world| !texts(world, 1, "Alice").is_empty());
    assert_eq!(texts(&mut world, 1, "Alice"), [long]);
    world.crash(1, false);
    let records = crate::store::Store::load(world.peers[1].engine().store()).unwrap();
    assert!(records.iter().all(|(key, _)| key.kind != crate::store::RecordKind::Inbox));
}

/// Whoever says that it has received nothing makes us send again, but not everything that we ever wrote.
#[test]
fn what_goes_again_for_a_contact_has_a_limit() {
    use crate::core::limits::{RESEND_BOXES_MAX, TEXT_LEN_MAX};
    let mut world = World::acquainted(95);
    let mut rng = ChaCha20Rng::seed_from_u64(95);
    let book = &mut world.peers[0].engine().book;
    let id = *book.people.keys().next().unwrap();
    for seq in 1..=40u8 {
        let name = book.people.get_mut(&id).unwrap().ledger.give_name(&mut rng);
        let body = Body::Letter(Content::Text("x".repeat(TEXT_LEN_MAX)));
        let mut message = Message::local(MessageId::from_bytes([seq; 16]), id, seq.into(), 0, body);
        (message.direction, message.state, message.name) = (Direction::Out, MessageState::Stored, Some(name));
        book.keep_message(message).unwrap();
    }
    let backup = world.peers[1].engine().backup().unwrap();
    world.restore(1, backup);
    world.run_until("it is asked", |world| world.peers[0].engine().book.outbox.len() > 2);
    let boxes = world.peers[0].engine().book.outbox.len();
    assert!(boxes > RESEND_BOXES_MAX / 2 && boxes <= RESEND_BOXES_MAX + 2, "{boxes}");
    let messages = world.peers[0].engine().messages("Bob", None).unwrap();
    let open = messages.iter().filter(|message| message.state == MessageState::Stored).count();
    let letter = world.peers[0].engine().book.people[&id].messages[&1].letter().unwrap();
    let each = crate::core::fragment::fragment_count(letter.len());
    assert_eq!(open, 40 - RESEND_BOXES_MAX / each, "what is not sent again is not said to be on its way");
}
