//! Processes die and disks fail at every moment; every message still arrives once and in order.

use std::time::Duration;

use rand::RngExt;

use super::world::{Faults, World};
use crate::core::{Direction, EngineError, Event, MessageState};
use crate::store::CommitFault;

/// What the other side has on disk from a conversation, which outlasts what a process was told.
fn kept(world: &mut World, peer: usize, name: &str) -> Vec<String> {
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages
        .into_iter()
        .filter(|message| message.direction == Direction::In)
        .map(|message| message.text)
        .collect()
}

fn survives(seed: u64) {
    let mut world = World::acquainted(seed);
    world.faults = Faults { loss: 20, duplication: 10, holdup: 3 };
    let long = "lang".repeat(1500);
    let texts = ["one", "", long.as_str(), "four"];
    let mut waiting: Vec<(usize, &str, Vec<&str>)> =
        vec![(0, "Bob", texts.to_vec()), (1, "Alice", texts.to_vec())];
    let mut crashes = 0;
    world.run_until("all is kept", |world| {
        for (peer, name, texts) in &mut waiting {
            let (now, peer) = (world.now, &mut world.peers[*peer]);
            if peer.engine.as_ref().unwrap().lanes.outstanding() % 3 == 0
                && let Some(text) = texts.first()
            {
                let sent = peer.engine.as_mut().unwrap().send_text(now, name, text, &mut peer.rng);
                match sent {
                    Ok(_) => drop(texts.remove(0)),
                    // Nothing was kept: the user tries again.
                    Err(error) => assert!(matches!(error, EngineError::Store(_)), "{error}"),
                }
            }
        }
        match world.rng.random_range(0..1000) {
            0..16 => {
                let (peer, resumed) = (world.rng.random_range(0..2), world.rng.random());
                world.crash(peer, resumed);
                crashes += 1;
            }
            16..48 => {
                let peer = world.rng.random_range(0..2);
                let fault = if world.rng.random() { CommitFault::Lost } else { CommitFault::Kept };
                let ahead = world.rng.random_range(0..3);
                world.peers[peer].engine().store_mut().fail_commit(ahead, fault);
            }
            _ => {}
        }
        waiting.iter().all(|(_, _, texts)| texts.is_empty())
            && kept(world, 0, "Bob").len() >= texts.len()
            && kept(world, 1, "Alice").len() >= texts.len()
    });
    world.faults = Faults::default();
    world.run_until("all is stored", |world| {
        (0..2).all(|peer| world.peers[peer].engine().contacts()[0].queued == 0)
    });
    world.run_for(Duration::from_secs(10));
    assert_eq!(kept(&mut world, 0, "Bob"), texts);
    assert_eq!(kept(&mut world, 1, "Alice"), texts);
    assert!(crashes > 0, "seed {seed} has crashes");
    for peer in &world.peers {
        let heard = peer.heard();
        let mut distinct = heard.clone();
        distinct.dedup();
        assert_eq!(heard, distinct, "no message is told of twice");
        let conflicts = peer.events.iter().any(|event| matches!(event, Event::MessageConflict { .. }));
        assert!(!conflicts, "no index of a stream is used twice");
    }
}

#[test]
fn that_a_packet_has_left_is_kept_right_after_it() {
    let mut world = World::acquainted(78);
    let id = world.send(0, "Bob", "off it goes");
    world.run_until("it is released", |world| {
        world.peers[0].engine().message(&id).unwrap().state == MessageState::Released
    });
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    assert!(engine.poll_timeout() <= now, "it wants to keep it at once");
    engine.handle_timeout(now, &mut peer.rng);
    assert!(engine.poll_timeout() > now, "and that is all");
    world.crash(0, false);
    assert_eq!(world.peers[0].engine().message(&id).unwrap().state, MessageState::Released);
}

#[test]
fn crashes_and_failing_commits_lose_and_double_nothing() {
    for seed in [11, 12, 13] {
        survives(seed);
    }
}

#[test]
fn a_commit_that_fails_keeps_nothing_and_sends_nothing() {
    let mut world = World::acquainted(14);
    let now = world.now;
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Lost);
    let peer = &mut world.peers[0];
    let error = peer.engine.as_mut().unwrap().send_text(now, "Bob", "lost", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "store-io");
    assert!(world.peers[0].engine().messages("Bob", None).unwrap().is_empty());
    world.send(0, "Bob", "kept");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(world.peers[1].heard(), ["kept"]);
    world.run_for(Duration::from_secs(2));
    let told: Vec<_> = world.peers[0]
        .events
        .iter()
        .filter(|event| matches!(event, Event::StoreFailed { .. } | Event::StoreRecovered))
        .collect();
    assert_eq!(told.len(), 2);
}

#[test]
fn a_commit_that_was_made_although_it_failed_counts_once() {
    let mut world = World::acquainted(15);
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Kept);
    let id = world.send(0, "Bob", "kept");
    assert_eq!(world.peers[0].engine().message(&id).unwrap().state, MessageState::Queued);
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.peers[1].heard(), ["kept"]);
}

#[test]
fn a_message_is_not_told_of_until_a_failing_store_has_kept_it() {
    let mut world = World::acquainted(16);
    for ahead in 0..3 {
        world.peers[1].engine().store_mut().fail_commit(ahead, CommitFault::Lost);
    }
    world.send(0, "Bob", "patience");
    let mut failed = false;
    world.run_until("it is heard", |world| {
        failed |= world.peers[1].events.iter().any(|event| matches!(event, Event::StoreFailed { .. }));
        !world.peers[1].heard().is_empty()
    });
    assert!(failed);
    world.run_for(Duration::from_secs(2));
    assert_eq!(
        world.peers[1].events.iter().filter(|event| matches!(event, Event::StoreRecovered)).count(),
        1
    );
}

#[test]
fn parts_of_a_message_survive_a_restart_and_are_not_asked_for_again() {
    let mut world = World::acquainted(17);
    let long = "x".repeat(20_000);
    world.send(0, "Bob", &long);
    let parts = |world: &mut World| {
        let person = world.peers[1].engine().book.people.values().next().unwrap();
        person.inbox.parts.len()
    };
    world.run_until("some parts have come", |world| parts(world) >= 5);
    let before = parts(&mut world);
    world.crash(1, false);
    assert_eq!(parts(&mut world), before);
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(world.peers[1].heard(), [long]);
    assert_eq!(parts(&mut world), 0);
    let records = crate::store::Store::load(world.peers[1].engine().store()).unwrap();
    assert!(
        records.iter().all(|(key, _)| key.kind != crate::store::RecordKind::Inbox),
        "no part is left behind"
    );
}

#[test]
fn the_entry_is_the_same_after_a_restart() {
    let mut world = World::new(18, 6);
    for peer in 0..6 {
        let (now, entry) = (world.now, |world: &mut World| {
            world.peers[peer].engine().status(world.now).routes[0].entry.clone()
        });
        let before = entry(&mut world);
        for _ in 0..4 {
            world.crash(peer, false);
            assert_eq!(entry(&mut world), before);
        }
        assert!(before.is_some() && now == world.now);
    }
}

/// Nothing of what is in memory is acted on while nobody knows what the store has.
#[test]
fn a_disk_that_vanishes_and_comes_back_loses_and_doubles_nothing() {
    let mut world = World::acquainted(19);
    world.send(1, "Alice", "on its way");
    for peer in 0..2 {
        world.peers[peer].engine().store_mut().set_out(true);
    }
    let (now, peer) = (world.now, &mut world.peers[0]);
    let error = peer.engine.as_mut().unwrap().send_text(now, "Bob", "lost", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "store-io");
    world.run_for(Duration::from_secs(5));
    assert!(world.peers[0].heard().is_empty(), "what cannot be kept is not told of");
    for peer in 0..2 {
        world.peers[peer].engine().store_mut().set_out(false);
    }
    world.run_until("it is heard and stored", |world| {
        !world.peers[0].heard().is_empty() && world.peers[1].engine().contacts()[0].queued == 0
    });
    world.run_for(Duration::from_secs(2));
    world.send(0, "Bob", "again");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(world.peers[0].heard(), ["on its way"]);
    assert_eq!(world.peers[1].heard(), ["again"]);
    for peer in &mut world.peers {
        let now = world.now;
        assert!(peer.engine().status(now).store_working);
    }
}
