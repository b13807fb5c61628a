//! Files go from one side to the other whole, and leave nothing where they are not wanted any more.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::world::{Faults, World};
use crate::core::file::{FILE_BLOCK_LEN, FileState, PART_LEN};
use crate::core::limits::{FILE_ACCEPTED_LEN_MAX, FILE_LEN_MAX, PARTS_WAITING_MAX};
use crate::core::message::MessageState;
use crate::core::{Disappearing, Engine, EngineError, Event, MessageKind, SendOptions};
use crate::store::{CommitFault, MemoryStore, RecordKind, Store};

const NAMES: [&str; 2] = ["Bob", "Alice"];

pub(super) fn bytes(world: &mut World, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    world.rng.fill_bytes(&mut bytes);
    bytes
}

/// Hands a file over and offers it. The place of its message.
pub(super) fn offer_with(
    world: &mut World,
    peer: usize,
    bytes: &[u8],
    disappearing: Option<Disappearing>,
) -> Result<u64, EngineError> {
    let (now, name, peer) = (world.now, NAMES[peer], &mut world.peers[peer]);
    let engine = peer.engine.as_mut().unwrap();
    let size = bytes.len() as u64;
    let id = engine.begin_file(now, name, "holiday.jpg", size, disappearing, &mut peer.rng)?;
    for (at, block) in bytes.chunks(FILE_BLOCK_LEN).enumerate() {
        engine.fill_file(now, &id, (at * FILE_BLOCK_LEN) as u64, block)?;
    }
    engine.offer_file(now, &id, &mut peer.rng)
}

fn offer(world: &mut World, peer: usize, bytes: &[u8]) -> u64 {
    offer_with(world, peer, bytes, None).unwrap()
}

pub(super) fn state(world: &mut World, peer: usize, seq: u64) -> FileState {
    let now = world.now;
    let file = world.peers[peer].engine().file(now, NAMES[peer], seq);
    // One that has not come is no further than one that was offered.
    file.map_or(FileState::Offered, |file| file.state)
}

fn read(engine: &Engine<MemoryStore>, name: &str, seq: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let block = engine.read_file(name, seq, bytes.len() as u64).unwrap();
        if block.is_empty() {
            return bytes;
        }
        bytes.extend_from_slice(&block);
    }
}

/// The records of files on a peer's disk: transfers, and pieces.
pub(super) fn kept(world: &mut World, peer: usize) -> (usize, usize) {
    let records = world.peers[peer].engine().store().load().unwrap();
    let count = |kind| records.iter().filter(|(key, _)| key.kind == kind).count();
    (count(RecordKind::Transfer), count(RecordKind::Chunk))
}

fn failures(world: &World, peer: usize) -> Vec<&str> {
    let events = world.peers[peer].events.iter();
    let failed = events.filter_map(|event| match event {
        Event::FileFailed { label, .. } => Some(label.as_str()),
        _ => None,
    });
    failed.collect()
}

fn act(
    world: &mut World,
    peer: usize,
    act: impl FnOnce(
        &mut Engine<MemoryStore>,
        sotto_protocol::time::Timestamp,
        &mut rand_chacha::ChaCha20Rng,
    ) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let (now, peer) = (world.now, &mut world.peers[peer]);
    act(peer.engine.as_mut().unwrap(), now, &mut peer.rng)
}

#[test]
fn files_of_lengths_around_every_edge_arrive_whole_through_loss_and_reordering() {
    let mut world = World::acquainted(301);
    world.faults = Faults { loss: 10, duplication: 10, holdup: 3 };
    let lens =
        [1, PART_LEN - 1, PART_LEN, PART_LEN + 1, FILE_BLOCK_LEN, FILE_BLOCK_LEN + 1, 3 * FILE_BLOCK_LEN];
    let files: Vec<Vec<u8>> = lens.iter().map(|len| bytes(&mut world, *len)).collect();
    for file in &files {
        offer(&mut world, 0, file);
    }
    world.run_until("all are there", |world| {
        let now = world.now;
        (0..2).all(|peer| {
            let views = world.peers[peer].engine().files(now);
            views.len() == lens.len() && views.iter().all(|view| view.state == FileState::Done)
        })
    });
    let now = world.now;
    for (peer, name) in NAMES.iter().enumerate() {
        // Answers have places in the conversation of their side, so the two sides count differently.
        for (view, file) in world.peers[peer].engine().files(now).iter().zip(&files) {
            assert!(read(world.peers[peer].engine(), name, view.seq) == *file);
        }
    }
    let messages = world.peers[1].engine().messages("Alice", None).unwrap();
    assert_eq!((messages[0].kind, messages[0].text.as_str()), (MessageKind::File, "holiday.jpg (1 bytes)"));
    for peer in 0..2 {
        let ready = |event: &&Event| matches!(event, Event::FileReady { .. });
        assert_eq!(world.peers[peer].events.iter().filter(ready).count(), lens.len());
        let told = world.peers[peer].events.iter().filter_map(|event| match event {
            Event::FileProgress { done_bytes, size, .. } if *size == lens[6] as u64 => {
                Some((*done_bytes, *size))
            }
            _ => None,
        });
        let told: Vec<(u64, u64)> = told.collect();
        assert!(!told.is_empty() && told.len() <= 100, "{}", told.len());
        assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "progress only grows");
        assert!(told.iter().all(|(_, size)| *size == lens[6] as u64));
    }
    world.faults = Faults::default();
    world.run_for(Duration::from_secs(10));
    let queued = world.peers[1].engine().messages("Alice", None).unwrap();
    assert!(queued.iter().all(|message| message.kind != MessageKind::FileAnswer), "answers are not shown");
    assert_eq!(kept(&mut world, 1).0, lens.len());
}

#[test]
fn a_long_file_waits_for_its_receiver_and_nothing_of_it_is_kept_before() {
    let mut world = World::acquainted(302);
    let len = usize::try_from(FILE_ACCEPTED_LEN_MAX).unwrap() + 1;
    let file = bytes(&mut world, len);
    let seq = offer(&mut world, 0, &file);
    world.run_until("it is offered", |world| !world.peers[1].heard().is_empty());
    world.run_for(Duration::from_secs(5));
    assert_eq!(kept(&mut world, 1), (0, 0));
    assert_eq!(state(&mut world, 1, seq), FileState::Offered);
    assert!(kept(&mut world, 0).1 > 50);
    act(&mut world, 1, |engine, now, rng| engine.decline_file(now, "Alice", seq, rng)).unwrap();
    world.run_until("the sender hears of it", |world| state(world, 0, seq) == FileState::Declined);
    assert_eq!((kept(&mut world, 0).1, kept(&mut world, 1).1), (0, 0));
    assert_eq!(failures(&world, 0), ["file-declined"]);
    let again = act(&mut world, 1, |engine, now, rng| engine.accept_file(now, "Alice", seq, rng));
    assert_eq!(again.unwrap_err().label(), "file-state");
}

#[test]
fn sizes_and_quotas_are_refused_by_name_before_anything_is_kept() {
    let mut world = World::acquainted(303);
    let (now, peer) = (world.now, &mut world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    let mut begin = |size, name: &str| engine.begin_file(now, "Bob", name, size, None, &mut peer.rng);
    assert_eq!(begin(0, "x").unwrap_err().label(), "file-size");
    assert_eq!(begin(FILE_LEN_MAX + 1, "x").unwrap_err().label(), "file-size");
    assert_eq!(begin(1, &"x".repeat(256)).unwrap_err().label(), "file-name");
    let id = begin(FILE_BLOCK_LEN as u64 + 1, "x").unwrap();
    let block = vec![7; FILE_BLOCK_LEN];
    assert_eq!(engine.fill_file(now, &id, 1, &block).unwrap_err().label(), "file-data");
    assert_eq!(engine.fill_file(now, &id, 0, &block[1..]).unwrap_err().label(), "file-data");
    engine.fill_file(now, &id, 0, &block).unwrap();
    assert_eq!(engine.offer_file(now, &id, &mut peer.rng).unwrap_err().label(), "file-data");
    assert!(engine.messages("Bob", None).unwrap().is_empty());
    // The one that was begun and not finished leaves nothing, here or after a crash.
    let other = engine.begin_file(now, "Bob", "x", FILE_BLOCK_LEN as u64 + 1, None, &mut peer.rng).unwrap();
    assert_eq!(engine.fill_file(now, &id, FILE_BLOCK_LEN as u64, &[7]).unwrap_err().label(), "file-data");
    world.run_for(Duration::from_secs(1));
    assert_eq!(kept(&mut world, 0), (0, 0));
    world.peers[0].engine().fill_file(now, &other, 0, &block).unwrap();
    world.crash(0, true);
    world.run_for(Duration::from_secs(1));
    assert_eq!(kept(&mut world, 0), (0, 0));
}

#[test]
fn a_text_that_is_written_meanwhile_waits_for_few_boxes_only() {
    let mut world = World::acquainted(304);
    let file = bytes(&mut world, 7 * FILE_BLOCK_LEN);
    let seq = offer(&mut world, 0, &file);
    for _ in 0..3 {
        world.run_for(Duration::from_secs(3));
        assert_eq!(state(&mut world, 0, seq), FileState::Running);
        let before = world.peers[0].sent.len();
        let id = world.send(0, "Bob", "in between");
        world.run_until("it has left", |world| {
            world.peers[0].engine().message(&id).unwrap().state != MessageState::Queued
        });
        let writes =
            world.peers[0].sent[before..].iter().filter(|(_, kind)| *kind == super::world::Kind::Write);
        let boxes_before = 2 * PARTS_WAITING_MAX - 1;
        assert!(writes.count() <= 2 * boxes_before + 1, "each box goes to two mailboxes");
    }
    world.run_until("all is there", |world| {
        state(world, 1, seq) == FileState::Done && world.peers[1].heard().len() == 4
    });
    assert!(read(world.peers[1].engine(), "Alice", seq) == file);
}

#[test]
fn crashes_and_failing_commits_on_both_sides_in_the_middle_lose_nothing() {
    for seed in [305, 306] {
        let mut world = World::acquainted(seed);
        world.faults = Faults { loss: 15, duplication: 10, holdup: 3 };
        let file = bytes(&mut world, 5 * FILE_BLOCK_LEN + 100);
        let seq = offer(&mut world, 0, &file);
        let mut crashes = 0;
        world.run_until("it is there", |world| {
            match world.rng.random_range(0..1000) {
                0..8 => {
                    let (peer, resumed) = (world.rng.random_range(0..2), world.rng.random());
                    world.crash(peer, resumed);
                    crashes += 1;
                }
                8..24 => {
                    let peer = world.rng.random_range(0..2);
                    let fault = if world.rng.random() { CommitFault::Lost } else { CommitFault::Kept };
                    let ahead = world.rng.random_range(0..3);
                    world.peers[peer].engine().store_mut().fail_commit(ahead, fault);
                }
                _ => {}
            }
            let exists = world.peers[1].engine().messages("Alice", None).is_ok_and(|all| !all.is_empty());
            exists && state(world, 1, 1) == FileState::Done
        });
        assert!(crashes > 3, "{crashes}");
        assert!(read(world.peers[1].engine(), "Alice", 1) == file);
        world.faults = Faults::default();
        world.run_until("the sender knows", |world| state(world, 0, seq) == FileState::Done);
        let refused = world.peers[1].events.iter().any(|event| matches!(event, Event::BoxRefused { .. }));
        assert!(!refused, "no part was refused");
        assert_eq!(kept(&mut world, 1), (1, file.len().div_ceil(PART_LEN)));
    }
}

#[test]
fn a_file_is_paused_by_either_side_and_goes_on_where_it_was() {
    let mut world = World::acquainted(307);
    let file = bytes(&mut world, 6 * FILE_BLOCK_LEN);
    let seq = offer(&mut world, 0, &file);
    for peer in [0, 1] {
        let name = NAMES[peer];
        world.run_for(Duration::from_secs(4));
        act(&mut world, peer, |engine, now, rng| engine.pause_file(now, name, seq, rng)).unwrap();
        world.run_until("it is paused", |world| state(world, peer, seq) == FileState::Paused);
        world.run_for(Duration::from_secs(4));
        let before = world.peers[1].engine().store().load().unwrap().len();
        world.crash(0, true);
        world.crash(1, true);
        world.run_for(Duration::from_secs(4));
        assert_eq!(state(&mut world, peer, seq), FileState::Paused);
        assert_eq!(world.peers[1].engine().store().load().unwrap().len(), before, "nothing comes");
        act(&mut world, peer, |engine, now, rng| engine.resume_file(now, name, seq, rng)).unwrap();
    }
    world.run_until("it is there", |world| state(world, 1, seq) == FileState::Done);
    assert!(read(world.peers[1].engine(), "Alice", seq) == file);
    let now = world.now;
    let labels = world.peers[1].engine().status(now).counters.labels;
    assert_eq!(labels.get("file-part-repeat"), None, "nothing came twice");
}

#[test]
fn a_file_is_cancelled_by_either_side_and_its_bytes_go_on_both() {
    for peer in [0, 1] {
        let mut world = World::acquainted(308);
        let file = bytes(&mut world, 8 * FILE_BLOCK_LEN);
        let seq = offer(&mut world, 0, &file);
        world.run_for(Duration::from_secs(6));
        assert!(kept(&mut world, 1).1 > 0);
        act(&mut world, peer, |engine, now, rng| engine.cancel_file(now, NAMES[peer], seq, rng)).unwrap();
        world.run_until("both know", |world| {
            (0..2).all(|peer| state(world, peer, seq) == FileState::Cancelled)
        });
        world.run_for(Duration::from_secs(4));
        assert_eq!((kept(&mut world, 0).1, kept(&mut world, 1).1), (0, 0));
        assert_eq!(failures(&world, 1 - peer), ["file-cancelled"]);
        let text = world.send(0, "Bob", "and on");
        world.run_until("texts go on", |world| {
            world.peers[0].engine().message(&text).unwrap().state == MessageState::Delivered
        });
    }
}

/// A way in which a message goes.
type End = fn(&mut World, u64);

#[test]
fn whatever_takes_a_message_away_takes_its_file_away() {
    let ends: [(&str, End); 4] = [
        ("deleted here", |world, seq| {
            let now = world.now;
            world.peers[0].engine().delete_here(now, "Bob", seq).unwrap();
            world.peers[1].engine().delete_here(now, "Alice", seq).unwrap();
        }),
        ("deleted for both", |world, seq| {
            act(world, 0, |engine, now, rng| engine.delete_for_both(now, "Bob", seq, rng).map(drop)).unwrap();
            world.run_until("the other side did so", |world| kept(world, 1) == (0, 0));
        }),
        ("ended", |world, _| {
            // A device that sleeps meanwhile, rather than ten minutes of traffic.
            world.now = world.now + Duration::from_secs(600);
            world.run_for(Duration::from_secs(2));
        }),
        ("forgotten", |world, _| {
            for peer in [0, 1] {
                let now = world.now;
                let contact = *world.peers[peer].engine().book.people.keys().next().unwrap();
                world.peers[peer].engine().forget(now, contact, None).unwrap();
            }
        }),
    ];
    for (what, end) in ends {
        for wait in [3, 12] {
            let mut world = World::acquainted(309);
            let file = bytes(&mut world, 3 * FILE_BLOCK_LEN);
            let limits = Disappearing { exists_for_s: 600, ..Disappearing::OFF };
            let seq = offer_with(&mut world, 0, &file, Some(limits)).unwrap();
            world.run_for(Duration::from_secs(wait));
            assert!((0..2).all(|peer| kept(&mut world, peer).1 > 0), "{what}");
            end(&mut world, seq);
            world.run_for(Duration::from_secs(3));
            assert!((0..2).all(|peer| kept(&mut world, peer) == (0, 0)), "{what}");
        }
    }
}

#[test]
fn a_session_made_anew_in_the_middle_costs_parts_and_no_file() {
    let mut world = World::acquainted(310);
    let file = bytes(&mut world, 16 * FILE_BLOCK_LEN);
    let seq = offer(&mut world, 0, &file);
    for peer in [0, 1] {
        world.run_for(Duration::from_secs(5));
        assert_ne!(state(&mut world, 1, seq), FileState::Done);
        act(&mut world, peer, |engine, now, rng| engine.renew(now, NAMES[peer], false, rng)).unwrap();
        world.run_until("it is made", |world| {
            let renewed = |event: &&Event| matches!(event, Event::ContactRenewed { .. });
            (0..2).all(|side| world.peers[side].events.iter().filter(renewed).count() > peer)
        });
        // Keys of the other side are looked for in slots that no box waits for: its renewal may come after the file.
        if peer == 0 {
            assert_ne!(state(&mut world, 1, seq), FileState::Done, "the file did not hold it up");
        }
    }
    world.run_until("it is there", |world| state(world, 1, seq) == FileState::Done);
    assert!(read(world.peers[1].engine(), "Alice", seq) == file);
}

#[test]
fn after_a_restored_backup_a_file_can_be_asked_for_again_and_one_that_is_gone_is_told() {
    let mut world = World::acquainted(311);
    let file = bytes(&mut world, 2 * FILE_BLOCK_LEN);
    let seq = offer(&mut world, 0, &file);
    world.run_until("both know", |world| {
        (0..2).all(|peer| !world.peers[1].heard().is_empty() && state(world, peer, seq) == FileState::Done)
    });
    let backup = world.peers[1].engine().backup().unwrap();
    world.restore(1, backup);
    assert_eq!((state(&mut world, 1, seq), kept(&mut world, 1)), (FileState::Offered, (0, 0)));
    act(&mut world, 1, |engine, now, rng| engine.accept_file(now, "Alice", seq, rng)).unwrap();
    world.run_until("it is there again", |world| state(world, 1, seq) == FileState::Done);
    assert!(read(world.peers[1].engine(), "Alice", seq) == file);
    // The sender loses its copy.
    let backup = world.peers[0].engine().backup().unwrap();
    world.restore(0, backup);
    assert_eq!(state(&mut world, 0, seq), FileState::Failed);
    let backup = world.peers[1].engine().backup().unwrap();
    world.restore(1, backup);
    act(&mut world, 1, |engine, now, rng| engine.accept_file(now, "Alice", seq, rng)).unwrap();
    world.run_until("it is told", |world| state(world, 1, seq) == FileState::Cancelled);
    assert_eq!(failures(&world, 1), ["file-cancelled"]);
}

#[test]
fn a_reply_to_a_file_and_a_reaction_find_it() {
    let mut world = World::acquainted(312);
    let file = bytes(&mut world, 10);
    let seq = offer(&mut world, 0, &file);
    world.run_until("it is there", |world| {
        !world.peers[1].heard().is_empty() && state(world, 1, seq) == FileState::Done
    });
    let options = SendOptions { reply_to: Some(seq), ..SendOptions::default() };
    act(&mut world, 1, |engine, now, rng| {
        engine.react(now, "Alice", seq, Some("x"), rng)?;
        engine.send(now, "Alice", "nice", options, rng).map(drop)
    })
    .unwrap();
    world.run_until("it is answered", |world| !world.peers[0].heard().is_empty());
    let messages = world.peers[0].engine().messages("Bob", None).unwrap();
    assert_eq!(messages[0].reactions.theirs.as_deref(), Some("x"));
    assert_eq!(messages.last().unwrap().refers_to, Some(seq));
    let edited = act(&mut world, 0, |engine, now, rng| engine.edit(now, "Bob", seq, "other", rng).map(drop));
    assert_eq!(edited.unwrap_err().label(), "message-not-own", "a file has no text to change");
}
