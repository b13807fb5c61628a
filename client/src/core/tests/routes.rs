//! Routes from end to end: conversations over each, changes of route, fallbacks, and what fails on them.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;

use super::world::{Faults, Kind, World, routed};
use crate::core::limits::{CIRCUIT_PAUSE_MAX, FALLBACK_PATIENCE};
use crate::core::{
    CircuitId, Direction, EngineSettings, Event, MessageState, Route, RoutePlan, RouteState, Via,
};
use crate::store::{RecordKind, Store};

const HARSH: Faults = Faults { loss: 15, duplication: 10, holdup: 3 };

fn plan(routes: &[Route]) -> RoutePlan {
    RoutePlan::from_routes(routes).unwrap()
}

/// What a person has received, as it is kept.
fn kept(world: &mut World, peer: usize) -> Vec<String> {
    let name = if peer == 0 { "Bob" } else { "Alice" };
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages.into_iter().filter(|m| m.direction == Direction::In).map(|m| m.text).collect()
}

fn all_stored(world: &mut World) -> bool {
    (0..2).all(|peer| world.peers[peer].engine().contacts()[0].queued == 0)
}

/// Both say three things, the last of them long.
fn talk(world: &mut World) -> [Vec<String>; 2] {
    let texts = |marker: &str| vec![format!("{marker} one"), String::new(), marker.repeat(3000)];
    let said = [texts("a"), texts("b")];
    for (here, there) in said[0].iter().zip(&said[1]) {
        world.send(0, "Bob", here);
        world.send(1, "Alice", there);
    }
    said
}

#[track_caller]
fn assert_heard(world: &mut World, said: &[Vec<String>; 2]) {
    world.run_until("all is heard and stored", |world| {
        kept(world, 1).len() >= said[0].len() && kept(world, 0).len() >= said[1].len() && all_stored(world)
    });
    assert_eq!(kept(world, 1), said[0]);
    assert_eq!(kept(world, 0), said[1]);
}

/// The route changes that were told of.
fn changes(world: &World, peer: usize) -> Vec<(Route, String)> {
    let events = world.peers[peer].events.iter();
    events
        .filter_map(|event| match event {
            Event::RouteChanged { route, why, .. } => Some((*route, why.clone())),
            _ => None,
        })
        .collect()
}

fn why(world: &mut World) -> String {
    let now = world.now;
    let waiting = world.peers[0].engine().status(now).waiting;
    waiting.first().map_or_else(String::new, |waiting| waiting.why.clone())
}

fn state(world: &mut World, route: Route) -> RouteState {
    let now = world.now;
    world.peers[0].engine().status(now).route(route).unwrap().state
}

#[test]
fn every_pair_of_routes_carries_a_conversation_through_loss_duplication_and_reordering() {
    for (seed, (ours, theirs)) in (61..).zip([
        (Route::TorMix, Route::TorMix),
        (Route::Tor, Route::Tor),
        (Route::Tor, Route::Mix),
        (Route::Mix, Route::TorMix),
    ]) {
        let mut world = World::acquainted_with(seed, &[routed(&[ours]), routed(&[theirs])]);
        world.faults = HARSH;
        let said = talk(&mut world);
        assert_heard(&mut world, &said);
        for (peer, route) in [(0, ours), (1, theirs)] {
            assert_eq!(world.peers[peer].times(route).len(), world.peers[peer].sent.len(), "{route} only");
            let engine = world.peers[peer].engine();
            let contact = engine.contacts().remove(0);
            assert_eq!((contact.route, contact.routes, contact.routes_own), (route, plan(&[route]), false));
            assert_eq!(contact.protects, route.protects());
        }
    }
}

#[test]
fn without_cover_route_tor_sends_neither_loops_nor_drops_nor_decoys() {
    let mut world = World::acquainted_with(66, &[routed(&[Route::Tor]), routed(&[Route::Tor])]);
    let said = talk(&mut world);
    assert_heard(&mut world, &said);
    let engine = world.peers[0].engine();
    let counters = engine.status(engine.now).counters;
    assert_eq!((counters.sent_loop, counters.sent_drop, counters.sent_decoy), (0, 0, 0));
    assert!(counters.sent_read > 0 && counters.sent_write > 0);
    let alone = World::with(66, &[routed(&[Route::Tor])]);
    let mut alone = alone;
    alone.run_for(Duration::from_secs(20));
    assert!(alone.peers[0].sent.is_empty(), "with nobody to write to, nothing leaves");
}

#[test]
fn two_contacts_on_different_routes_are_served_at_once() {
    let people = [routed(&[Route::Mix]), routed(&[Route::Mix]), routed(&[Route::Tor])];
    let mut world = World::with(67, &people);
    for (peer, name) in [(1, "Bob"), (2, "Carol")] {
        let link = world.invite(0, name);
        world.accept(peer, &link, "Alice");
    }
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Carol", Some(plan(&[Route::Tor]))).unwrap();
    world.send(0, "Bob", "through the mixes");
    world.send(0, "Carol", "over Tor");
    world.run_until("both have heard", |world| {
        !world.peers[1].heard().is_empty() && !world.peers[2].heard().is_empty()
    });
    let peer = &world.peers[0];
    assert!(!peer.times(Route::Mix).is_empty() && !peer.times(Route::Tor).is_empty());
    assert!(peer.times(Route::TorMix).is_empty());
    let contacts = world.peers[0].engine().contacts();
    assert_eq!(
        contacts.iter().map(|c| (c.route, c.routes_own)).collect::<Vec<_>>(),
        [(Route::Mix, false), (Route::Tor, true)]
    );
}

#[test]
fn a_change_of_route_in_mid_conversation_sends_the_same_bytes_again_and_loses_nothing() {
    let mut world = World::acquainted_with(68, &[routed(&[Route::Mix]), routed(&[Route::Mix])]);
    world.faults = HARSH;
    let said = talk(&mut world);
    world.run_until("some packets have left", |world| world.writes.len() > 6);
    // The world checks that a box has the same bytes whenever it is sent.
    for (routes, sent) in [(&[Route::Tor][..], 12), (&[Route::TorMix], 16), (&[Route::Tor, Route::Mix], 20)] {
        let now = world.now;
        world.peers[0].engine().set_contact_routes(now, "Bob", Some(plan(routes))).unwrap();
        assert_eq!(world.peers[0].engine().contacts()[0].route, routes[0]);
        world.run_until("more have left", |world| world.writes.len() > sent);
    }
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Bob", None).unwrap();
    assert_heard(&mut world, &said);
    let told: Vec<Route> = changes(&world, 0).into_iter().map(|(route, _)| route).collect();
    assert_eq!(told, [Route::Tor, Route::TorMix, Route::Tor, Route::Mix]);
    assert!(changes(&world, 0)[0].1.contains("tor was chosen"));
    let conflicts = world.peers.iter().flat_map(|peer| &peer.events);
    assert_eq!(conflicts.filter(|event| matches!(event, Event::MessageConflict { .. })).count(), 0);
}

#[test]
fn work_that_was_under_way_does_not_wait_for_the_route_that_was_left() {
    let mut world = World::acquainted_with(69, &[routed(&[Route::Mix]), routed(&[Route::Mix])]);
    world.silent.extend(world.mailboxes());
    world.send(0, "Bob", "hello");
    world.run_until("both packets have left", |world| world.writes.len() == 4);
    world.run_for(Duration::from_millis(400));
    let (now, before) = (world.now, world.writes.clone());
    world.peers[0].engine().set_contact_routes(now, "Bob", Some(plan(&[Route::TorMix]))).unwrap();
    world.silent.clear();
    world.run_until("it is stored", all_stored);
    assert!(world.now.since(now) < Duration::from_secs(3), "no time-out had to pass");
    let again = world.writes.iter().filter(|(key, times)| before.get(key).is_some_and(|once| once < times));
    assert_eq!(again.count(), 2);
    world.run_until("it is heard", |world| kept(world, 1) == ["hello"]);
}

#[test]
fn a_route_that_fails_is_replaced_only_after_patience_and_taken_again_at_once() {
    let settings = routed(&[Route::Mix, Route::Tor]);
    let mut world = World::acquainted_with(70, &[settings, routed(&[Route::Mix])]);
    assert_eq!(state(&mut world, Route::Tor), RouteState::NotWanted);
    world.cut(&[Route::Mix]);
    let cut = world.now;
    world.run_for(Duration::from_secs(1));
    world.send(0, "Bob", "is anybody there?");
    let text = why(&mut world);
    assert!(text.contains("route mix") && text.contains("the cable is cut"), "{text}");
    assert!(text.ends_with("tor is tried if this goes on"), "{text}");
    world.run_for(FALLBACK_PATIENCE - Duration::from_secs(2));
    assert!(world.peers[0].times(Route::Tor).is_empty() && changes(&world, 0).is_empty());
    assert_eq!(state(&mut world, Route::Tor), RouteState::NotWanted);
    world.run_for(Duration::from_secs(5));
    assert!(world.peers[0].times(Route::Tor)[0] >= cut + FALLBACK_PATIENCE);
    let told = changes(&world, 0);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, Route::Tor);
    assert!(told[0].1.contains("mix has not worked for 60 s: the cable is cut"), "{}", told[0].1);
    world.run_until("it is stored", |world| world.peers[0].engine().contacts()[0].queued == 0);

    world.cut(&[]);
    world.run_for(Duration::from_millis(500));
    assert_eq!(changes(&world, 0)[1], (Route::Mix, "mix works again".to_owned()));
    assert_eq!(state(&mut world, Route::Tor), RouteState::NotWanted);
    let packets = world.peers[0].times(Route::Tor).len();
    world.send(0, "Bob", "there you are");
    world.run_until("all is heard", |world| kept(world, 1).len() == 2);
    assert_eq!(
        world.peers[0].times(Route::Tor).len(),
        packets,
        "nothing goes by a fallback that is not needed"
    );
    assert!(world.peers[0].circuits.is_empty(), "and its circuits are closed");
}

#[test]
fn a_machine_that_slept_has_patience_with_its_route_again() {
    let settings = routed(&[Route::TorMix, Route::Mix]);
    let mut world = World::acquainted_with(85, &[settings, routed(&[Route::Mix])]);
    world.cut(&[Route::TorMix]);
    world.run_for(Duration::from_secs(10));
    world.now = world.now + Duration::from_secs(8 * 3600);
    let woken = world.now;
    world.run_for(FALLBACK_PATIENCE - Duration::from_secs(1));
    assert!(changes(&world, 0).is_empty(), "the route had no time to work");
    assert_eq!(state(&mut world, Route::Mix), RouteState::NotWanted);
    world.run_for(Duration::from_secs(5));
    assert_eq!(changes(&world, 0)[0].0, Route::Mix);
    world.send(0, "Bob", "it is allowed");
    world.cut(&[Route::TorMix, Route::Mix]);
    world.now = world.now + Duration::from_secs(8 * 3600);
    world.run_for(Duration::from_secs(1));
    assert_eq!(changes(&world, 0).len(), 1, "what had failed before is still what had failed");
    assert!(world.now > woken);
}

#[test]
fn a_route_that_fails_is_not_replaced_when_no_other_is_allowed() {
    for (seed, route) in [(71, Route::Tor), (72, Route::TorMix)] {
        let mut world = World::acquainted_with(seed, &[routed(&[route]), routed(&[Route::Mix])]);
        world.cut(&[route]);
        world.run_for(Duration::from_secs(1));
        let sent = world.peers[0].sent.len();
        world.send(0, "Bob", "patience");
        world.run_for(FALLBACK_PATIENCE + Duration::from_secs(20));
        assert_eq!(world.peers[0].sent.len(), sent, "nothing leaves by any route");
        assert!(changes(&world, 0).is_empty());
        for other in Route::ALL.into_iter().filter(|other| *other != route) {
            assert_eq!(state(&mut world, other), RouteState::NotWanted);
        }
        assert_eq!(state(&mut world, route), RouteState::Disconnected);
        let text = why(&mut world);
        assert!(text.ends_with("it waits, as no other route is allowed"), "{text}");
        assert!(text.contains(" for 8") && text.contains(&format!("route {route}:")), "{text}");
        world.cut(&[]);
        world.run_until("it is heard", |world| kept(world, 1) == ["patience"]);
    }
}

#[test]
fn fallbacks_are_taken_in_their_order_and_tried_before_they_are_told_of() {
    let settings = routed(&[Route::TorMix, Route::Tor, Route::Mix]);
    let mut world = World::acquainted_with(73, &[settings, routed(&[Route::Mix])]);
    world.cut(&[Route::TorMix, Route::Tor]);
    world.run_for(FALLBACK_PATIENCE + Duration::from_secs(10));
    world.send(0, "Bob", "by whatever way");
    let text = why(&mut world);
    assert!(
        text.contains("route tor+mix") && text.ends_with("tor is tried too and does not work yet"),
        "{text}"
    );
    assert!(changes(&world, 0).is_empty(), "no change to a route that does not work");
    world.run_for(FALLBACK_PATIENCE);
    assert_eq!(changes(&world, 0).iter().map(|(route, _)| *route).collect::<Vec<_>>(), [Route::Mix]);
    world.run_until("it is heard", |world| kept(world, 1).len() == 1);
    world.cut(&[Route::TorMix]);
    world.run_for(Duration::from_secs(1));
    assert_eq!(changes(&world, 0).last().unwrap().0, Route::Tor);
    world.cut(&[]);
    world.run_for(Duration::from_secs(1));
    assert_eq!(changes(&world, 0).last().unwrap().0, Route::TorMix);
}

#[test]
fn tor_that_is_lost_and_comes_back_loses_nothing() {
    let settings = routed(&[Route::Tor]);
    let mut world = World::acquainted_with(74, &[settings.clone(), settings]);
    world.faults = HARSH;
    let said = talk(&mut world);
    for _ in 0..4 {
        world.run_for(Duration::from_millis(1500));
        world.cut(&[Route::Tor]);
        world.run_for(Duration::from_secs(7));
        assert!(world.peers[0].circuits.is_empty());
        let packets = world.peers[0].sent.len();
        world.run_for(Duration::from_secs(2));
        assert_eq!(world.peers[0].sent.len(), packets);
        world.cut(&[]);
    }
    assert_heard(&mut world, &said);
}

#[test]
fn a_circuit_that_fails_frees_its_work_and_another_takes_it() {
    let mut world = World::acquainted_with(75, &[routed(&[Route::Tor]), routed(&[Route::Tor])]);
    let said = talk(&mut world);
    let mut failed: BTreeSet<CircuitId> = BTreeSet::new();
    world.run_until("all is stored, whatever breaks", |world| {
        if failed.len() < 12 && world.rng.random_range(0..10) == 0 {
            let open = world.peers[0].circuits.first().copied();
            if let Some(circuit) = open {
                world.fail_circuit(0, circuit);
                failed.insert(circuit);
            }
        }
        all_stored(world)
    });
    assert_heard(&mut world, &said);
    assert!(failed.len() >= 8, "{} circuits broke", failed.len());
    let engine = world.peers[0].engine();
    assert_eq!(engine.status(engine.now).counters.labels["circuit-failed"], failed.len() as u64);
}

#[test]
fn a_mailbox_that_cannot_be_reached_is_told_of_and_left_in_peace() {
    let mut world = World::acquainted_with(76, &[routed(&[Route::Tor]), routed(&[Route::Tor])]);
    let boxes_before = world.writes.len();
    world.unreachable.extend(world.mailboxes());
    for peer in 0..2 {
        for circuit in world.peers[peer].circuits.clone() {
            world.fail_circuit(peer, circuit);
        }
    }
    let (seen, start) = (world.circuit_uses.len(), world.now);
    world.send(0, "Bob", "hello");
    world.run_for(Duration::from_secs(3600));
    let opened = world.circuit_uses.len() - seen;
    assert!(
        (10..=2 * 3 * 40).contains(&opened),
        "{opened} circuits of two people to three mailboxes in an hour"
    );
    assert!(world.now.since(start) >= Duration::from_secs(3600));
    let text = why(&mut world);
    assert!(text.starts_with("no circuit to mailbox") && text.contains("cannot be reached"), "{text}");
    world.unreachable.clear();
    world.run_for(CIRCUIT_PAUSE_MAX + Duration::from_secs(20));
    assert_eq!(kept(&mut world, 1), ["hello"]);
    assert!(world.writes.len() > boxes_before);
}

#[test]
fn a_mailbox_without_an_onion_service_is_told_of() {
    let mut world = World::acquainted_with(77, &[routed(&[Route::Tor]), routed(&[Route::Mix])]);
    let mut without = (*world.consensus).clone();
    without.nodes.iter_mut().for_each(|node| node.onion_address = None);
    world.consensus = without.into();
    world.connect(0);
    world.send(0, "Bob", "hello");
    let sent = world.peers[0].sent.len();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.peers[0].sent.len(), sent);
    assert!(why(&mut world).contains("has no onion service"), "{}", why(&mut world));
    let now = world.now;
    world.peers[0].engine().set_routes(now, plan(&[Route::TorMix]));
    world.run_for(Duration::from_secs(1));
    assert!(why(&mut world).contains("no entry of the network has an onion service"), "{}", why(&mut world));
    world.peers[0].engine().set_routes(now, plan(&[Route::Mix]));
    world.run_until("it is heard", |world| kept(world, 1) == ["hello"]);
}

#[test]
fn crashes_on_every_route_lose_and_double_nothing() {
    for (seed, routes) in [(78, &[Route::TorMix][..]), (79, &[Route::Tor]), (80, &[Route::Mix, Route::Tor])] {
        let mut world = World::acquainted_with(seed, &[routed(routes), routed(routes)]);
        world.faults = HARSH;
        let said = talk(&mut world);
        let (mut crashes, mut mix_is_cut) = (0, false);
        world.run_until("all is stored, whoever crashes", |world| {
            if world.rng.random_range(0..25) == 0 {
                let (peer, resumed) = (world.rng.random_range(0..2), world.rng.random());
                world.crash(peer, resumed);
                crashes += 1;
            }
            if routes.len() > 1 && world.rng.random_range(0..300) == 0 {
                mix_is_cut = !mix_is_cut;
                world.cut(if mix_is_cut { &[Route::Mix] } else { &[] });
            }
            all_stored(world)
        });
        world.cut(&[]);
        assert_heard(&mut world, &said);
        assert!(crashes > 3, "{crashes} crashes");
    }
}

#[test]
fn a_contacts_own_routes_survive_a_restart_and_a_vault_without_them_opens() {
    let mut world = World::acquainted_with(81, &[routed(&[Route::Mix]), routed(&[Route::Mix])]);
    let kinds = |world: &mut World| {
        let records = world.peers[0].engine().store().load().unwrap();
        records.iter().filter(|(key, _)| key.kind == RecordKind::Routes).count()
    };
    assert_eq!(kinds(&mut world), 0);
    world.crash(0, true);
    assert!(!world.peers[0].engine().contacts()[0].routes_own);
    let (now, routes) = (world.now, plan(&[Route::Tor, Route::TorMix]));
    world.peers[0].engine().set_contact_routes(now, "Bob", Some(routes.clone())).unwrap();
    let unknown = world.peers[0].engine().set_contact_routes(now, "Carol", None).unwrap_err();
    assert_eq!(unknown.label(), "contact-unknown");
    world.crash(0, true);
    let contact = world.peers[0].engine().contacts().remove(0);
    assert_eq!((contact.route, contact.routes, contact.routes_own), (Route::Tor, routes, true));
    assert_eq!(kinds(&mut world), 1);
    world.peers[0].engine().set_contact_routes(now, "Bob", None).unwrap();
    assert_eq!(kinds(&mut world), 0);
    world.peers[0].engine().store_mut().fail_commit(0, crate::store::CommitFault::Lost);
    let failed = world.peers[0].engine().set_contact_routes(now, "Bob", Some(plan(&[Route::Tor])));
    assert_eq!(failed.unwrap_err().label(), "store-io");
    assert_eq!(world.peers[0].engine().contacts()[0].route, Route::Mix, "a refusal changes nothing");
}

#[test]
fn the_entries_of_each_route_are_chosen_apart_and_kept_apart() {
    let mut world = World::with(82, &[routed(&[Route::TorMix]), EngineSettings::new("standard")]);
    let now = world.now;
    let mut one_onion = (*world.consensus).clone();
    let with_onion = one_onion.entries().nth(1).unwrap().node;
    for node in one_onion.nodes.iter_mut().filter(|node| node.node != with_onion) {
        node.onion_address = None;
    }
    let peer = &mut world.peers[1];
    let engine = peer.engine.as_mut().unwrap();
    engine.handle_consensus(now, one_onion.into());
    assert_eq!(engine.wanted_entry(now, Route::TorMix, &mut peer.rng), None, "nobody wants it");
    assert_eq!(engine.wanted_entry(now, Route::Tor, &mut peer.rng), None);
    let mix = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
    engine.set_routes(now, plan(&[Route::TorMix]));
    assert_eq!(engine.wanted_entry(now, Route::Mix, &mut peer.rng), None);
    assert_eq!(engine.wanted_entry(now, Route::TorMix, &mut peer.rng), Some(with_onion));
    world.crash(1, false);
    let engine = world.peers[1].engine();
    assert_eq!(engine.book.mix.entries, [mix]);
    assert_eq!(engine.book.tor_mix.entries, [with_onion]);
}

#[test]
fn states_of_messages_and_the_way_they_wait_name_the_route() {
    let mut world = World::acquainted_with(83, &[routed(&[Route::Tor, Route::Mix]), routed(&[Route::Mix])]);
    world.silent.extend(world.mailboxes());
    let id = world.send(0, "Bob", "hello");
    world.run_until("it is released", |world| {
        world.peers[0].engine().message(&id).unwrap().state == MessageState::Released
    });
    let now = world.now;
    let status = world.peers[0].engine().status(now);
    let waiting = &status.waiting[0];
    assert_eq!((waiting.route, &waiting.routes), (Route::Tor, &plan(&[Route::Tor, Route::Mix])));
    assert_eq!(waiting.protects, Route::Tor.protects());
    assert_eq!(status.plan, plan(&[Route::Tor, Route::Mix]));
    let tor = status.route(Route::Tor).unwrap();
    assert_eq!((tor.state, &tor.entry), (RouteState::Connected, &None));
    let cover = tor.cover.as_ref().unwrap();
    assert!(cover.running && !cover.decoys && cover.loop_interval_ms_mean.is_none());
    assert!(tor.circuits > 0 && tor.rto_ms.is_some());
    assert!(world.peers[0].ways.iter().all(|via| matches!(via, Via::Circuit { .. })));
    assert!(world.peers[0].sent.iter().any(|(_, kind)| *kind == Kind::Write));
}
