//! A profile that is locked and unlocked: the packets go on, the contacts are gone meanwhile, nothing is lost.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

use super::world::{Kind, World, routed};
use crate::core::limits::ENTRY_FAILURES_MAX;
use crate::core::{EngineSettings, Opened, Route, RoutePlan};
use crate::session::KemPolicy;
use crate::store::MemoryStore;

fn lock(world: &mut World, peer: usize) -> Opened<MemoryStore> {
    let now = world.now;
    let empty = Opened::read(MemoryStore::new(), KemPolicy::default()).unwrap();
    let aside = world.peers[peer].engine().set_aside(now, empty);
    world.drain(peer);
    aside
}

/// From what is on the disk, as a vault that is opened anew.
fn unlock(world: &mut World, peer: usize, aside: Opened<MemoryStore>) {
    let now = world.now;
    let opened = Opened::read(aside.into_store(), KemPolicy::default()).unwrap();
    drop(world.peers[peer].engine().take_up(now, opened));
    world.drain(peer);
}

/// Twelve seconds of the packets of somebody who wants `route` and has a contact on route `tor` besides, locked from the
/// third to the eighth second or not at all.
fn packets(seed: u64, route: Route, locks: bool) -> [Vec<u64>; 3] {
    let people = [EngineSettings { tor_cover: true, ..routed(&[route]) }, routed(&[route])];
    let mut world = World::acquainted_with(seed, &people);
    let _ = world.invite(0, "Dora");
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Dora", Some(RoutePlan::only(Route::Tor))).unwrap();
    world.run_for(Duration::from_secs(1));
    let start = world.now;
    world.peers[0].sent.clear();
    world.peers[0].ways.clear();
    let mut aside = None;
    for second in 0..12 {
        match second {
            3 if locks => aside = Some(lock(&mut world, 0)),
            8 if locks => unlock(&mut world, 0, aside.take().unwrap()),
            _ => {}
        }
        world.send(1, "Alice", "talk");
        world.run_for(Duration::from_secs(1));
    }
    let since = |at: Timestamp| at.as_micros() - start.as_micros();
    Route::ALL.map(|route| world.peers[0].times(route).into_iter().map(since).collect())
}

#[test]
fn locking_and_unlocking_move_no_tick_on_any_lane_with_cover() {
    for (seed, route) in [(71, Route::Mix), (72, Route::TorMix), (73, Route::Tor)] {
        let (locked, open) = (packets(seed, route, true), packets(seed, route, false));
        assert_eq!(locked, open, "{route}");
        for (lane, times) in Route::ALL.iter().zip(&open) {
            let runs = *lane == route || *lane == Route::Tor;
            assert_eq!(times.len() > 150, runs, "{lane}: {} packets", times.len());
        }
        println!("{route}: {} packets in 12 s, the same times", open.iter().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn a_locked_engine_knows_nobody_and_sends_decoys_loops_and_drops() {
    let mut world = World::acquainted(74);
    world.send(0, "Bob", &"x".repeat(4000));
    let entry = world.peers[0].engine().status(world.now).routes[0].entry.clone();
    let aside = lock(&mut world, 0);
    world.peers[0].sent.clear();
    world.peers[0].events.clear();
    world.send(1, "Alice", "while you were away");
    world.run_for(Duration::from_secs(5));
    let now = world.now;
    let engine = world.peers[0].engine();
    assert!(engine.contacts().is_empty() && engine.store().is_empty());
    assert_eq!(engine.messages("Bob", None).unwrap_err().label(), "contact-unknown");
    let status = engine.status(now);
    assert!(status.waiting.is_empty() && status.outbox_boxes == 0);
    assert_eq!(status.counters.sent_write + status.counters.sent_read, 0);
    assert!(status.counters.sent_decoy > 50, "{:?}", status.counters);
    assert_eq!(status.routes[0].entry, entry);
    assert_eq!(format!("{engine:?}").split(',').next(), Some("Engine(Book(0 people"));
    assert!(world.peers[0].events.is_empty(), "nothing is received while it is locked");
    assert!(world.peers[0].sent.iter().all(|(_, kind)| *kind != Kind::Write));
    unlock(&mut world, 0, aside);
    assert_eq!(world.peers[0].engine().status(now).routes[0].entry, entry);
    world.run_until("both have heard", |world| {
        world.peers[0].heard() == ["while you were away"] && world.peers[1].heard().len() == 1
    });
}

#[test]
fn a_message_on_its_way_when_the_profile_is_locked_arrives_once() {
    let mut world = World::acquainted(75);
    world.faults.holdup = 30;
    let sent: Vec<_> =
        (0..6).map(|n| world.send(0, "Bob", &format!("{n} {}", "long ".repeat(400)))).collect();
    for _ in 0..5 {
        world.run_for(Duration::from_millis(700));
        let aside = lock(&mut world, 0);
        world.run_for(Duration::from_millis(300));
        unlock(&mut world, 0, aside);
    }
    world.run_until("all are stored", |world| {
        let engine = world.peers[0].engine();
        sent.iter().all(|id| engine.message(id).unwrap().state.is_stored())
    });
    world.run_until("all are heard", |world| world.peers[1].heard().len() >= sent.len());
    world.run_for(Duration::from_secs(5));
    let mut heard: Vec<u32> = world.peers[1].heard().iter().map(|text| text[..1].parse().unwrap()).collect();
    heard.sort_unstable();
    assert_eq!(heard, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_only_a_contact_wanted_stays_wanted_and_no_longer_than_that() {
    let mut world = World::acquainted_with(76, &[routed(&[Route::Mix]), routed(&[Route::Mix])]);
    let now = world.now;
    let own = Some(RoutePlan::only(Route::TorMix));
    world.peers[0].engine().set_contact_routes(now, "Bob", own).unwrap();
    world.run_for(Duration::from_secs(1));
    let wanted = |world: &mut World| Route::ALL.map(|route| world.peers[0].engine().is_wanted(route));
    assert_eq!(wanted(&mut world), [true, true, false]);
    let aside = lock(&mut world, 0);
    world.run_for(Duration::from_secs(1));
    assert_eq!(wanted(&mut world), [true, true, false]);
    drop(aside);
    // Whoever unlocks with a store of nobody has no such contact any more.
    unlock(&mut world, 0, Opened::read(MemoryStore::new(), KemPolicy::default()).unwrap());
    assert_eq!(wanted(&mut world), [true, false, false]);
}

#[test]
fn an_entry_that_was_chosen_while_locked_is_kept_when_it_is_unlocked() {
    let mut world = World::acquainted(77);
    let now = world.now;
    let aside = lock(&mut world, 0);
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let first = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    engine.handle_session_lost(now, Route::Mix, "the entry is gone");
    for _ in 0..ENTRY_FAILURES_MAX {
        engine.handle_entry_failed(now, Route::Mix, &first, "the entry is gone");
    }
    let second = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    assert_ne!(first, second);
    unlock(&mut world, 0, aside);
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(second));
    assert_eq!(engine.book.mix.entries, [first, second]);
    let kept = Opened::read(engine.store().clone(), KemPolicy::default()).unwrap();
    assert_eq!(kept.book().mix.entries, [first, second], "in the store as well");
}

#[test]
fn debug_of_what_was_set_aside_shows_counts_only() {
    let mut world = World::acquainted(78);
    world.send(0, "Bob", "hello");
    let aside = lock(&mut world, 0);
    let shown = format!("{aside:?}");
    assert!(!shown.contains("Bob") && !shown.contains("hello"));
    insta::assert_snapshot!(shown, @"Opened(Book(1 people, 1 messages, Outbox(1 boxes)))");
}
