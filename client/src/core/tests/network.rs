//! What is told of the network's price: it follows from the consensus, and what was carried is counted by route.

use std::time::Duration;

use super::world::{Kind, World, class, routed};
use crate::core::{
    Carried, ConsensusState, EngineSettings, NetworkView, Opened, Route, RoutePlan, Traffic, Volume,
};
use crate::session::KemPolicy;
use crate::store::MemoryStore;

fn network(world: &mut World, peer: usize) -> NetworkView {
    let now = world.now;
    world.peers[peer].engine().network(now, || None, &Traffic::default())
}

fn carried(view: &NetworkView, route: Route) -> Carried {
    view.routes.iter().find(|used| used.route == route).unwrap().packets
}

fn sum(carried: Carried) -> usize {
    usize::try_from(carried.messages + carried.polls + carried.cover).unwrap()
}

#[test]
fn every_packet_is_counted_once_by_its_route_and_by_what_it_carried() {
    let mut world = World::acquainted(81);
    world.send(0, "Bob", &"much ".repeat(2000));
    world.run_for(Duration::from_secs(8));
    let view = network(&mut world, 0);
    let (packets, decoys) = (carried(&view, Route::Mix), decoys(&mut world));
    let count = |kind| world.peers[0].sent.iter().filter(|(_, sent)| *sent == kind).count();
    assert_eq!(usize::try_from(packets.messages).unwrap(), count(Kind::Write));
    assert!(packets.messages > 10 && packets.polls > 10 && packets.cover > 10, "{packets:?}");
    assert_eq!(usize::try_from(packets.polls).unwrap() + decoys, count(Kind::Read));
    assert_eq!(sum(packets), world.peers[0].sent.len());
    assert_eq!(sum(carried(&view, Route::TorMix)) + sum(carried(&view, Route::Tor)), 0);
}

fn decoys(world: &mut World) -> usize {
    let now = world.now;
    usize::try_from(world.peers[0].engine().status(now).counters.sent_decoy).unwrap()
}

#[test]
fn two_lanes_are_counted_each_for_itself() {
    let people = [EngineSettings { tor_cover: true, ..routed(&[Route::Mix]) }, routed(&[Route::Mix])];
    let mut world = World::acquainted_with(82, &people);
    let _ = world.invite(0, "Dora");
    let now = world.now;
    world.peers[0].engine().set_contact_routes(now, "Dora", Some(RoutePlan::only(Route::Tor))).unwrap();
    world.run_for(Duration::from_secs(8));
    let view = network(&mut world, 0);
    for route in [Route::Mix, Route::Tor] {
        assert_eq!(sum(carried(&view, route)), world.peers[0].times(route).len(), "{route}");
        assert!(sum(carried(&view, route)) > 50, "{route}");
    }
    let is_wanted: Vec<bool> = view.routes.iter().map(|used| used.is_wanted).collect();
    assert_eq!(is_wanted, [true, false, true]);
    let mixes: Vec<bool> = view.routes.iter().map(|used| used.round_trip_ms_expected.is_some()).collect();
    assert_eq!(mixes, [true, true, false], "of Tor the parameters tell nothing");
}

#[test]
fn costs_and_delays_are_those_of_each_class_of_the_consensus() {
    let mut world = World::new(83, 1);
    let mut consensus = (*world.consensus).clone();
    consensus.epoch += 1;
    consensus.params.classes = vec![class(50, 500, 500), {
        let mut frugal = class(1000, 5000, 5000);
        frugal.name = "frugal".into();
        frugal.downlink_interval_ms_mean = 500;
        frugal
    }];
    world.consensus = consensus.into();
    world.connect(0);
    let view = network(&mut world, 0);
    let [standard, frugal] = view.classes.as_slice() else { panic!("{view:?}") };
    assert_eq!((standard.is_used, frugal.is_used, view.class.as_str()), (true, false, "standard"));
    assert_eq!(frugal.session_per_day, Volume { up_bytes: 120_960 * 2_422, down_bytes: 172_800 * 2_422 });
    assert!(standard.session_per_day.up_bytes > 15 * frugal.session_per_day.up_bytes);
    // Three mailboxes and two replicas; 20 ms a hop.
    assert!(standard.delays.stored.mean_ms < 500 && frugal.delays.stored.mean_ms > 3_000);
    for class in [standard, frugal] {
        assert!(class.delays.stored.mean_ms < class.delays.stored.p95_ms);
        assert!(class.delays.delivered.mean_ms < class.delays.delivered.p95_ms);
    }
    assert_eq!((view.consensus, view.contacts), (ConsensusState::Fresh, 1));
}

#[test]
fn without_a_consensus_the_one_that_was_kept_serves_and_without_that_nothing_is_claimed() {
    let mut world = World::new(84, 1);
    let kept = (*world.consensus).clone();
    let settings = EngineSettings::new("standard");
    let engine = crate::core::Engine::open(MemoryStore::new(), settings, world.now, &mut world.rng).unwrap();
    let nothing = engine.network(world.now, || None, &Traffic::default());
    assert_eq!((nothing.consensus, nothing.classes.len()), (ConsensusState::Missing, 0));
    assert_eq!((nothing.consensus_per_day, &nothing.network), (None, &None));
    let late = kept.valid_until + Duration::from_secs(30 * 24 * 3600);
    let old = engine.network(late, || Some(kept.clone()), &Traffic::default());
    assert_eq!((old.consensus, old.classes.len(), old.epoch), (ConsensusState::Expired, 1, Some(kept.epoch)));
    assert!(old.consensus_per_day.unwrap().down_bytes > 0);
    // Whoever has one is not asked for what was kept.
    let now = world.now;
    let fresh = world.peers[0].engine().network(now, || panic!("it has one"), &Traffic::default());
    assert_eq!(fresh.consensus, ConsensusState::Fresh);
}

#[test]
fn measured_round_trips_change_the_forecast_of_the_class_in_use() {
    let mut world = World::new(85, 1);
    let before = network(&mut world, 0).routes[0].clone();
    assert_eq!((before.round_trip_ms_measured, before.delays), (None, None));
    world.run_for(Duration::from_secs(20));
    let view = network(&mut world, 0);
    let used = &view.routes[0];
    let measured_ms = used.round_trip_ms_measured.unwrap();
    let lane = world.peers[0].engine().lanes.get(Route::Mix);
    assert_eq!(measured_ms, u64::try_from(lane.rtt.mean().unwrap().as_millis()).unwrap());
    let (by_measure, by_parameters) = (used.delays.unwrap().stored, view.classes[0].delays.stored);
    let is_slower = measured_ms > used.round_trip_ms_expected.unwrap();
    assert_eq!(by_measure.mean_ms > by_parameters.mean_ms, is_slower);
    assert_ne!(by_measure.mean_ms, by_parameters.mean_ms);
}

#[test]
fn what_was_carried_before_the_lock_is_not_told_after_it() {
    let mut world = World::acquainted(86);
    world.send(0, "Bob", "hello");
    world.run_for(Duration::from_secs(3));
    let before = network(&mut world, 0);
    assert!(carried(&before, Route::Mix).messages > 0 && before.counted_ms >= 3_000);
    let now = world.now;
    let empty = Opened::read(MemoryStore::new(), KemPolicy::default()).unwrap();
    let _aside = world.peers[0].engine().set_aside(now, empty);
    let locked = network(&mut world, 0);
    assert_eq!((carried(&locked, Route::Mix), locked.counted_ms), (Carried::default(), 0));
    assert_eq!((locked.since_ms, locked.classes), (now.as_millis(), before.classes));
    world.run_for(Duration::from_secs(3));
    let later = network(&mut world, 0);
    assert_eq!(carried(&later, Route::Mix).messages, 0);
    assert!(carried(&later, Route::Mix).cover > 30, "the cover goes on");
}
