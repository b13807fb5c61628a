//! The figures of `sotto status --network` hold: in virtual time for every class, and byte by byte on a real wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the measured figures are worth a look")]

mod common;

use std::time::Duration;

use common::{WAIT_MAX, wait};
use serde_json::{Value, json};
use sotto_client::core::{
    EngineSettings, Event, MessageState, NetworkView, Route, RoutePlan, RouteUse, Traffic, Volume,
};
use sotto_protocol::directory::Params;
use sotto_simulations::localnet::{Localnet, LocalnetPlan, Person, Record};
use sotto_simulations::vnet::{VirtualNetwork, VnetPlan};

const DAY_S: f64 = 86_400.0;
const INVITE: Duration = Duration::from_secs(24 * 3600);
/// Before anything is measured: the decoys that a client needs are made meanwhile.
const WARM_UP: Duration = Duration::from_secs(600);
/// How far a figure of bytes may be from what was measured.
const BYTES_OFF_MAX: f64 = 0.05;
/// How far a mean delay may be from the mean of what was measured, whose standard error is 3 to 4 %.
const DELAY_OFF_MAX: f64 = 0.15;
/// How far the mean round trip may be from that of the latest 64. They wait in one queue at the downlink one after the other,
/// so they are far from independent: 36 % has been seen.
const ROUND_TRIP_OFF_MAX: f64 = 0.5;
/// Frames that are counted at least. Their number is a Poisson variable, so its standard error is a hundredth of it: a fifth of
/// what is allowed. The seeds are fixed, so this is no matter of luck.
const FRAMES_MIN: usize = 10_000;

/// A network with the default parameters. What nodes send to one another costs clients nothing, and is left out.
fn plan(seed: u64) -> VnetPlan {
    let params = Params {
        mix_loop_interval_ms_mean: 3_600_000,
        link_dummy_interval_ms_mean: 3_600_000,
        ..Params::default()
    };
    VnetPlan { params, ..VnetPlan::small(seed) }
}

fn view(net: &mut VirtualNetwork, name: &str) -> NetworkView {
    let nothing = Traffic::default();
    net.with_person(name, |engine, now, _| engine.network(now, || None, &nothing)).unwrap()
}

fn used(view: &NetworkView, route: Route) -> &RouteUse {
    view.routes.iter().find(|used| used.route == route).unwrap()
}

/// Frames up and down by a route so far.
fn frames(net: &VirtualNetwork, name: &str, route: Route) -> (usize, usize) {
    let down = net.downlink(name, route).unwrap();
    (net.uplink(name, route).unwrap().len(), usize::try_from(down).unwrap())
}

/// By which part of itself a figure differs from what was measured.
fn off(figure: u64, measured: f64) -> f64 {
    (figure as f64 - measured) / measured
}

/// Compares the bytes of a day with those of so many frames within a time.
fn compare(what: &str, figure: Volume, frame_bytes: u64, (up, down): (usize, usize), elapsed: Duration) {
    let a_day = |frames: usize| frames as f64 * frame_bytes as f64 * DAY_S / elapsed.as_secs_f64();
    let (up_off, down_off) = (off(figure.up_bytes, a_day(up)), off(figure.down_bytes, a_day(down)));
    println!(
        "{what}: {figure:?} a day; off by {up_off:+.4} after {up} frames up, {down_off:+.4} after {down} down"
    );
    assert!(up >= FRAMES_MIN && down >= FRAMES_MIN, "{what}: {up} and {down} frames are too few");
    assert!(up_off.abs() < BYTES_OFF_MAX && down_off.abs() < BYTES_OFF_MAX, "{what}");
}

/// Alice and Bob, who know each other.
fn acquainted(seed: u64, settings: &EngineSettings) -> VirtualNetwork {
    let mut net = VirtualNetwork::found(plan(seed)).unwrap();
    for name in ["alice", "bob"] {
        net.add_person_with(name, settings.clone()).unwrap();
    }
    let invite =
        net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", INVITE, rng)).unwrap();
    let link = invite.unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    let met = |event: &Event| matches!(event, Event::ContactEstablished { .. });
    let both_met = |net: &VirtualNetwork| {
        ["alice", "bob"].iter().all(|name| net.events(name).unwrap().iter().any(|(_, event)| met(event)))
    };
    assert!(net.run_until(Duration::from_secs(3600), both_met), "they never met");
    net
}

/// Sends a text from Alice to Bob, lets `pause` pass, and says after how many seconds it was stored and received.
fn send(net: &mut VirtualNetwork, text: &str, pause: Duration) -> (f64, f64) {
    let (begin, told) = (net.now(), [net.events("alice").unwrap().len(), net.events("bob").unwrap().len()]);
    let sent = net.send_text("alice", "bob", text).unwrap();
    net.run_for(pause);
    let after = |name: &str, told: usize, is_it: &dyn Fn(&Event) -> bool| {
        let (at, _) = net.events(name).unwrap()[told..].iter().find(|(_, event)| is_it(event)).unwrap();
        at.since(begin).as_secs_f64()
    };
    let stored = |event: &Event| matches!(event, Event::MessageState { message, state: MessageState::Stored, .. } if *message == sent);
    let received =
        |event: &Event| matches!(event, Event::MessageReceived { message, .. } if message.text == text);
    (after("alice", told[0], &stored), after("bob", told[1], &received))
}

/// Two people of one class talk, one text each `pause`, and everything is measured.
fn talk(seed: u64, class: &str, messages: usize, pause: Duration) {
    let mut net = acquainted(seed, &EngineSettings::new(class));
    net.run_for(WARM_UP);
    let names = ["alice", "bob"];
    let before = names.map(|name| frames(&net, name, Route::Mix));
    let begin = net.now();
    let times: Vec<(f64, f64)> = (0..messages)
        // Pauses that do not keep time with anything.
        .map(|n| send(&mut net, &format!("text {n}"), pause + Duration::from_millis(n as u64 * 7_919 % 4_000)))
        .collect();
    let elapsed = net.now().since(begin);
    let view = view(&mut net, "alice");
    let cost = view.classes.iter().find(|cost| cost.class == class).unwrap();
    assert!(cost.is_used);

    // Both send and get at the same rates: their frames together are those of twice the time.
    let after = names.map(|name| frames(&net, name, Route::Mix));
    let sum = |of: fn(&(usize, usize)) -> usize| -> usize {
        after.iter().map(of).sum::<usize>() - before.iter().map(of).sum::<usize>()
    };
    compare(class, cost.session_per_day, view.frame_bytes, (sum(|it| it.0), sum(|it| it.1)), elapsed * 2);
    let packets = used(&view, Route::Mix).packets;
    assert_eq!(usize::try_from(packets.messages + packets.polls + packets.cover).unwrap(), after[0].0);

    let mean = |of: fn(&(f64, f64)) -> f64| times.iter().map(of).sum::<f64>() / messages as f64;
    for (what, expected, measured_s) in [
        ("stored", cost.delays.stored, mean(|it| it.0)),
        ("delivered", cost.delays.delivered, mean(|it| it.1)),
    ] {
        let off = off(expected.mean_ms, measured_s * 1000.0);
        println!("{class}, {what}: {expected:?}; measured {measured_s:.2} s, off by {off:+.3}");
        assert!(off.abs() < DELAY_OFF_MAX, "{class}: {what}");
    }
    let beyond = |p95_ms: u64, of: fn(&(f64, f64)) -> f64| {
        times.iter().filter(|it| of(it) * 1000.0 > p95_ms as f64).count() as f64 / messages as f64
    };
    let late =
        (beyond(cost.delays.stored.p95_ms, |it| it.0), beyond(cost.delays.delivered.p95_ms, |it| it.1));
    println!("{class}: beyond what 19 of 20 should take: {late:?}");
    assert!(late.0 < 0.12 && late.1 < 0.12, "one in twenty, four standard errors of 1.8 % allowed: {late:?}");
    let trip = used(&view, Route::Mix);
    let (expected_ms, measured_ms) =
        (trip.round_trip_ms_expected.unwrap(), trip.round_trip_ms_measured.unwrap());
    println!("{class}: round trip {expected_ms} ms expected, {measured_ms} ms measured");
    assert!(off(expected_ms, measured_ms as f64).abs() < ROUND_TRIP_OFF_MAX);
}

#[test]
fn the_figures_of_class_standard_hold() {
    talk(91, "standard", 150, Duration::from_secs(25));
}

#[test]
fn the_figures_of_class_frugal_hold() {
    talk(92, "frugal", 150, Duration::from_secs(130));
}

#[test]
fn on_route_tor_the_greatest_figure_is_met_with_cover_and_by_a_contact_and_never_passed() {
    let routes = RoutePlan::only(Route::Tor);
    let settings = EngineSettings { routes, ..EngineSettings::new("standard") };
    let covered = EngineSettings { tor_cover: true, ..settings.clone() };
    let mut net = VirtualNetwork::found(plan(93)).unwrap();
    net.add_person_with("alice", covered).unwrap();
    net.add_person_with("bob", settings.clone()).unwrap();
    net.run_for(WARM_UP);
    let (before, begin) = (frames(&net, "alice", Route::Tor), net.now());
    net.run_for(Duration::from_secs(12_000));
    let after = frames(&net, "alice", Route::Tor);
    let view_of_alice = view(&mut net, "alice");
    let cost = view_of_alice.classes.iter().find(|cost| cost.is_used).unwrap();
    let counted = (after.0 - before.0, after.1 - before.1);
    let elapsed = net.now().since(begin);
    compare("tor with cover", cost.circuits_per_day_max, view_of_alice.frame_bytes, counted, elapsed);
    let alice = used(&view_of_alice, Route::Tor);
    assert!(alice.has_decoys && alice.delays.is_some() && alice.round_trip_ms_expected.is_none());
    // Without cover and without a contact there is nothing to send.
    let view_of_bob = view(&mut net, "bob");
    let bob = used(&view_of_bob, Route::Tor);
    assert_eq!((frames(&net, "bob", Route::Tor), bob.has_decoys, bob.delays), ((0, 0), false, None));

    let mut net = acquainted(94, &settings);
    let (before, begin) = (frames(&net, "alice", Route::Tor).0, net.now());
    net.run_for(Duration::from_secs(4_000));
    let asked = frames(&net, "alice", Route::Tor).0 - before;
    let ticks = net.now().since(begin).as_secs_f64() * 1000.0
        / f64::from(Params::default().classes[0].payload_interval_ms_mean);
    println!("tor without cover, one contact: {asked} packets in about {ticks} slots");
    // Five standard errors above what the slots allow; and far from nothing.
    assert!((asked as f64) < ticks + 5.0 * ticks.sqrt() && asked as f64 > ticks / 2.0);
}

/// Up and down.
fn volume(value: &Value) -> (u64, u64) {
    (value["up_bytes"].as_u64().unwrap(), value["down_bytes"].as_u64().unwrap())
}

/// The bytes of these records with their headers, up and down.
fn bytes(records: &[Record]) -> (u64, u64) {
    let of = |from_dialler| {
        let records = records.iter().filter(|record| record.from_dialler == from_dialler);
        records.map(|record| record.body_len as u64 + 5).sum()
    };
    (of(true), of(false))
}

/// Of the connections that a tap has seen since it had seen `before`, the records of each.
fn since(network: &Localnet, name: &str, before: usize) -> Vec<Vec<Record>> {
    let records = network.tap(name).unwrap().records();
    let last = records.iter().map(|record| record.connection + 1).max().unwrap_or(0);
    (before..last)
        .map(|connection| records.iter().copied().filter(|record| record.connection == connection).collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_wire_each_frame_has_the_bytes_that_the_figures_count() {
    /// Frames to wait for. Rates are compared in virtual time: here the standard error of so few is 7 %.
    const UP: usize = 200;
    let dir = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let plan = LocalnetPlan { tapped: true, ..LocalnetPlan::default() };
    let network = Localnet::up(&dir.path().join("net"), plan, false).await.unwrap();
    let count = |name: &String| {
        let records = network.tap(name).unwrap().records();
        records.iter().map(|record| record.connection + 1).max().unwrap_or(0)
    };
    let seen: Vec<(String, usize)> =
        network.names().into_iter().map(|name| (name.clone(), count(&name))).collect();
    let mut alice = Person::new(&network, "alice").await.unwrap();
    alice.start_daemon().await.unwrap();

    let connections =
        || seen.iter().flat_map(|(name, before)| since(&network, name, *before)).collect::<Vec<_>>();
    let frame_len = |view: &Value| usize::try_from(view["frame_bytes"].as_u64().unwrap()).unwrap() - 5;
    let view = alice.call("network", json!({})).await.unwrap();
    let is_frame = |record: &Record| record.body_len == frame_len(&view);
    let session = || {
        connections().into_iter().find(|records| {
            records.iter().filter(|record| record.from_dialler && is_frame(record)).count() >= UP
        })
    };
    wait(&[&alice], "frames of a session", || async { session() }).await;
    let view = alice.sotto(&["status", "--network"]).await.unwrap();
    let session = session().unwrap();

    // What is no frame is the handshake.
    let (made, sent): (Vec<Record>, Vec<Record>) = session.iter().partition(|record| !is_frame(record));
    assert_eq!(bytes(&made), volume(&view["handshake"]));
    let (up, down) = bytes(&sent);
    let frames =
        |from_dialler| sent.iter().filter(|record| record.from_dialler == from_dialler).count() as u64;
    let frame_bytes = view["frame_bytes"].as_u64().unwrap();
    assert_eq!((up, down), (frames(true) * frame_bytes, frames(false) * frame_bytes));
    println!(
        "{} frames up and {} down, of {frame_bytes} bytes; handshake {:?}",
        frames(true),
        frames(false),
        bytes(&made)
    );

    // The program's own count is what the wire shows. A few frames may be on their way while it is asked.
    let (counted, seen_bytes) = (volume(&view["routes"][0]["bytes"]), bytes(&session));
    println!("counted {counted:?}, seen {seen_bytes:?}");
    for (counted, seen) in [(counted.0, seen_bytes.0), (counted.1, seen_bytes.1)] {
        assert!(counted.abs_diff(seen) < 10 * frame_bytes, "counted {counted}, seen {seen}");
    }
    // One fetch of the consensus, and the figure of a day is as many as there are epochs.
    let fetched = volume(&view["consensus_bytes"]);
    assert!(connections().iter().any(|records| bytes(records) == fetched), "no connection took {fetched:?}");
    let epochs = 86_400 / u64::from(network.plan().params.epoch_s);
    assert_eq!(volume(&view["consensus_per_day"]), (epochs * fetched.0, epochs * fetched.1));

    assert!(alice.stop_daemon().await.unwrap(), "alice's daemon had to be killed within {WAIT_MAX:?}");
    network.down().await.unwrap();
}
