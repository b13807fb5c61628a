//! When packets leave does not depend on what the user does.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::time::Timestamp;

use super::world::{Kind, World, class, routed};
use crate::core::{Action, EngineSettings, Route, RoutePlan};

/// Eight seconds of one client's packets.
fn packets(seed: u64, talks: bool) -> (World, Vec<(u64, Kind)>) {
    let mut world = World::acquainted(seed);
    let start = world.now;
    world.peers[0].sent.clear();
    for second in 0..8 {
        if talks {
            world.send(0, "Bob", &"talk ".repeat(second * 200));
            world.send(1, "Alice", "yes");
            if second == 3 {
                let _ = world.invite(0, "Carol");
            }
        }
        world.run_for(Duration::from_secs(1));
    }
    let sent =
        world.peers[0].sent.iter().map(|(at, kind)| (at.as_micros() - start.as_micros(), *kind)).collect();
    (world, sent)
}

#[test]
fn ticks_are_the_same_whether_the_user_talks_or_not_and_each_gives_one_packet() {
    let (mut talking, with) = packets(21, true);
    let (mut silent, without) = packets(21, false);
    let times = |sent: &[(u64, Kind)]| sent.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(times(&with), times(&without));
    // Loops and drops are at the same ticks too; only what the payload process carries differs.
    let shape = |sent: &[(u64, Kind)]| {
        sent.iter()
            .map(|(at, kind)| {
                (*at, matches!(kind, Kind::Write | Kind::Read).then_some(Kind::Read).unwrap_or(*kind))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(&with), shape(&without));
    assert!(with.iter().filter(|(_, kind)| *kind == Kind::Write).count() > 20);
    assert!(without.iter().all(|(_, kind)| *kind != Kind::Write));
    assert!(with.len() > 150, "{} packets in 8 s at 24 a second", with.len());
    for world in [&mut talking, &mut silent] {
        let engine = world.peers[0].engine();
        let counters = &engine.status(engine.now).counters;
        let sent = counters.sent_write
            + counters.sent_read
            + counters.sent_decoy
            + counters.sent_loop
            + counters.sent_drop;
        assert!(usize::try_from(sent).unwrap() >= with.len());
        assert!(counters.labels.keys().all(|label| label == "answer-unknown"), "{:?}", counters.labels);
    }
}

#[test]
fn a_crashing_store_changes_no_tick() {
    let (_, healthy) = packets(22, false);
    let mut world = World::acquainted(22);
    let start = world.now;
    world.peers[0].sent.clear();
    for _ in 0..8 {
        for ahead in 0..2 {
            world.peers[0].engine().store_mut().fail_commit(ahead, crate::store::CommitFault::Lost);
        }
        world.send(1, "Alice", "hello");
        world.run_for(Duration::from_secs(1));
    }
    let times: Vec<u64> =
        world.peers[0].sent.iter().map(|(at, _)| at.as_micros() - start.as_micros()).collect();
    assert_eq!(times, healthy.iter().map(|(at, _)| *at).collect::<Vec<_>>());
}

#[test]
fn a_client_without_a_contact_sends_decoys_loops_and_drops_at_the_same_rates() {
    let mut world = World::new(23, 1);
    world.run_for(Duration::from_secs(15));
    let count = |kind| world.peers[0].sent.iter().filter(|(_, sent)| *sent == kind).count();
    let near = |count: usize, expected: f64| (count as f64 - expected).abs() < 4.0 * expected.sqrt();
    assert!(near(count(Kind::Read), 300.0), "{} decoys", count(Kind::Read));
    assert!(near(count(Kind::Loop), 30.0), "{} loops", count(Kind::Loop));
    assert!(near(count(Kind::Drop), 30.0), "{} drops", count(Kind::Drop));
    let engine = world.peers[0].engine();
    let counters = engine.status(engine.now).counters;
    assert_eq!(counters.sent_read + counters.sent_write, 0);
    assert!(counters.loops_returned + 3 >= counters.sent_loop && counters.loops_lost == 0);
}

#[test]
fn nothing_leaves_without_a_session_or_a_usable_consensus() {
    let mut world = World::new(24, 1);
    world.run_for(Duration::from_secs(1));
    let sent = world.peers[0].sent.len();
    assert!(sent > 0);
    let now = world.now;
    world.peers[0].engine().handle_session_lost(now, Route::Mix, "it ended");
    assert_eq!(world.peers[0].engine().poll_timeout(), Timestamp::NEVER);
    world.connect(0);
    // Up to the end of the grace, and not beyond.
    let end = world.consensus.valid_until + Duration::from_secs(3600);
    world.now = end - Duration::from_secs(1);
    world.run_for(Duration::from_millis(900));
    let sent = world.peers[0].sent.len();
    assert!(world.peers[0].sent.last().unwrap().0 > end - Duration::from_secs(1));
    world.run_for(Duration::from_secs(5));
    assert!(world.peers[0].sent.iter().all(|(at, _)| *at < end));
    assert!(world.peers[0].sent.len() < sent + 20);
    assert!(!world.peers[0].engine().lanes.get(Route::Mix).cover.running());
}

#[test]
fn new_rates_come_with_a_new_consensus() {
    let mut world = World::new(25, 1);
    world.run_for(Duration::from_secs(1));
    let mut faster = (*world.consensus).clone();
    faster.epoch += 1;
    faster.params.classes = vec![class(10, 500, 500)];
    world.consensus = Arc::new(faster);
    world.connect(0);
    let before = world.peers[0].sent.len();
    world.run_for(Duration::from_secs(2));
    assert!(world.peers[0].sent.len() - before > 150, "about 200 in 2 s");
    let older = Arc::new((*world.consensus).clone());
    let mut older = (*older).clone();
    older.epoch -= 1;
    let now = world.now;
    world.peers[0].engine().handle_consensus(now, Arc::new(older));
    let status = world.peers[0].engine().status(now);
    assert_eq!(status.epoch, Some(world.consensus.epoch));
    assert_eq!(status.counters.labels["consensus-older"], 1);
}

#[test]
fn a_packet_comes_before_the_disk() {
    let mut world = World::acquainted(26);
    world.peers[0].engine().store_mut().fail_commit(0, crate::store::CommitFault::Lost);
    let now = world.now;
    let peer = &mut world.peers[0];
    let engine = peer.engine.as_mut().unwrap();
    assert!(engine.send_text(now, "Bob", "x", &mut peer.rng).is_err());
    let commits = engine.store().commits();
    let late = now + Duration::from_secs(3);
    engine.handle_timeout(late, &mut peer.rng);
    assert!(matches!(engine.poll_action(), Some(Action::Send { due, .. }) if due < late));
    assert_eq!(engine.store().commits(), commits, "no commit in the call that makes packets");
    while engine.poll_action().is_some() {}
    assert!(engine.poll_timeout() <= late);
    engine.handle_timeout(late, &mut peer.rng);
    assert!(engine.store().commits() > commits);
}

/// Eight seconds of one client's packets by each route. Its profile wants `route`, and while it talks it moves its
/// only contact to route `tor` and back.
fn by_route(seed: u64, route: Route, talks: bool) -> [Vec<u64>; 3] {
    let people = [EngineSettings { tor_cover: true, ..routed(&[route]) }, routed(&[route])];
    let mut world = World::acquainted_with(seed, &people);
    // A second contact, on route `tor` from the beginning, so that two lanes run.
    let _ = world.invite(0, "Dora");
    let now = world.now;
    let tor = Some(RoutePlan::only(Route::Tor));
    world.peers[0].engine().set_contact_routes(now, "Dora", tor.clone()).unwrap();
    world.run_for(Duration::from_secs(1));
    let start = world.now;
    world.peers[0].sent.clear();
    world.peers[0].ways.clear();
    for second in 0..8 {
        if talks {
            let now = world.now;
            world.send(0, "Bob", &"talk ".repeat(second * 200));
            world.send(0, "Dora", "and talk");
            world.send(1, "Alice", "yes");
            let routes = tor.clone().filter(|_| second % 3 == 1);
            world.peers[0].engine().set_contact_routes(now, "Bob", routes).unwrap();
        }
        world.run_for(Duration::from_secs(1));
    }
    let since = |at: Timestamp| at.as_micros() - start.as_micros();
    Route::ALL.map(|route| world.peers[0].times(route).into_iter().map(since).collect())
}

#[test]
fn on_every_lane_with_cover_ticks_are_the_same_whether_the_user_talks_or_not() {
    for (seed, route) in [(27, Route::Mix), (28, Route::TorMix), (29, Route::Tor)] {
        let (talking, silent) = (by_route(seed, route, true), by_route(seed, route, false));
        assert_eq!(talking, silent, "{route}");
        for (lane, times) in Route::ALL.iter().zip(&silent) {
            let runs = *lane == route || *lane == Route::Tor;
            assert_eq!(times.len() > 100, runs, "{lane}: {} packets", times.len());
            assert!(runs || times.is_empty());
        }
    }
}

#[test]
fn what_goes_wrong_on_one_lane_moves_no_tick_of_another() {
    let run = |breaks: bool| {
        let people = [routed(&[Route::Mix]), routed(&[Route::Mix])];
        let mut world = World::acquainted_with(30, &people);
        let now = world.now;
        let tor = Some(RoutePlan::only(Route::Tor));
        world.peers[0].engine().set_contact_routes(now, "Bob", tor).unwrap();
        world.send(0, "Bob", &"x".repeat(5000));
        let start = world.now;
        for second in 0..12 {
            if breaks && second % 4 == 1 {
                world.cut(&[Route::Tor]);
            } else if breaks && second % 4 == 3 {
                world.cut(&[]);
                world.crash(1, false);
            }
            world.run_for(Duration::from_secs(1));
        }
        let times = world.peers[0].times(Route::Mix).into_iter().filter(|at| *at > start).collect::<Vec<_>>();
        (times, world.peers[0].times(Route::Tor).len())
    };
    let ((broken, few), (whole, many)) = (run(true), run(false));
    assert_eq!(broken, whole);
    assert!(few < many, "{few} and {many} packets by Tor");
}
