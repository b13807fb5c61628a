//! What is shown: why a message waits, the sticky entry, and that nothing secret is printed.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::directory::ConsensusNode;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::RefusalCode;

use super::world::World;
use crate::core::limits::{ENTRIES_KEPT_MAX, ENTRY_FAILURES_MAX};
use crate::core::{ConsensusState, Engine, EngineSettings, Route, RouteState};
use crate::store::{CommitFault, MemoryStore};

/// Why the first message of peer 0 waits.
fn why(world: &mut World) -> String {
    let now = world.now;
    let waiting = world.peers[0].engine().status(now).waiting;
    waiting.first().map_or_else(String::new, |waiting| waiting.why.clone())
}

#[test]
fn a_message_says_what_it_waits_for() {
    let mut world = World::acquainted(51);
    world.silent.extend(world.mailboxes());
    world.send(0, "Bob", "hello");
    assert_eq!(why(&mut world), "waiting for free slots of the cover traffic: 2 of 2 packets are to be sent");
    world.run_until("both packets have left", |world| world.writes.len() == 6);
    let why_sent = why(&mut world);
    assert!(why_sent.starts_with("waiting for the acknowledgement of mailbox 0"), "{why_sent}");
    assert!(why_sent.ends_with("attempt 1"), "{why_sent}");
    world.run_until("a third attempt was made", |world| world.writes.values().any(|times| *times >= 3));

    let now = world.now;
    world.peers[0].engine().handle_session_lost(now, Route::Mix, "it ended");
    assert_eq!(
        why(&mut world),
        "route mix: not connected to an entry of the network for 0 s (it ended); it waits, as no other route is allowed"
    );
    world.connect(0);
    world.now = world.consensus.valid_until + Duration::from_secs(7200);
    assert!(why(&mut world).starts_with("the consensus has run out"));
    world.now = now - Duration::from_secs(3600);
    assert_eq!(why(&mut world), "the consensus is not valid yet; check this computer's clock");
    world.now = now;

    world.silent.clear();
    let mailboxes = world.mailboxes();
    world.refusing = mailboxes.iter().map(|mailbox| (*mailbox, RefusalCode::QuotaFull)).collect();
    world.run_until("both have refused", |world| {
        let now = world.now;
        world.peers[0].engine().status(now).counters.labels.get("quota-full").is_some_and(|count| *count >= 2)
    });
    let why_refused = why(&mut world);
    assert!(why_refused.contains("refused it (quota-full); trying again in "), "{why_refused}");
    world.refusing.clear();
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    world.run_until("it is stored", |world| why(world).is_empty());
}

/// A time is given where it can be, and holds; with a mailbox that is silent there is none.
#[test]
fn a_message_says_how_long_it_will_wait_if_that_is_known() {
    let mut world = World::acquainted(58);
    world.run_for(Duration::from_secs(30));
    let id = world.send(0, "Bob", &"x".repeat(20_000));
    let start = world.now;
    let expected = |world: &mut World| {
        let now = world.now;
        world.peers[0].engine().status(now).waiting.first().and_then(|waiting| waiting.expected_ms)
    };
    let first_ms = expected(&mut world).unwrap();
    world.run_until("half of it is stored", |world| {
        let now = world.now;
        world.peers[0].engine().status(now).outbox_boxes < 9
    });
    let later_ms = expected(&mut world).unwrap();
    assert!(later_ms < first_ms, "{first_ms} {later_ms}");
    world.run_until("it is stored", |world| world.peers[0].engine().message(&id).unwrap().state.is_stored());
    let taken_ms = u64::try_from(world.now.since(start).as_millis()).unwrap();
    assert!((first_ms / 2..first_ms * 2).contains(&taken_ms), "{first_ms} {taken_ms}");

    world.silent.extend(world.mailboxes());
    world.send(0, "Bob", "to nobody");
    world.run_until("a third attempt was made", |world| world.writes.values().any(|times| *times >= 3));
    assert_eq!(expected(&mut world), None);
}

#[test]
fn what_is_stored_and_not_confirmed_is_shown_with_when_the_contact_was_heard_of() {
    let mut world = World::acquainted(59);
    let undelivered = |world: &mut World| {
        let now = world.now;
        world.peers[0].engine().status(now).undelivered
    };
    assert_eq!(undelivered(&mut world), []);
    let now = world.now;
    world.peers[1].engine().handle_session_lost(now, Route::Mix, "the cable is cut");
    for text in ["one", "two"] {
        world.send(0, "Bob", text);
    }
    world.run_until("both are stored", |world| undelivered(world).iter().any(|row| row.messages == 2));
    let row = undelivered(&mut world).remove(0);
    assert_eq!((row.contact.as_str(), row.heard_ms), ("Bob", None));
    assert_eq!(row.kept_until_ms, row.since_ms + 14 * 24 * 3600 * 1000);
    assert!(row.expected_ms.is_some());
    world.connect(1);
    world.run_until("both are confirmed", |world| undelivered(world).is_empty());
    assert!(world.peers[0].engine().book.people.values().all(|person| person.ledger.heard_ms > 0));
}

#[test]
fn before_there_is_a_network_the_status_says_so() {
    let mut rng = ChaCha20Rng::seed_from_u64(52);
    let mut world = World::new(52, 1);
    let now = world.now;
    let settings = EngineSettings::new("standard");
    let mut engine = Engine::open(MemoryStore::new(), settings, now, &mut rng).unwrap();
    let link = world.invite(0, "Bob");
    engine.accept_invite(now, &link, "Alice", &mut rng).unwrap();
    engine.send_text(now, "Alice", "hello", &mut rng).unwrap();
    let status = engine.status(now);
    let mix = status.route(Route::Mix).unwrap();
    assert_eq!((status.consensus, mix.state), (ConsensusState::Missing, RouteState::Disconnected));
    assert_eq!((&status.network, &mix.entry, &mix.cover), (&None, &None, &None));
    assert_eq!(status.waiting.len(), 2, "the answer to the invitation and the message");
    assert_eq!(status.waiting[0].message, None);
    assert!(
        status
            .waiting
            .iter()
            .all(|waiting| waiting.why == "no consensus of the network has been fetched yet")
    );
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut rng), None);

    engine.settings.class = "hurried".into();
    engine.handle_consensus(now, world.consensus.clone());
    assert!(engine.status(now).waiting[0].why.contains("no cover class named \"hurried\""));
}

#[test]
fn a_failing_store_is_shown() {
    let mut world = World::acquainted(53);
    world.send(0, "Bob", "hello");
    world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Lost);
    let now = world.now;
    assert!(world.peers[0].engine().mark_read(now, "Bob", 1).is_err());
    assert!(!world.peers[0].engine().status(now).store_working);
    assert_eq!(why(&mut world), "the store cannot be written; free some space or check the disk");
    world.run_for(Duration::from_secs(3));
    let now = world.now;
    assert!(world.peers[0].engine().status(now).store_working, "it is tried again without being asked");
}

#[test]
fn the_entry_changes_after_repeated_failure_only() {
    let mut world = World::new(54, 1);
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let first = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    for _ in 1..ENTRY_FAILURES_MAX {
        engine.handle_entry_failed(now, Route::Mix, &first, "refused");
        assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(first));
    }
    engine.handle_session(now, Route::Mix, first, peer.session);
    engine.handle_entry_failed(now, Route::Mix, &first, "refused");
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(first), "success forgives");
    for _ in 1..ENTRY_FAILURES_MAX {
        engine.handle_entry_failed(now, Route::Mix, &first, "refused");
    }
    let second = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    assert_ne!(second, first);
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(second));
}

#[test]
fn a_network_that_is_down_does_not_lead_through_all_entries() {
    let mut world = World::new(57, 1);
    let now = world.now;
    let mut larger = (*world.consensus).clone();
    let one = larger.entries().next().unwrap().clone();
    larger.nodes.extend((100..120).map(|byte| {
        let node = NodeId::from_bytes([byte; 32]);
        ConsensusNode { node, ..one.clone() }
    }));
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    engine.handle_consensus(now, larger.clone().into());
    let first = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    let mut tried = BTreeSet::new();
    for _ in 0..100 * ENTRY_FAILURES_MAX {
        let entry = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
        engine.handle_entry_failed(now, Route::Mix, &entry, "refused");
        tried.insert(entry);
    }
    assert_eq!(tried.len(), ENTRIES_KEPT_MAX);
    // A restart begins with the first choice again.
    let store = peer.engine.take().unwrap().into_store();
    let settings = EngineSettings::new("standard");
    let mut engine = Engine::open(store, settings, now, &mut peer.rng).unwrap();
    engine.handle_consensus(now, larger.into());
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(first));
}

#[test]
fn an_entry_that_leaves_the_network_is_replaced() {
    let mut world = World::new(55, 1);
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    let first = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    let mut smaller = (*world.consensus).clone();
    smaller.nodes.retain(|node| node.node != first);
    engine.handle_consensus(now, smaller.into());
    assert_ne!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), Some(first));
}

#[test]
fn debug_shows_no_secret_and_no_text() {
    let mut world = World::acquainted(56);
    world.send(0, "Bob", "meet me at nine");
    let engine = world.peers[0].engine();
    engine.lanes.get_mut(Route::Mix).outstanding.abandon();
    insta::assert_snapshot!(format!("{engine:?}"), @r#"Engine(Book(1 people, 1 messages, Outbox(1 boxes)), 0 packets awaited, running: ["mix"])"#);
}
