//! A contact that is blocked: nothing is read, nothing is written, nobody sees it, and nothing is lost.

use std::time::Duration;

use super::world::{Faults, Kind, World, routed};
use crate::core::{ContactState, EngineSettings, Event, MessageKind, MessageState, Route, RoutePlan};
use crate::store::CommitFault;

fn block(world: &mut World, peer: usize, contact: &str, blocked: bool) -> Result<(), &'static str> {
    let (now, target) = (world.now, &mut world.peers[peer]);
    let changed = target.engine.as_mut().unwrap().set_blocked(now, contact, blocked, &mut target.rng);
    world.drain(peer);
    changed.map_err(|error| error.label())
}

fn texts(world: &mut World, peer: usize, name: &str) -> Vec<String> {
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages
        .into_iter()
        .filter(|message| message.kind == MessageKind::Text && message.state == MessageState::Received)
        .map(|message| message.text)
        .collect()
}

/// What a peer's packets were for so far: boxes written and asked for, and decoys.
fn carried(world: &mut World, peer: usize) -> (u64, u64, u64) {
    let now = world.now;
    let counters = world.peers[peer].engine().status(now).counters;
    (counters.sent_write, counters.sent_read, counters.sent_decoy)
}

#[test]
fn nothing_is_read_or_written_while_a_contact_is_blocked_and_all_of_it_after() {
    for (seed, faults) in [(131, Faults::default()), (132, Faults { loss: 15, duplication: 10, holdup: 2 })] {
        let mut world = World::acquainted(seed);
        world.faults = faults;
        for (peer, name) in [(0, "Bob"), (1, "Alice")] {
            world.send(peer, name, "before");
        }
        world.run_until("both are heard", |world| (0..2).all(|peer| !world.peers[peer].heard().is_empty()));
        let waiting = world.send(0, "Bob", &"waits ".repeat(500));
        assert_eq!(block(&mut world, 0, "Bob", true), Ok(()));
        assert_eq!(block(&mut world, 0, "Bob", true), Ok(()), "twice is no mistake");
        for text in ["one", "two"] {
            world.send(1, "Alice", text);
        }
        let before = carried(&mut world, 0);
        let (now, peer) = (world.now, &mut world.peers[0]);
        let engine = peer.engine.as_mut().unwrap();
        let refused = engine.send_text(now, "Bob", "no", &mut peer.rng).unwrap_err();
        assert_eq!(refused.label(), "contact-blocked");
        assert_eq!(engine.renew(now, "Bob", false, &mut peer.rng).unwrap_err().label(), "contact-blocked");
        world.run_for(Duration::from_secs(6));
        world.crash(0, false);
        world.run_for(Duration::from_secs(12));
        let after = carried(&mut world, 0);
        assert_eq!((after.0, after.1), (0, 0), "since the restart nothing but decoys");
        assert!(after.2 > 150 && before.2 > 0, "{after:?}");
        assert_eq!(world.peers[0].heard(), ["before"]);
        let now = world.now;
        let engine = world.peers[0].engine();
        let bob = engine.contacts().remove(0);
        assert!(bob.blocked && !bob.muted && bob.state == ContactState::Established);
        let why: Vec<String> = engine.status(now).waiting.into_iter().map(|waiting| waiting.why).collect();
        assert_eq!(why, ["you have blocked \"Bob\"; `sotto contacts unblock \"Bob\"` ends that"]);
        assert_eq!(engine.message(&waiting).unwrap().state, MessageState::Queued);
        assert!(world.peers[1].heard().iter().all(|text| text == "before"));

        assert_eq!(block(&mut world, 0, "Bob", false), Ok(()));
        world.run_until("all is heard and stored", |world| {
            world.peers[0].heard().len() == 3
                && world.peers[1].heard().len() == 2
                && (0..2).all(|peer| world.peers[peer].engine().contacts()[0].queued == 0)
        });
        world.run_for(Duration::from_secs(5));
        assert_eq!(world.peers[0].heard(), ["before", "one", "two"]);
        let told = |event: &&Event| matches!(event, Event::ContactBlocked { .. });
        assert_eq!(world.peers[0].events.iter().filter(told).count(), 2);
    }
}

/// A box may be on its way in any direction when the contact is blocked.
#[test]
fn at_whatever_moment_it_is_blocked_nothing_more_is_taken_and_nothing_is_lost() {
    for steps in (0..400).step_by(45) {
        let mut world = World::acquainted(133);
        world.send(1, "Alice", &"long ".repeat(1500));
        let own = world.send(0, "Bob", "short");
        (0..steps).for_each(|_| world.step());
        block(&mut world, 0, "Bob", true).unwrap();
        let (heard, parts) = (world.peers[0].heard(), |world: &mut World| {
            world.peers[0].engine().book.people.values().next().unwrap().inbox.parts.len()
        });
        let parts_before = parts(&mut world);
        world.run_for(Duration::from_secs(2));
        assert_eq!(world.peers[0].heard(), heard, "after {steps} steps");
        assert_eq!(parts(&mut world), parts_before, "after {steps} steps");
        let opened = |world: &mut World| {
            let mut people = world.peers[0].engine().book.people.values();
            people.any(|person| person.next_content().is_some())
        };
        assert!(!opened(&mut world), "after {steps} steps: an answer that was on its way is dropped");
        let carried_before = carried(&mut world, 0);
        world.run_for(Duration::from_secs(2));
        let carried_after = carried(&mut world, 0);
        assert_eq!((carried_before.0, carried_before.1), (carried_after.0, carried_after.1));
        // What had reached every mailbox before is told of truthfully all the same.
        let is_stored = world.peers[0].engine().message(&own).unwrap().state.is_stored();
        assert_eq!(is_stored, world.peers[0].engine().boxes_of(&own).is_empty(), "after {steps} steps");
        block(&mut world, 0, "Bob", false).unwrap();
        world.run_until("both are heard", |world| (0..2).all(|peer| !world.peers[peer].heard().is_empty()));
        assert_eq!((world.peers[0].heard().len(), world.peers[1].heard()), (1, vec!["short".to_owned()]));
    }
}

#[test]
fn boxes_that_a_failing_store_could_not_take_in_are_taken_once_it_is_unblocked() {
    let mut world = World::acquainted(134);
    world.send(1, "Alice", "patience");
    let mut is_there = false;
    world.run_until("its box has come and could not be kept", |world| {
        world.peers[0].engine().store_mut().fail_commit(0, CommitFault::Lost);
        is_there = world.peers[0].engine().book.people.values().any(|person| person.next_content().is_some());
        is_there
    });
    block(&mut world, 0, "Bob", true).unwrap_err();
    block(&mut world, 0, "Bob", true).unwrap();
    world.run_for(Duration::from_secs(4));
    assert!(world.peers[0].heard().is_empty());
    block(&mut world, 0, "Bob", false).unwrap();
    world.run_until("it is heard", |world| !world.peers[0].heard().is_empty());
}

/// Eight seconds of one client's packets by each route, whose only contact with messages is blocked in between or not.
fn by_route(seed: u64, route: Route, blocks: bool) -> ([Vec<u64>; 3], Vec<Kind>) {
    let people = [EngineSettings { tor_cover: true, ..routed(&[route]) }, routed(&[route])];
    let mut world = World::acquainted_with(seed, &people);
    // A lane that only the other contact wants.
    let _ = world.invite(0, "Dora");
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Dora", Some(RoutePlan::only(Route::Tor))).unwrap();
    world.run_for(Duration::from_secs(1));
    let start = world.now;
    world.peers[0].sent.clear();
    world.peers[0].ways.clear();
    for second in 0..8 {
        if blocks && (second == 2 || second == 6) {
            for name in ["Bob", "Dora"] {
                block(&mut world, 0, name, second == 2).unwrap();
            }
        }
        if second < 2 {
            world.send(0, "Bob", &"talk ".repeat(800));
        }
        world.send(1, "Alice", "yes");
        world.run_for(Duration::from_secs(1));
    }
    let micros = |at: sotto_protocol::time::Timestamp| at.as_micros() - start.as_micros();
    let times = Route::ALL.map(|route| world.peers[0].times(route).into_iter().map(micros).collect());
    // A write and a poll look alike from outside.
    let shape =
        world.peers[0].sent.iter().map(|(_, kind)| if *kind == Kind::Write { Kind::Read } else { *kind });
    (times, shape.collect())
}

#[test]
fn blocking_moves_no_tick_and_ends_no_lane() {
    for (seed, route) in [(135, Route::Mix), (136, Route::TorMix), (137, Route::Tor)] {
        let (blocking, open) = (by_route(seed, route, true), by_route(seed, route, false));
        assert_eq!(blocking.0, open.0, "{route}");
        assert_eq!(blocking.1, open.1, "{route}");
        for (lane, times) in Route::ALL.iter().zip(&open.0) {
            let runs = *lane == route || *lane == Route::Tor;
            assert_eq!(times.len() > 100, runs, "{lane}: {} packets", times.len());
        }
    }
}

#[test]
fn keys_on_their_way_wait_too() {
    // Neither the answer to an invitation nor a renewal gets any further.
    let mut world = World::new(138, 2);
    let link = world.invite(0, "Bob");
    world.accept(1, &link, "Alice");
    block(&mut world, 0, "Bob", true).unwrap();
    world.run_for(Duration::from_secs(10));
    let state = |world: &mut World, peer: usize| world.peers[peer].engine().contacts()[0].state;
    assert_eq!((state(&mut world, 0), state(&mut world, 1)), (ContactState::Pending, ContactState::Pending));
    assert!(world.writes.is_empty(), "the bundle has not been laid out");
    let now = world.now;
    assert!(world.peers[0].engine().status(now).waiting[0].why.starts_with("you have blocked"));
    block(&mut world, 0, "Bob", false).unwrap();
    world.run_until("both are established", |world| {
        (0..2).all(|peer| state(world, peer) == ContactState::Established)
    });

    block(&mut world, 0, "Bob", true).unwrap();
    let (now, target) = (world.now, &mut world.peers[1]);
    target.engine.as_mut().unwrap().renew(now, "Alice", false, &mut target.rng).unwrap();
    let is_renewing = |world: &mut World| {
        world.peers[1].engine().book.people.values().any(|person| person.renewal.is_some())
    };
    world.run_for(Duration::from_secs(25));
    assert!(is_renewing(&mut world), "nobody has answered");
    assert!(world.peers[0].engine().book.watches.is_empty());
    block(&mut world, 0, "Bob", false).unwrap();
    world.run_until("it is answered", |world| !is_renewing(world));
    world.send(0, "Bob", "hello");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
}

#[test]
fn the_withdrawal_of_an_invitation_goes_out_all_the_same() {
    let mut world = World::new(139, 2);
    let link = world.invite(0, "Bob");
    world.run_until("the keys are laid out", |world| world.peers[0].engine().book.outbox.len() == 0);
    block(&mut world, 0, "Bob", true).unwrap();
    let now = world.now;
    world.peers[0].engine().revoke_invite(now, "Bob").unwrap();
    world.run_until("the mailboxes are told", |world| world.peers[0].engine().book.outbox.len() == 0);
    world.accept(1, &link, "Alice");
    world.run_until("who has the link is told", |world| {
        world.peers[1].engine().contacts()[0].state == ContactState::Revoked
    });
}

#[test]
fn what_the_mailboxes_dropped_meanwhile_is_a_gap_that_a_renewal_ends() {
    let mut world = World::acquainted(140);
    block(&mut world, 0, "Bob", true).unwrap();
    world.send(1, "Alice", "lost");
    world.run_until("it is stored", |world| world.peers[1].engine().contacts()[0].queued == 0);
    // Two weeks pass.
    world.boxes.clear();
    block(&mut world, 0, "Bob", false).unwrap();
    world.send(1, "Alice", "behind the gap");
    world.run_for(Duration::from_secs(10));
    assert!(world.peers[0].heard().is_empty());
    let (now, target) = (world.now, &mut world.peers[0]);
    target.engine.as_mut().unwrap().renew(now, "Bob", false, &mut target.rng).unwrap();
    world.run_until("the session is made anew", |world| {
        world.peers[0].events.iter().any(|event| matches!(event, Event::ContactRenewed { .. }))
    });
    world.send(1, "Alice", "in the next session");
    world.run_until("it is heard", |world| !world.peers[0].heard().is_empty());
    assert_eq!(texts(&mut world, 0, "Bob"), ["in the next session"]);
}
