//! Peers, mailboxes and networks that do not keep to the rules.

use rand::{Rng, RngExt};
use sotto_protocol::boxes::SealedBox;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::SurbId;
use zeroize::Zeroizing;

use super::world::World;
use crate::core::fragment::{KIND_LETTER, split};
use crate::core::letter::{Content, Disappearing, Letter, Name, Series};
use crate::core::limits::{MESSAGE_LEN_MAX, TEXT_LEN_MAX};
use crate::core::link::Live;
use crate::core::{Event, MessageKind, MessageState, Route};
use crate::session::CONTENT_LEN_MAX;

/// What peer 1 seals, without the rules that its engine keeps to.
pub(super) struct HostileWriter(Live);

impl HostileWriter {
    pub(super) fn of(world: &mut World) -> Self {
        let engine = world.peers[1].engine();
        Self(engine.book.people.values().next().unwrap().link.live().unwrap().draft().unwrap())
    }

    /// A box whose envelope is genuine and whose content is this.
    pub(super) fn seal(&mut self, world: &mut World, content: &[u8]) -> SealedBox {
        let sealed = self.0.session.seal(world.now, content, &mut world.rng).unwrap();
        let (_, sealed_box) = self.0.write.seal(&sealed.envelope, &mut world.rng).unwrap();
        if let Some(seed) = &sealed.next_stream {
            self.0.write.turn(seed);
        }
        sealed_box
    }
}

pub(super) fn refused(world: &World) -> Vec<String> {
    world.peers[0]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::BoxRefused { label, .. } => Some(label.clone()),
            _ => None,
        })
        .collect()
}

/// A text as a letter of this number, cut into fragments.
fn fragments(number: u64, text: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let name = Name { series: Series::from_bytes([9; 8]), number };
    let (kind, body) = Content::Text(text.to_owned()).to_bytes();
    let sent_at_ms = 500_000 * 3_600_000;
    let letter = Letter { name, kind, sent_at_ms, disappearing: Disappearing::OFF, body: &body };
    split(KIND_LETTER, &letter.to_bytes()).unwrap()
}

#[test]
fn garbage_in_genuine_boxes_is_labelled_and_stops_nothing() {
    let mut world = World::acquainted(41);
    let mut write = HostileWriter::of(&mut world);
    let good = fragments(1, "still here");
    let begun = split(KIND_LETTER, &[b'x'; MESSAGE_LEN_MAX]).unwrap();
    let mut huge = begun[0].to_vec();
    huge[9..11].copy_from_slice(&[0xff; 2]);
    let mut long = begun[0].to_vec();
    long[3..7].copy_from_slice(&[0xff; 4]);
    let mut newer = good[0].to_vec();
    newer[0] = 9;
    let mut unknown = good[0].to_vec();
    unknown[1] = 200;
    let boxes: Vec<Zeroizing<Vec<u8>>> = vec![
        Zeroizing::new(Vec::new()),
        Zeroizing::new(vec![0xff; CONTENT_LEN_MAX]),
        Zeroizing::new(huge),
        Zeroizing::new(long),
        Zeroizing::new(newer),
        begun[1].clone(),
        begun[0].clone(),
        begun[2].clone(),
        Zeroizing::new(unknown),
        good[0].clone(),
    ];
    for text in &boxes {
        let sealed = write.seal(&mut world, text);
        world.plant(&sealed);
    }
    world.run_until("what is good is heard", |world| world.peers[0].heard().len() == 2);
    assert_eq!(
        refused(&world),
        [
            "fragment-short",
            "fragment-version",
            "fragment-count",
            "fragment-too-long",
            "fragment-version",
            "fragment-order",
            "fragment-order",
        ]
    );
    let messages = world.peers[0].engine().messages("Bob", None).unwrap();
    assert_eq!(messages[0].kind, MessageKind::Unknown);
    assert_eq!(messages[0].text, "a message of kind 456 with 45 bytes, which this version cannot show");
    assert_eq!(messages[1].text, "still here");
    let now = world.now;
    assert_eq!(world.peers[0].engine().status(now).counters.labels["fragment-order"], 2);
    world.crash(0, false);
    assert_eq!(world.peers[0].engine().messages("Bob", None).unwrap(), messages, "the unknown one is kept");
}

#[test]
fn a_box_that_opens_nowhere_is_passed_over_and_one_that_opens_somewhere_is_read() {
    let mut world = World::acquainted(42);
    let mut write = HostileWriter::of(&mut world);
    let mut sealed = Vec::new();
    for (number, text) in [(1, "first"), (2, "second")] {
        let text = &fragments(number, text)[0];
        sealed.push(write.seal(&mut world, text));
    }
    // A mailbox that gives wrong bytes for the first box is contradicted by the other replica.
    world.plant(&sealed[0]);
    let liar = world.mailboxes()[0];
    let mut forged = sealed[0].to_bytes();
    forged[500] ^= 1;
    let forged = SealedBox::from_bytes(&forged).unwrap();
    world.boxes.get_mut(&liar).unwrap().insert(*sealed[0].id(), forged);
    world.plant(&sealed[1]);
    world.run_until("both are heard", |world| world.peers[0].heard().len() == 2);
    assert_eq!(world.peers[0].heard(), ["first", "second"]);
    assert!(refused(&world).is_empty(), "a lying mailbox is not the contact's fault");
}

#[test]
fn forged_answers_are_counted_and_settle_nothing() {
    let mut world = World::acquainted(43);
    let id = world.send(0, "Bob", "hello");
    let now = world.now;
    let mut payload = [0; PAYLOAD_LEN];
    for _ in 0..50 {
        world.rng.fill_bytes(&mut payload);
        let surb_id = SurbId::from_bytes(world.rng.random());
        let peer = &mut world.peers[0];
        peer.engine.as_mut().unwrap().handle_delivery(now, surb_id, &payload, &mut peer.rng);
    }
    let engine = world.peers[0].engine();
    assert!(engine.status(now).counters.labels["answer-unknown"] >= 50);
    assert_eq!(engine.message(&id).unwrap().state, MessageState::Queued);
}

#[test]
fn a_text_that_is_too_long_is_refused_by_name_and_leaves_nothing() {
    let mut world = World::acquainted(44);
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let long = "x".repeat(TEXT_LEN_MAX + 1);
    let error = engine.send_text(now, "Bob", &long, &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "text-too-long");
    assert!(error.to_string().contains("65536") && error.to_string().contains("65537"));
    assert_eq!(engine.send_text(now, "Nobody", "x", &mut peer.rng).unwrap_err().label(), "contact-unknown");
    assert_eq!(engine.status(now).outbox_boxes, 0);
    assert!(engine.messages("Bob", None).unwrap().is_empty());
}

#[test]
fn a_full_outbox_is_refused_by_name() {
    let mut world = World::acquainted(45);
    let now = world.now;
    world.peers[0].engine().handle_session_lost(now, Route::Mix, "it ended");
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let long = "x".repeat(TEXT_LEN_MAX);
    let error = loop {
        if let Err(error) = engine.send_text(now, "Bob", &long, &mut peer.rng) {
            break error;
        }
    };
    assert_eq!(error.label(), "outbox-full");
    assert!(engine.status(now).outbox_boxes <= 4096);
}

#[test]
fn another_box_under_our_name_is_a_conflict_and_is_told() {
    let mut world = World::acquainted(46);
    // What a profile does that was restored from an old copy: the same index, other bytes.
    let engine = world.peers[0].engine();
    let mut copy =
        HostileWriter(engine.book.people.values().next().unwrap().link.live().unwrap().draft().unwrap());
    let text = &fragments(1, "from the copy")[0];
    let sealed = copy.seal(&mut world, text);
    world.plant(&sealed);
    let id = world.send(0, "Bob", "from the original");
    world.run_until("the session was made anew", |world| {
        world.peers[0].events.iter().any(|event| matches!(event, Event::ContactRenewed { .. }))
    });
    world.send(0, "Bob", "and on");
    world.run_until("the next one is heard", |world| world.peers[1].heard().len() >= 2);
    let told = world.peers[0]
        .events
        .iter()
        .filter(|event| matches!(event, Event::MessageConflict { message, .. } if *message == id));
    assert_eq!(told.count(), 1);
    world.run_until("what was displaced is asked for again", |world| world.peers[1].heard().len() == 3);
    assert_eq!(world.peers[1].heard(), ["from the copy", "and on", "from the original"]);
    world.run_until("it is confirmed", |world| {
        world.peers[0].engine().message(&id).unwrap().state == MessageState::Delivered
    });
}
