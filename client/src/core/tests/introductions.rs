//! One contact is introduced to another: by three people, with loss, crashes, refusals, and by an introducer who lies.

use std::time::Duration;

use rand::RngExt;

use super::world::{Faults, World};
use crate::core::introduction::Matter;
use crate::core::update::Update;
use crate::core::{
    ContactId, ContactState, Direction, EngineError, Event, IntroduceOptions, IntroductionState,
    IntroductionView, MessageKind, MessageView, Trust,
};
use crate::store::{CommitFault, RecordKind, Store};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// Alice knows Bob and Carol, who do not know one another.
pub(super) fn three(seed: u64) -> World {
    let mut world = World::new(seed, 3);
    for (peer, name) in [(BOB, "Bob"), (CAROL, "Carol")] {
        let link = world.invite(ALICE, name);
        world.accept(peer, &link, "Alice");
    }
    world.run_until("all know Alice", |world| {
        let met = |world: &mut World, peer: usize, name: &str| {
            state(world, peer, name) == Some(ContactState::Established)
        };
        met(world, ALICE, "Bob")
            && met(world, ALICE, "Carol")
            && met(world, BOB, "Alice")
            && met(world, CAROL, "Alice")
    });
    for peer in &mut world.peers {
        peer.events.clear();
    }
    world
}

fn state(world: &mut World, peer: usize, name: &str) -> Option<ContactState> {
    let contacts = world.peers[peer].engine().contacts();
    contacts.into_iter().find(|contact| contact.name == name).map(|contact| contact.state)
}

fn trust(world: &mut World, peer: usize, name: &str) -> Trust {
    let contacts = world.peers[peer].engine().contacts();
    contacts.into_iter().find(|contact| contact.name == name).unwrap().trust
}

fn options(note: &str) -> IntroduceOptions {
    IntroduceOptions { note: note.to_owned(), ..IntroduceOptions::default() }
}

fn introduce(world: &mut World, options: &IntroduceOptions) -> Result<ContactId, EngineError> {
    let (now, peer) = (world.now, &mut world.peers[ALICE]);
    peer.engine.as_mut().unwrap().introduce(now, "Bob", "Carol", options, &mut peer.rng)
}

fn open(world: &mut World, peer: usize) -> Vec<IntroductionView> {
    let (now, engine) = (world.now, world.peers[peer].engine());
    engine.now = engine.now.max(now);
    engine.introductions()
}

fn accept(world: &mut World, peer: usize, name: &str) -> Result<bool, EngineError> {
    let id = open(world, peer)[0].introduction;
    let (now, peer) = (world.now, &mut world.peers[peer]);
    peer.engine.as_mut().unwrap().accept_introduction(now, &id, name, &mut peer.rng)
}

fn reject(world: &mut World, peer: usize) {
    let id = open(world, peer)[0].introduction;
    let (now, peer) = (world.now, &mut world.peers[peer]);
    peer.engine.as_mut().unwrap().reject_introduction(now, &id, &mut peer.rng).unwrap();
}

fn history(world: &mut World, peer: usize, name: &str) -> Vec<MessageView> {
    world.peers[peer].engine().messages(name, None).unwrap()
}

/// Notices in a conversation.
fn notices(world: &mut World, peer: usize, name: &str) -> Vec<String> {
    let views = history(world, peer, name);
    views.into_iter().filter(|view| view.kind == MessageKind::Notice).map(|view| view.text).collect()
}

fn records(world: &mut World, peer: usize, kind: RecordKind) -> usize {
    let mut disk = world.peers[peer].engine().store().clone();
    disk.set_out(false);
    disk.load().unwrap().iter().filter(|(key, _)| key.kind == kind).count()
}

/// Both have been asked.
fn asked(world: &mut World) {
    world.run_until("both are asked", |world| open(world, BOB).len() == 1 && open(world, CAROL).len() == 1);
}

#[test]
fn two_contacts_meet_once_both_have_agreed_and_are_told_who_introduced_them() {
    // Whoever answers first.
    for carol_first in [false, true] {
        let mut world = three(301);
        world.faults = Faults { loss: 15, duplication: 10, holdup: 2 };
        introduce(&mut world, &options("you both sing")).unwrap();
        asked(&mut world);
        let waits = open(&mut world, ALICE);
        assert_eq!(
            (waits.len(), waits[0].state, waits[0].direction),
            (1, IntroductionState::Waiting, Direction::Out)
        );
        assert_eq!(waits[0].waits_for, r#"an answer of "Bob" and "Carol""#);
        let offered = open(&mut world, BOB).remove(0);
        assert_eq!((offered.name.as_deref(), offered.note.as_str()), (Some("Carol"), "you both sing"));
        assert_eq!(
            (offered.contacts.as_slice(), offered.state),
            (["Alice".to_owned()].as_slice(), IntroductionState::Undecided)
        );
        let shown = history(&mut world, CAROL, "Alice").remove(0);
        assert_eq!((shown.kind, shown.direction), (MessageKind::Introduction, Direction::In));
        assert!(shown.text.contains(r#"called "Bob", with the note "you both sing""#), "{}", shown.text);
        assert_eq!(state(&mut world, BOB, "Carol of the choir"), None, "nothing comes of it by itself");
        if !carol_first {
            assert_eq!(accept(&mut world, BOB, "Carol of the choir"), Ok(true));
            assert_eq!(state(&mut world, BOB, "Carol of the choir"), Some(ContactState::Pending));
            world.run_until("Alice knows", |world| notices(world, ALICE, "Bob").len() == 1);
            assert_eq!(open(&mut world, ALICE)[0].waits_for, r#"an answer of "Carol""#);
            world.run_for(Duration::from_secs(20));
            assert_eq!(state(&mut world, CAROL, "Robert"), None, "one answer is not enough");
        }
        assert_eq!(accept(&mut world, CAROL, "Robert"), Ok(false));
        assert_eq!(state(&mut world, CAROL, "Robert"), None, "there is no link yet");
        assert_eq!(accept(&mut world, CAROL, "Robert").unwrap_err().label(), "introduction-answered");
        assert_eq!(open(&mut world, CAROL)[0].state, IntroductionState::Waiting);
        if carol_first {
            world.run_until("Alice knows", |world| notices(world, ALICE, "Carol").len() == 1);
            accept(&mut world, BOB, "Carol of the choir").unwrap();
        }
        world.run_until("they have met", |world| {
            state(world, BOB, "Carol of the choir") == Some(ContactState::Established)
                && state(world, CAROL, "Robert") == Some(ContactState::Established)
        });
        for (peer, name) in [(BOB, "Carol of the choir"), (CAROL, "Robert")] {
            assert_eq!(trust(&mut world, peer, name), Trust::Unverified);
            let told = notices(&mut world, peer, name);
            assert_eq!(told.len(), 1);
            assert!(told[0].starts_with(r#""Alice" has introduced you to this contact"#), "{}", told[0]);
            assert!(world.peers[peer].heard().contains(&told[0]), "and the user is told");
        }
        assert_eq!(notices(&mut world, ALICE, "Bob"), [r#"the contact agrees to meet "Carol""#]);
        assert_eq!(notices(&mut world, ALICE, "Carol"), [r#"the contact agrees to meet "Bob""#]);
        let (now, peer) = (world.now, &mut world.peers[BOB]);
        peer.engine.as_mut().unwrap().send_text(now, "Carol of the choir", "hello", &mut peer.rng).unwrap();
        world.run_until("it is heard", |world| world.peers[CAROL].heard().iter().any(|text| text == "hello"));
        // Nothing is left of it but what was said.
        for peer in [ALICE, BOB, CAROL] {
            assert_eq!(records(&mut world, peer, RecordKind::Introduction), 0);
        }
        world.run_until("letters that are not shown have gone", |world| {
            let shown = |world: &mut World, peer, names: &[&str]| -> usize {
                names.iter().map(|name| history(world, peer, name).len()).sum()
            };
            records(world, ALICE, RecordKind::Message) == shown(world, ALICE, &["Bob", "Carol"])
                && records(world, BOB, RecordKind::Message)
                    == shown(world, BOB, &["Alice", "Carol of the choir"])
                && records(world, CAROL, RecordKind::Message) == shown(world, CAROL, &["Alice", "Robert"])
        });
        // Their keys are theirs: what both see as the safety number is the same.
        let number = |world: &mut World, peer: usize, name: &str| {
            world.peers[peer].engine().safety_number(name).unwrap().digits()
        };
        assert_eq!(number(&mut world, BOB, "Carol of the choir"), number(&mut world, CAROL, "Robert"));
        assert_ne!(number(&mut world, BOB, "Carol of the choir"), number(&mut world, BOB, "Alice"));
    }
}

#[test]
fn whoever_says_no_ends_it_and_only_the_introducer_learns() {
    for (peer, name, other) in [(BOB, "Bob", CAROL), (CAROL, "Carol", BOB)] {
        let mut world = three(302);
        introduce(&mut world, &options("")).unwrap();
        asked(&mut world);
        let seen = history(&mut world, other, "Alice");
        accept(&mut world, other, "X").unwrap();
        world.run_until("Alice knows", |world| {
            world.peers[ALICE].heard().iter().any(|text| text.contains("agrees to meet"))
        });
        reject(&mut world, peer);
        assert!(open(&mut world, peer).is_empty());
        world.run_until("Alice is told", |world| !notices(world, ALICE, name).is_empty());
        assert!(notices(&mut world, ALICE, name)[0].contains("does not want to meet"));
        assert!(open(&mut world, ALICE).is_empty());
        world.run_for(Duration::from_secs(60));
        assert_eq!(history(&mut world, other, "Alice"), seen, "the other one is told nothing");
        let hoped = state(&mut world, other, "X");
        assert_eq!(hoped, (other == BOB).then_some(ContactState::Pending));
        assert!(notices(&mut world, peer, "Alice").is_empty());
    }
}

#[test]
fn a_joiner_can_take_the_answer_back_and_an_introducer_the_introduction() {
    let mut world = three(303);
    introduce(&mut world, &options("")).unwrap();
    asked(&mut world);
    accept(&mut world, CAROL, "Bob").unwrap();
    let (now, peer) = (world.now, &mut world.peers[CAROL]);
    let engine = peer.engine.as_mut().unwrap();
    let taken = |result: Result<(), EngineError>| result.unwrap_err().label();
    assert_eq!(taken(engine.rename(now, "Alice", "Bob")), "name-promised");
    let invited = engine.create_invite(now, "Bob", Duration::from_secs(600), &mut peer.rng);
    assert_eq!(invited.unwrap_err().label(), "name-promised");
    reject(&mut world, CAROL);
    let now = world.now;
    world.peers[CAROL].engine().rename(now, "Alice", "Bob").unwrap();
    world.run_until("Alice is told", |world| notices(world, ALICE, "Carol").len() == 2);
    assert!(open(&mut world, ALICE).is_empty());
    accept(&mut world, BOB, "Carol").unwrap();
    world.run_until("it comes too late", |world| doubts(world, ALICE) == ["introduction-unknown"]);
    // Another one, which Alice takes back.
    introduce(&mut world, &options("")).unwrap();
    reject(&mut world, ALICE);
    assert!(open(&mut world, ALICE).is_empty());
    world.run_until("Carol is asked", |world| !open(world, CAROL).is_empty());
    accept(&mut world, CAROL, "Robert").unwrap();
    world.run_until("it changes nothing", |world| doubts(world, ALICE).len() == 2);
    world.run_for(Duration::from_secs(20));
    assert_eq!(state(&mut world, CAROL, "Robert"), None);
}

fn doubts(world: &World, peer: usize) -> Vec<String> {
    let doubted = world.peers[peer].events.iter().filter_map(|event| match event {
        Event::LetterDoubted { label, .. } => Some(label.clone()),
        _ => None,
    });
    doubted.collect()
}

#[test]
fn what_cannot_be_introduced_is_refused_and_nobody_is_asked() {
    let mut world = three(304);
    let now = world.now;
    let refused = |world: &mut World, first: &str, second: &str, options: &IntroduceOptions| {
        let peer = &mut world.peers[ALICE];
        let engine = peer.engine.as_mut().unwrap();
        engine.introduce(now, first, second, options, &mut peer.rng).unwrap_err().label()
    };
    let plain = options("");
    assert_eq!(refused(&mut world, "Bob", "Bob", &plain), "introduction-self");
    assert_eq!(refused(&mut world, "Bob", "Nobody", &plain), "contact-unknown");
    assert_eq!(refused(&mut world, "Bob", "Carol", &options(&"x".repeat(121))), "note-too-long");
    let named = |name: &str| IntroduceOptions { as_second: Some(name.to_owned()), ..options("") };
    assert_eq!(refused(&mut world, "Bob", "Carol", &named("a\u{202e}b")), "name-invalid");
    assert_eq!(refused(&mut world, "Bob", "Carol", &named("notes")), "name-reserved");
    world.invite(ALICE, "Dave");
    assert_eq!(refused(&mut world, "Bob", "Dave", &plain), "contact-not-met");
    let peer = &mut world.peers[ALICE];
    let engine = peer.engine.as_mut().unwrap();
    engine.add_note(now, "a note", &mut peer.rng).unwrap();
    engine.set_blocked(now, "Carol", true, &mut peer.rng).unwrap();
    assert_eq!(refused(&mut world, "notes", "Bob", &plain), "contact-is-notes");
    assert_eq!(refused(&mut world, "Bob", "Carol", &plain), "contact-blocked");
    let peer = &mut world.peers[ALICE];
    peer.engine.as_mut().unwrap().set_blocked(now, "Carol", false, &mut peer.rng).unwrap();
    assert!(history(&mut world, ALICE, "Bob").is_empty());
    for _ in 0..crate::core::limits::INTRODUCTIONS_OF_CONTACT_MAX {
        introduce(&mut world, &plain).unwrap();
    }
    assert_eq!(refused(&mut world, "Bob", "Carol", &plain), "introductions-full");
    // Both were asked so often, and no more are taken than that.
    world.run_until("all have come", |world| open(world, BOB).len() == 8 && open(world, CAROL).len() == 8);
    assert_eq!(accept(&mut world, BOB, "Alice").unwrap_err().label(), "name-taken");
    let (now, peer) = (world.now, &mut world.peers[BOB]);
    let nothing = ContactId::from_bytes([1; 16]);
    let engine = peer.engine.as_mut().unwrap();
    let error = engine.accept_introduction(now, &nothing, "X", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "introduction-unknown");
    engine.set_blocked(now, "Alice", true, &mut peer.rng).unwrap();
    assert_eq!(accept(&mut world, BOB, "Carol").unwrap_err().label(), "contact-blocked");
    assert_eq!(state(&mut world, BOB, "Carol"), None);
    reject(&mut world, BOB);
    assert_eq!(open(&mut world, BOB).len(), 7, "what cannot be answered can be ended");
}

#[test]
fn introductions_end_after_two_weeks_and_go_with_a_deleted_contact() {
    let mut world = three(305);
    introduce(&mut world, &options("")).unwrap();
    asked(&mut world);
    accept(&mut world, CAROL, "Bob").unwrap();
    let now = world.now;
    world.peers[CAROL].engine().delete_contact(now, "Alice").unwrap();
    assert_eq!(records(&mut world, CAROL, RecordKind::Introduction), 0);
    assert_eq!(world.peers[CAROL].engine().introductions(), []);
    world.peers[ALICE].engine().delete_contact(now, "Carol").unwrap();
    assert_eq!(records(&mut world, ALICE, RecordKind::Introduction), 0);
    world.crash(ALICE, false);
    assert!(open(&mut world, ALICE).is_empty());
    let backup = world.peers[BOB].engine().backup().unwrap();
    assert!(backup.iter().all(|(key, _)| key.kind != RecordKind::Introduction));
    // Bob hears nothing more. After two weeks nothing is left, while the clock alone goes on.
    assert_eq!(records(&mut world, BOB, RecordKind::Introduction), 1);
    let peer = &mut world.peers[BOB];
    let later = now + Duration::from_secs(14 * 24 * 3600 + 60);
    let engine = peer.engine.as_mut().unwrap();
    let id = engine.introductions()[0].introduction;
    let error = engine.accept_introduction(later, &id, "Carol", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "introduction-unknown");
    assert!(engine.introductions().is_empty());
    engine.tend(later, &mut peer.rng);
    assert_eq!(records(&mut world, BOB, RecordKind::Introduction), 0);
}

#[test]
fn a_letter_that_is_deleted_or_ends_takes_the_introduction_along() {
    let mut world = three(306);
    introduce(&mut world, &options("")).unwrap();
    asked(&mut world);
    let (now, peer) = (world.now, &mut world.peers[ALICE]);
    let engine = peer.engine.as_mut().unwrap();
    engine.delete_for_both(now, "Bob", 1, &mut peer.rng).unwrap();
    assert_eq!(engine.edit(now, "Carol", 1, "x", &mut peer.rng).unwrap_err().label(), "message-not-own");
    let limits = crate::core::Disappearing { exists_for_s: 3600, ..crate::core::Disappearing::OFF };
    engine.set_disappearing(now, "Bob", limits, &mut peer.rng).unwrap();
    world.run_until("it is withdrawn", |world| open(world, BOB).is_empty());
    assert_eq!(open(&mut world, CAROL).len(), 1);
    introduce(&mut world, &options("")).unwrap();
    world.run_until("Bob is asked", |world| !open(world, BOB).is_empty());
    let view = open(&mut world, BOB).remove(0);
    assert!(view.until_ms <= now.as_millis() + 3_601_000, "it goes with the letter: {view:?}");
}

/// The commit that takes a letter leaves the rest to another one. A process that dies in between does it afterwards.
#[test]
fn what_a_commit_left_to_be_done_is_done_after_a_crash() {
    let mut world = three(310);
    introduce(&mut world, &options("")).unwrap();
    asked(&mut world);
    accept(&mut world, CAROL, "Robert").unwrap();
    world.run_until("Alice knows", |world| notices(world, ALICE, "Carol").len() == 1);
    let block = |world: &mut World, blocked: bool| {
        let (now, peer) = (world.now, &mut world.peers[ALICE]);
        peer.engine.as_mut().unwrap().set_blocked(now, "Carol", blocked, &mut peer.rng).unwrap();
    };
    block(&mut world, true);
    accept(&mut world, BOB, "Carol").unwrap();
    world.run_until("Alice has the link", |world| open(world, ALICE)[0].state == IntroductionState::Agreed);
    world.crash(ALICE, false);
    world.run_for(Duration::from_secs(60));
    assert_eq!(open(&mut world, ALICE).len(), 1, "nothing goes to somebody who is blocked");
    let link = match &world.peers[ALICE].engine().book.introductions.values().next().unwrap().matter {
        Matter::Made(made) => made.link.clone().unwrap(),
        Matter::Offered(_) => unreachable!(),
    };
    block(&mut world, false);
    world.run_until("it goes on", |world| open(world, ALICE).is_empty());
    // The link has come at Carol, and her process dies before there is a contact.
    let now = world.now;
    let engine = world.peers[CAROL].engine();
    let mut known = engine.book.introductions.values().next().unwrap().clone();
    let mut update = Update::of(engine.book.named("Alice").unwrap().contact.id);
    if let Matter::Offered(offered) = &mut known.matter {
        offered.link = Some(link);
    }
    update.introductions.insert(known.id, Some(known));
    engine.make(now, update).unwrap();
    assert_eq!(state(&mut world, CAROL, "Robert"), None);
    world.crash(CAROL, false);
    world
        .run_until("they have met", |world| state(world, CAROL, "Robert") == Some(ContactState::Established));
    world.run_until("the link comes once more", |world| doubts(world, CAROL) == ["introduction-unknown"]);
    assert_eq!(world.peers[CAROL].engine().contacts().len(), 2);
}

/// Processes die and disks fail at every moment; they meet all the same, once.
fn survives(seed: u64) {
    let mut world = three(seed);
    world.faults = Faults { loss: 15, duplication: 10, holdup: 2 };
    let (mut introduced, mut answered, mut crashes) = (false, [false; 3], 0);
    world.run_until("they have met", |world| {
        if !introduced {
            introduced = again(introduce(world, &options("")));
        }
        for (peer, name) in [(BOB, "Carol"), (CAROL, "Bob")] {
            if !answered[peer] && !open(world, peer).is_empty() {
                answered[peer] = again(accept(world, peer, name));
            }
        }
        match world.rng.random_range(0..1000) {
            0..24 => {
                let (peer, resumed) = (world.rng.random_range(0..3), world.rng.random());
                world.crash(peer, resumed);
                crashes += 1;
            }
            24..80 => {
                let peer = world.rng.random_range(0..3);
                let fault = if world.rng.random() { CommitFault::Lost } else { CommitFault::Kept };
                let ahead = world.rng.random_range(0..3);
                world.peers[peer].engine().store_mut().fail_commit(ahead, fault);
            }
            _ => {}
        }
        state(world, BOB, "Carol") == Some(ContactState::Established)
            && state(world, CAROL, "Bob") == Some(ContactState::Established)
    });
    assert!(crashes > 0, "seed {seed} has crashes");
    world.faults = Faults::default();
    world.run_for(Duration::from_secs(60));
    for (peer, name) in [(BOB, "Carol"), (CAROL, "Bob")] {
        assert_eq!(notices(&mut world, peer, name).len(), 1);
        assert_eq!(world.peers[peer].engine().contacts().len(), 2);
        assert_eq!(notices(&mut world, ALICE, if peer == BOB { "Bob" } else { "Carol" }).len(), 1);
    }
    for peer in [ALICE, BOB, CAROL] {
        assert_eq!(records(&mut world, peer, RecordKind::Introduction), 0);
        let unwell = world.peers[peer].events.iter().any(|event| {
            matches!(
                event,
                Event::MessageConflict { .. } | Event::LetterDoubted { .. } | Event::InviteTaken { .. }
            )
        });
        assert!(!unwell, "{:?}", world.peers[peer].events);
    }
}

/// Whether it was done; else nothing was kept, and the user tries again.
fn again<T>(result: Result<T, EngineError>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error, EngineError::Store(_)), "{error}");
            false
        }
    }
}

#[test]
fn crashes_and_failing_commits_keep_nobody_apart() {
    for seed in [307, 308, 309] {
        survives(seed);
    }
}
