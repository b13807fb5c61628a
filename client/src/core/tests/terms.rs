//! Messages that cease to exist: no mailbox keeps them longer, and a reader who comes too late gets past them.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use sotto_protocol::boxes::{BoxId, WriteCap};
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::{TtlClass, placement};
use sotto_protocol::time::Timestamp;

use super::world::{Faults, World};
use crate::core::letter::{Content, Disappearing};
use crate::core::limits::{TEXT_LEN_MAX, TOMBSTONES_MAX};
use crate::core::outbox::{Outbox, Outgoing, Urgency};
use crate::core::parcel::{Parcel, Purpose};
use crate::core::term::Term;
use crate::core::update::Update;
use crate::core::{ContactId, Event, MessageId, MessageState, Route};

const MINUTE: Duration = Duration::from_secs(60);
/// How long a packet is on its way at most, in the network of these tests.
const TRAVEL: Duration = Duration::from_secs(24);

/// Two people who know one another, in a network of few packets.
fn calm(seed: u64) -> World {
    let mut world = World::acquainted(seed);
    world.pace(1000);
    world
}

/// Queues a text of peer 0 for Bob that ceases to exist at `until`. Returns the names of the boxes that run out, too.
fn send_until(world: &mut World, text: &str, until: Timestamp) -> (MessageId, Vec<BoxId>) {
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let person = engine.book.named("Bob").unwrap();
    let mut update = Update::of(person.contact.id);
    // Shorter than a user may ask for, too.
    let exists_for_s = u32::try_from(until.since(now).as_secs()).unwrap();
    let limits = Disappearing { exists_for_s, ..Disappearing::OFF };
    let content = Content::Text(text.to_owned());
    let message = engine.compose(now, person, content, limits, &mut update, &mut peer.rng);
    let id = engine.post(now, update, message, &mut peer.rng).unwrap();
    let boxes = engine.book.outbox.owned(engine.book.named("Bob").unwrap().contact.id);
    let own = boxes.filter(|(_, outgoing)| outgoing.message() == Some(id));
    let mortal = own.filter(|(_, outgoing)| outgoing.tombstone(now).is_some());
    let mortal: Vec<BoxId> = mortal.map(|(_, outgoing)| *outgoing.parcel.id()).collect();
    world.mortal.extend(mortal.iter().map(|id| (*id, until)));
    (id, mortal)
}

/// What peer 1 has heard that somebody wrote.
fn heard(world: &World) -> Vec<String> {
    let texts = world.peers[1].heard().into_iter();
    texts.filter(|text| !text.contains("did not come and cannot be had any more")).collect()
}

/// How many mailboxes have a tombstone of this name.
fn tombstones(world: &World, id: &BoxId) -> usize {
    world.tombstones.values().filter(|of| of.contains_key(id)).count()
}

/// How often the box was written, to all of its mailboxes.
fn writes(world: &World, id: &BoxId) -> u32 {
    world.writes.iter().filter(|((other, _), _)| other == id).map(|(_, times)| *times).sum()
}

fn leaves(world: &mut World, peer: usize) {
    let now = world.now;
    world.peers[peer].engine().handle_session_lost(now, Route::Mix, "the cable is cut");
}

/// None once it has ended.
fn state(world: &mut World, id: &MessageId) -> Option<MessageState> {
    world.peers[0].engine().message(id).map(|message| message.state)
}

fn is_stored(world: &mut World, id: &MessageId) -> bool {
    state(world, id).is_some_and(MessageState::is_stored)
}

fn late(world: &mut World) -> usize {
    world.peers[0].engine().book.outbox.late()
}

fn refused(world: &World, peer: usize) -> Vec<String> {
    let label = |event: &Event| match event {
        Event::BoxRefused { label, .. } => Some(label.clone()),
        _ => None,
    };
    world.peers[peer].events.iter().filter_map(label).collect()
}

fn is_renewed(world: &World) -> bool {
    let renewed = |event: &Event| matches!(event, Event::ContactRenewed { .. });
    world.peers.iter().any(|peer| peer.events.iter().any(renewed))
}

#[test]
fn a_message_that_ends_is_stored_with_the_class_that_fits_and_leaves_a_tombstone() {
    let mut world = calm(111);
    let sent = world.now;
    let until = sent + 20 * MINUTE;
    let (id, boxes) = send_until(&mut world, "burn it", until);
    assert_eq!(boxes.len(), 1);
    world.run_until("it is heard", |world| heard(world) == ["burn it"]);
    world.run_until("it is stored", |world| is_stored(world, &id));
    let now = world.now;
    assert!(now < sent + MINUTE);
    assert_eq!((world.peers[0].engine().status(now).outbox_boxes, late(&mut world)), (0, 1));
    assert!(world.peers[0].engine().status(now).waiting.is_empty());

    let over = world.now + TtlClass::Minutes15.duration();
    world.run_for(14 * MINUTE);
    assert_eq!(tombstones(&world, &boxes[0]), 0, "a mailbox may still have it");
    world.run_for(over.since(world.now) + MINUTE);
    assert_eq!((tombstones(&world, &boxes[0]), late(&mut world)), (2, 0));
    assert!(world.now < until, "the class has run out before what it was chosen for");
    assert!(is_stored(&mut world, &id));
    assert!(refused(&world, 1).is_empty() && !is_renewed(&world));
}

/// The class is counted from the arrival of a packet, which may be held up.
#[test]
fn the_way_to_the_mailbox_is_reckoned_with() {
    let mut world = World::acquainted(123);
    world.faults = Faults { holdup: 100, ..Faults::default() };
    let until = world.now + TtlClass::Minutes15.duration() + Duration::from_secs(2);
    let (id, _) = send_until(&mut world, "in a hurry", until);
    // The world looks at each write that arrives.
    world.run_until("it is stored", |world| is_stored(world, &id));
}

/// The reader comes when it is over, and nothing before or behind it is lost or holds up; neither is a session.
#[test]
fn who_comes_too_late_gets_past_what_has_ended() {
    for (seed, begins) in [(112, false), (113, true)] {
        let mut world = calm(seed);
        leaves(&mut world, 1);
        let mut expected = Vec::new();
        // With nothing in front of it, the message that ends begins a chain, and a stream with it.
        if !begins {
            world.send(0, "Bob", "before");
            expected.push("before");
        }
        let until = world.now + 10 * MINUTE;
        let (_, boxes) = send_until(&mut world, "gone", until);
        world.send(0, "Bob", "behind");
        expected.push("behind");
        world.run_until("the tombstone is laid", |world| tombstones(world, &boxes[0]) == 2);
        world.connect(1);
        world.run_until("the rest is heard", |world| heard(world) == expected);
        assert_eq!(refused(&world, 1), ["box-tombstoned"]);

        world.send(1, "Alice", "back");
        world.run_until("the answer is heard", |world| world.peers[0].heard() == ["back"]);
        world.send(0, "Bob", "and forth");
        world.run_until("the answer to it is heard", |world| heard(world).len() > expected.len());
        world.run_for(2 * MINUTE);
        assert!(!is_renewed(&world), "no session was made anew");
    }
}

/// More boxes than the ratchet can skip run out in one chain.
#[test]
fn hundreds_of_boxes_that_have_ended_do_not_break_the_chain() {
    let mut world = World::acquainted(114);
    leaves(&mut world, 1);
    let until = world.now + 8 * MINUTE;
    let mut boxes = Vec::new();
    for _ in 0..6 {
        boxes.extend(send_until(&mut world, &"x".repeat(TEXT_LEN_MAX), until).1);
    }
    assert_eq!(boxes.len(), 6 * 52);
    world.send(0, "Bob", "behind");
    world.run_until("they are stored", |world| late(world) == boxes.len());
    world.pace(1000);
    world.run_for(TtlClass::Minutes5.duration());
    world.pace(50);
    world.run_until("all tombstones are laid", |world| boxes.iter().all(|id| tombstones(world, id) == 2));
    world.connect(1);
    world.run_until("what follows is heard", |world| heard(world) == ["behind"]);
    assert_eq!(refused(&world, 1).len(), boxes.len());
    assert!(!is_renewed(&world));
}

#[test]
fn a_message_that_is_never_stored_is_given_up_in_time_and_not_called_stored() {
    let mut world = calm(115);
    world.silent.extend(world.mailboxes());
    let sent = world.now;
    let until = sent + 10 * MINUTE;
    let (id, boxes) = send_until(&mut world, "too late", until);
    let over = until - TtlClass::Minutes5.duration() - TRAVEL;
    world.run_for(over.since(world.now));
    assert!(writes(&world, &boxes[0]) > 2, "it was tried again and again");
    world.run_for(MINUTE);
    let tried = writes(&world, &boxes[0]);
    world.run_for(2 * MINUTE);
    assert_eq!(writes(&world, &boxes[0]), tried, "after its time it is not sent any more");
    let now = world.now;
    let waiting = world.peers[0].engine().status(now).waiting;
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        waiting[0].why,
        "it ceases to exist too soon for a mailbox to keep it, and is not sent any more"
    );
    assert_eq!(waiting[0].state, MessageState::Released);

    world.silent.clear();
    world.send(0, "Bob", "in time");
    world.run_until("the tombstone is laid", |world| tombstones(world, &boxes[0]) == 2);
    assert!(world.now >= until, "not before the end, since a mailbox may have it without having said so");
    world.run_until("what follows is heard", |world| heard(world) == ["in time"]);
    assert_eq!(state(&mut world, &id), None, "it has ended");
    assert_eq!(writes(&world, &boxes[0]), tried);
}

#[test]
fn a_message_with_a_copy_on_one_mailbox_only_is_read_and_not_called_stored() {
    let mut world = calm(116);
    let until = world.now + 10 * MINUTE;
    let (id, boxes) = send_until(&mut world, "half", until);
    world.silent.insert(placement(&boxes[0], &world.mailboxes(), 2)[0]);
    world.run_until("it is heard", |world| heard(world) == ["half"]);
    // The other side tells that it has it, which is more than a mailbox could.
    world.run_until("it is delivered", |world| state(world, &id) == Some(MessageState::Delivered));
    world.run_for(until.since(world.now));
    world.silent.clear();
    world.run_until("the tombstone is laid", |world| tombstones(world, &boxes[0]) == 2);
    world.run_for(MINUTE);
    assert_eq!(state(&mut world, &id), None, "it has ended");
    assert!(refused(&world, 1).is_empty());
}

#[test]
fn tombstones_survive_a_crash_before_and_after_the_box_is_stored() {
    for (seed, is_stored) in [(117, false), (118, true)] {
        let mut world = calm(seed);
        leaves(&mut world, 1);
        if !is_stored {
            world.silent.extend(world.mailboxes());
        }
        let until = world.now + 10 * MINUTE;
        let (id, boxes) = send_until(&mut world, "gone", until);
        world.run_for(MINUTE);
        assert_eq!(late(&mut world), usize::from(is_stored));
        world.crash(0, false);
        assert_eq!(late(&mut world), usize::from(is_stored));
        world.silent.clear();
        world.run_until("the tombstone is laid", |world| tombstones(world, &boxes[0]) == 2);
        world.run_until("that is known", |world| late(world) == 0);
        world.crash(0, false);
        assert_eq!(late(&mut world), 0);
        assert!(state(&mut world, &id).is_none_or(MessageState::is_stored), "stored, or ended");
        world.send(0, "Bob", "behind");
        world.connect(1);
        world.run_until("what follows is heard", |world| heard(world) == ["behind"]);
    }
}

#[test]
fn a_renewal_does_not_wait_for_tombstones_that_are_not_due() {
    let mut world = calm(119);
    let until = world.now + 60 * MINUTE;
    let (id, _) = send_until(&mut world, "burn it", until);
    world.run_until("it is stored", |world| is_stored(world, &id));
    assert_eq!(late(&mut world), 1);
    let now = world.now;
    let peer = &mut world.peers[0];
    peer.engine.as_mut().unwrap().renew(now, "Bob", false, &mut peer.rng).unwrap();
    world.run_until("the session is made anew", is_renewed_at_both);
    world.send(0, "Bob", "after");
    world.run_until("it goes on", |world| heard(world) == ["burn it", "after"]);
    assert_eq!(late(&mut world), 0, "nobody reads the old stream any more");
}

fn is_renewed_at_both(world: &mut World) -> bool {
    let renewed = |event: &Event| matches!(event, Event::ContactRenewed { .. });
    world.peers.iter().all(|peer| peer.events.iter().any(renewed))
}

/// In a calm network the polls of one contact fill every slot, and no decoy is ever made whose turn a tombstone could take.
#[test]
fn tombstones_take_turns_with_polls_that_would_fill_every_slot() {
    let mut world = calm(122);
    let until = world.now + 10 * MINUTE;
    let mut boxes = Vec::new();
    for _ in 0..5 {
        boxes.extend(send_until(&mut world, "burn it", until).1);
    }
    world.crash(0, true);
    world.run_for(8 * MINUTE);
    assert!(boxes.iter().all(|id| tombstones(&world, id) == 2));
    let now = world.now;
    let counters = world.peers[0].engine().status(now).counters;
    assert!(counters.sent_decoy < counters.sent_read / 2, "the polls did fill the slots");
    assert!(counters.sent_read > 300, "and went on: {}", counters.sent_read);
}

/// An answer to the box that comes when its tombstone has taken its place says nothing of the tombstone.
#[test]
fn an_answer_to_the_box_does_not_settle_its_tombstone() {
    let world = World::acquainted(120);
    let (start, contact) = (world.now + MINUTE, ContactId::from_bytes([1; 16]));
    let tombstone = WriteCap::from_seed(&[9; 32]).tombstone_next();
    let outgoing = Outgoing::new(contact, Purpose::RunOut(None), Parcel::Tombstone(tombstone));
    let mut outbox = Outbox::default();
    outbox.replace(&world.consensus);
    let place = (contact, 7);
    outbox.insert(place, outgoing.within(Term::From(start)));
    let replicas: Vec<NodeId> = outbox.get(place).unwrap().replicas().keys().copied().collect();
    assert_eq!(replicas.len(), 2);
    for mailbox in &replicas {
        outbox.acknowledged(place, mailbox);
        outbox.conflicted(place, mailbox);
        outbox.refused(place, mailbox, Timestamp::NEVER, "quota-full");
        outbox.silent(place, mailbox);
    }
    assert!(outbox.decided().is_empty());
    assert_eq!(outbox.next(world.now, Urgency::Idle, |_, _| true), None, "not yet");
    assert_eq!(outbox.next(start, Urgency::Urgent, |_, _| true), None, "nobody waits for it");
    for _ in &replicas {
        let delivery = outbox.next(start, Urgency::Idle, |_, _| true).unwrap();
        assert_eq!((delivery.place, delivery.class), (place, TtlClass::Fortnight));
        outbox.sent(&delivery, start);
        outbox.acknowledged(place, &delivery.mailbox);
    }
    assert_eq!(outbox.decided(), [place]);
}

#[test]
fn there_is_room_for_so_many_tombstones_and_what_is_left_out_is_counted() {
    let mut world = World::acquainted(121);
    let until = world.now + 10 * MINUTE;
    let stranger = ContactId::from_bytes([1; 16]);
    let tombstone = WriteCap::from_seed(&[9; 32]).tombstone_next();
    for place in 1..u64::try_from(TOMBSTONES_MAX).unwrap() {
        let outgoing = Outgoing::new(stranger, Purpose::RunOut(None), Parcel::Tombstone(tombstone.clone()));
        let outbox = &mut world.peers[0].engine().book.outbox;
        outbox.insert((stranger, place), outgoing.within(Term::From(Timestamp::NEVER)));
    }
    let now = world.now;
    assert_eq!(world.peers[0].engine().status(now).outbox_boxes, 0, "they do not take the room of messages");
    let (first, second) = (send_until(&mut world, "one", until).0, send_until(&mut world, "two", until).0);
    world.run_until("both are stored", |world| [first, second].iter().all(|id| is_stored(world, id)));
    assert_eq!(late(&mut world), TOMBSTONES_MAX);
    let now = world.now;
    assert_eq!(world.peers[0].engine().status(now).counters.labels["tombstone-left-out"], 1);
    world.crash(0, true);
    assert_eq!(late(&mut world), 1, "what was left out is not on disk either");
}

/// Loss, doubles, late packets, a reader who comes and goes, a sender that crashes. The world checks with each write that no
/// mailbox is to keep a box beyond its end; whatever else was sent arrives in order, and the conversation goes on.
#[test]
fn whatever_goes_wrong_nothing_outlives_its_end_and_nothing_else_is_lost() {
    for seed in 130..134 {
        let mut world = calm(seed);
        world.pace(2000);
        world.faults = Faults { loss: 15, duplication: 10, holdup: 10 };
        let (mut lasting, mut mortal, mut ids) = (Vec::new(), BTreeSet::new(), Vec::new());
        for round in 0..12 {
            let text = format!("message {round}");
            if world.rng.random() {
                let minutes = world.rng.random_range(4..20);
                let until = world.now + minutes * MINUTE;
                ids.extend(send_until(&mut world, &text, until).1);
                mortal.insert(text);
            } else {
                world.send(0, "Bob", &text);
                lasting.push(text);
            }
            match world.rng.random_range(0..4) {
                0 => leaves(&mut world, 1),
                1 => world.connect(1),
                2 => world.crash(0, false),
                _ => {}
            }
            let pause = Duration::from_secs(world.rng.random_range(0..180));
            world.run_for(pause);
        }
        world.faults = Faults::default();
        world.connect(1);
        world.run_for(22 * MINUTE);
        assert!(ids.iter().all(|id| tombstones(&world, id) == 2), "seed {seed}");
        let heard = heard(&world);
        let (mut in_order, mut others) = (Vec::new(), BTreeSet::new());
        for text in heard {
            if mortal.contains(&text) {
                assert!(others.insert(text), "seed {seed}: twice");
            } else {
                in_order.push(text);
            }
        }
        assert_eq!(in_order, lasting, "seed {seed}");
        assert!(!is_renewed(&world), "seed {seed}");
        world.send(1, "Alice", "still there?");
        world.run_until("the way back works", |world| world.peers[0].heard() == ["still there?"]);
        assert_eq!(late(&mut world), 0, "seed {seed}");
    }
}
