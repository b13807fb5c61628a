//! Peers who offer, send and ask for files against the rules.

use sha2::{Digest, Sha256};

use super::files::{bytes, kept, offer_with, state};
use super::hostile::{HostileWriter, refused};
use super::world::World;
use crate::core::file::{FileState, PART_LEN, Part};
use crate::core::fragment::{KIND_LETTER, split};
use crate::core::letter::{Author, Content, Disappearing, Letter, Name, Reference, Series, Verb};
use crate::core::limits::{
    FILE_LEN_MAX, FILES_COMING_MAX, PART_GAPS_MAX, PART_RESENDS_MAX, PART_RESENDS_SLACK,
};
use crate::core::{Event, MessageKind, Route};
use crate::session::CONTENT_LEN_MAX;

/// Peer 1 without its own engine, which would write to the same stream.
struct Liar {
    write: HostileWriter,
    number: u64,
}

impl Liar {
    fn of(world: &mut World) -> Self {
        let (now, write) = (world.now, HostileWriter::of(world));
        world.peers[1].engine().handle_session_lost(now, Route::Mix, "it lies");
        Self { write, number: 0 }
    }

    fn say(&mut self, world: &mut World, content: &[u8]) {
        let sealed = self.write.seal(world, content);
        world.plant(&sealed);
    }

    fn letter(&mut self, world: &mut World, content: &Content) -> Name {
        self.number += 1;
        let name = Name { series: Series::from_bytes([9; 8]), number: self.number };
        let (kind, body) = content.to_bytes();
        let sent_at_ms = world.now.as_millis();
        let letter = Letter { name, kind, sent_at_ms, disappearing: Disappearing::OFF, body: &body };
        for text in split(KIND_LETTER, &letter.to_bytes()).unwrap() {
            self.say(world, &text);
        }
        name
    }

    fn offer(&mut self, world: &mut World, file: &[u8], size: u64, name: &str) -> Name {
        let sha256 = Sha256::digest(file).into();
        self.letter(world, &Content::File { size, sha256, name: name.to_owned() })
    }

    fn part(&mut self, world: &mut World, file: Name, index: u32, bytes: &[u8]) {
        self.say(world, &Part { file, index, bytes }.to_bytes());
    }

    /// Something that shows that everything before it was taken.
    fn done(&mut self, world: &mut World) {
        self.letter(world, &Content::Text("done".into()));
        world.run_until("all was taken", |world| {
            world.peers[0].heard().last().is_some_and(|text| text == "done")
        });
        world.peers[0].events.retain(|event| !matches!(event, Event::MessageReceived { .. }));
    }
}

fn doubts(world: &World) -> Vec<&str> {
    let doubted = world.peers[0].events.iter().filter_map(|event| match event {
        Event::LetterDoubted { label, .. } => Some(label.as_str()),
        _ => None,
    });
    doubted.collect()
}

fn counted(world: &mut World, label: &str) -> u64 {
    let now = world.now;
    world.peers[0].engine().status(now).counters.labels.get(label).copied().unwrap_or(0)
}

#[test]
fn parts_that_were_not_asked_for_or_have_another_form_change_nothing() {
    let mut world = World::acquainted(331);
    let mut liar = Liar::of(&mut world);
    let file = bytes(&mut world, 2 * PART_LEN + 10);
    let parts: Vec<&[u8]> = file.chunks(PART_LEN).collect();
    let long = liar.offer(&mut world, &file, FILE_LEN_MAX, "not asked for");
    let name = liar.offer(&mut world, &file, file.len() as u64, "asked for");
    liar.done(&mut world);
    let other = Name { series: Series::from_bytes([8; 8]), number: 1 };
    liar.part(&mut world, long, 0, parts[0]);
    liar.part(&mut world, other, 0, parts[0]);
    liar.part(&mut world, name, 3, parts[0]);
    liar.part(&mut world, name, u32::MAX, parts[0]);
    liar.part(&mut world, name, 0, &parts[0][1..]);
    liar.part(&mut world, name, 2, parts[0]);
    liar.part(&mut world, name, 2, &[]);
    liar.say(&mut world, &[1, 5, 0]);
    liar.done(&mut world);
    assert_eq!(kept(&mut world, 0), (1, 0), "nothing of it is kept");
    let length = "file-part-length";
    assert_eq!(
        refused(&world),
        ["file-part-index", "file-part-index", length, length, length, "file-part-short"]
    );
    assert_eq!(counted(&mut world, "file-part-unasked"), 2);
    // One within a message does not tear the message.
    let text = "x".repeat(CONTENT_LEN_MAX + 100);
    liar.number += 1;
    let (kind, body) = Content::Text(text.clone()).to_bytes();
    let letter_name = Name { series: Series::from_bytes([9; 8]), number: liar.number };
    let sent_at_ms = world.now.as_millis();
    let letter = Letter { name: letter_name, kind, sent_at_ms, disappearing: Disappearing::OFF, body: &body };
    let fragments = split(KIND_LETTER, &letter.to_bytes()).unwrap();
    liar.say(&mut world, &fragments[0]);
    liar.part(&mut world, name, 1, parts[1]);
    liar.say(&mut world, &fragments[1]);
    world.run_until("it is heard", |world| world.peers[0].heard() == [text.as_str()]);
    assert_eq!(refused(&world).last().unwrap(), "file-part-between");
    for index in [2, 0, 0, 1, 1] {
        liar.part(&mut world, name, index, parts[usize::try_from(index).unwrap()]);
    }
    liar.done(&mut world);
    assert_eq!((counted(&mut world, "file-part-repeat"), counted(&mut world, "file-part-unasked")), (1, 3));
    world.run_until("it is whole", |world| state(world, 0, 2) == FileState::Done);
    assert_eq!(world.peers[0].engine().read_file("Bob", 2, 0).unwrap().as_slice(), file);
}

#[test]
fn another_file_than_was_offered_is_told_and_nothing_of_it_stays() {
    let mut world = World::acquainted(332);
    let mut liar = Liar::of(&mut world);
    let file = bytes(&mut world, PART_LEN + 1);
    let name = liar.offer(&mut world, b"another", file.len() as u64, "x");
    liar.done(&mut world);
    for (index, part) in (0..).zip(file.chunks(PART_LEN)) {
        liar.part(&mut world, name, index, part);
    }
    world.run_until("it is told", |world| state(world, 0, 1) == FileState::Failed);
    assert_eq!(kept(&mut world, 0), (1, 0));
    let told = Event::FileFailed { contact: "Bob".into(), seq: 1, label: "file-hash".into() };
    assert!(world.peers[0].events.contains(&told));
    assert_eq!(world.peers[0].engine().read_file("Bob", 1, 0).unwrap_err().label(), "file-state");
}

#[test]
fn offers_beyond_every_bound_take_no_room() {
    let mut world = World::acquainted(333);
    let mut liar = Liar::of(&mut world);
    let sizes = [0, FILE_LEN_MAX + 1, 1 << 63, u64::MAX];
    let offers: Vec<Name> = sizes.iter().map(|size| liar.offer(&mut world, b"", *size, "x")).collect();
    liar.done(&mut world);
    assert_eq!(doubts(&world), ["file-size"; 4]);
    assert_eq!(kept(&mut world, 0), (0, 0));
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    for seq in 1..=4 {
        let error = engine.accept_file(now, "Bob", seq, &mut peer.rng).unwrap_err();
        assert_eq!(error.label(), "file-size");
    }
    // Nothing has come of them, so nothing is looked for when they end.
    engine.decline_file(now, "Bob", 4, &mut peer.rng).unwrap();
    let of = Reference { author: Author::Sender, name: offers[2] };
    liar.letter(&mut world, &Content::FileAnswer { of, verb: Verb::Cancelled });
    liar.done(&mut world);
    assert_eq!(
        (state(&mut world, 0, 3), state(&mut world, 0, 4)),
        (FileState::Cancelled, FileState::Declined)
    );
    assert_eq!(kept(&mut world, 0), (2, 0));
    for _ in 0..100 {
        liar.offer(&mut world, b"x", 1, "x");
    }
    liar.done(&mut world);
    assert_eq!(kept(&mut world, 0), (FILES_COMING_MAX + 2, 0), "the rest waits for the user");
    assert!(world.peers[0].engine().status(now).outbox_boxes <= FILES_COMING_MAX as u64 + 3);
}

#[test]
fn names_are_text_whatever_is_in_them() {
    let mut world = World::acquainted(334);
    let mut liar = Liar::of(&mut world);
    let names = ["../../x", "/etc/passwd", "a\0b", "\u{1b}[2J", "..", "", "con:\\x"];
    for name in names {
        liar.offer(&mut world, b"x", 1, name);
    }
    // The longest letter that there is, with a name of its length.
    let mut body = [0u8; 40].to_vec();
    body.resize(60_000, b'n');
    let name = Name { series: Series::from_bytes([9; 8]), number: 100 };
    let sent_at_ms = world.now.as_millis();
    let letter = Letter { name, kind: 7, sent_at_ms, disappearing: Disappearing::OFF, body: &body };
    for text in split(KIND_LETTER, &letter.to_bytes()).unwrap() {
        liar.say(&mut world, &text);
    }
    liar.done(&mut world);
    assert_eq!(doubts(&world), ["letter-length"]);
    let now = world.now;
    let shown: Vec<String> = world.peers[0].engine().files(now).into_iter().map(|view| view.name).collect();
    assert_eq!(shown, names, "as they came; who prints them escapes them");
    let messages = world.peers[0].engine().messages("Bob", None).unwrap();
    assert_eq!(messages[names.len()].kind, MessageKind::Unknown);
}

#[test]
fn parts_that_leave_gaps_everywhere_are_refused_beyond_a_bound() {
    let mut world = World::acquainted(335);
    let mut liar = Liar::of(&mut world);
    let name = liar.offer(&mut world, b"", 600 * PART_LEN as u64, "x");
    liar.done(&mut world);
    let part = vec![0; PART_LEN];
    let bound = u32::try_from(PART_GAPS_MAX).unwrap();
    for number in 0..bound + 4 {
        liar.part(&mut world, name, number * 2 + 1, &part);
    }
    liar.done(&mut world);
    assert_eq!(refused(&world), ["file-part-gaps"; 5]);
    assert_eq!(kept(&mut world, 0), (1, PART_GAPS_MAX - 1));
}

#[test]
fn a_file_goes_again_only_so_often_and_only_parts_that_it_has() {
    let mut world = World::acquainted(336);
    let mut liar = Liar::of(&mut world);
    let parts = 10u32;
    let file = bytes(&mut world, parts as usize * PART_LEN);
    let seq = offer_with(&mut world, 0, &file, None).unwrap();
    let name = world.peers[0].engine().book.people.values().next().unwrap().messages[&seq].name.unwrap();
    let answer = |author, verb| Content::FileAnswer { of: Reference { author, name }, verb };
    let ask = |ranges: &[(u32, u32)]| answer(Author::Receiver, Verb::Wanted(ranges.to_vec()));
    let stranger = Name { number: 77, ..name };
    let unknown = Reference { author: Author::Receiver, name: stranger };
    for wrong in [
        ask(&[(0, u32::MAX)]),
        ask(&[(0, 1), (parts, parts)]),
        answer(Author::Sender, Verb::Declined),
        Content::FileAnswer { of: unknown, verb: Verb::Cancelled },
    ] {
        liar.letter(&mut world, &wrong);
    }
    liar.done(&mut world);
    assert_eq!(doubts(&world), ["file-range", "file-range", "file-answer-unknown", "file-answer-unknown"]);
    assert_eq!(state(&mut world, 0, seq), FileState::Offered);
    let allowed = u64::from(parts) * (PART_RESENDS_MAX + 1) + PART_RESENDS_SLACK;
    let rounds = usize::try_from(allowed / u64::from(parts)).unwrap();
    for _ in 0..rounds + 3 {
        liar.letter(&mut world, &ask(&[(0, parts - 1)]));
    }
    liar.done(&mut world);
    assert_eq!(doubts(&world)[4..], ["file-wanted-often"; 3]);
    // What is over stays over, however often it is asked for.
    liar.letter(&mut world, &answer(Author::Receiver, Verb::Declined));
    liar.letter(&mut world, &ask(&[(0, 0)]));
    liar.done(&mut world);
    assert_eq!((state(&mut world, 0, seq), kept(&mut world, 0).1), (FileState::Declined, 0));
}
