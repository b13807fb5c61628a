//! People on different routes talk in the virtual network while it loses, reorders and crashes, and while Tor fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "how long a run takes, and how long messages take, is worth a look")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sotto_client::core::{EngineSettings, Event, MessageState, Route, RoutePlan, RouteState};
use sotto_protocol::ledger::LedgerReport;
use sotto_protocol::time::Timestamp;
use sotto_simulations::vnet::{Faults, VirtualNetwork, VnetPlan};
use sotto_transport::clock::Clock;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);
const TROUBLE: Faults = Faults {
    latency_min: Duration::from_millis(1),
    latency_max: Duration::from_millis(40),
    loss: 0.02,
    duplication: 0.0,
};

fn settings(routes: &[Route]) -> EngineSettings {
    EngineSettings { routes: RoutePlan::from_routes(routes).unwrap(), ..EngineSettings::new("standard") }
}

/// Alice, and others who know her and nobody else, each with these routes.
fn acquainted(plan: VnetPlan, alice: &[Route], others: &[(&str, &[Route])]) -> VirtualNetwork {
    let mut net = VirtualNetwork::found(plan).unwrap();
    net.add_person_with("alice", settings(alice)).unwrap();
    for (name, routes) in others {
        net.add_person_with(name, settings(routes)).unwrap();
        let invite = net.with_person("alice", |engine, now, rng| engine.create_invite(now, name, DAY, rng));
        let link = invite.unwrap().unwrap().link();
        net.with_person(name, |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
            .unwrap()
            .unwrap();
    }
    assert!(net.run_until(5 * MINUTE, |net| {
        let met = net.events("alice").unwrap().iter();
        met.filter(|(_, event)| matches!(event, Event::ContactEstablished { .. })).count() == others.len()
    }));
    net
}

fn received(net: &VirtualNetwork, name: &str) -> Vec<String> {
    let events = net.events(name).unwrap().iter();
    events
        .filter_map(|(_, event)| match event {
            Event::MessageReceived { message, .. } => Some(message.text.clone()),
            _ => None,
        })
        .collect()
}

fn stored(net: &VirtualNetwork, name: &str) -> usize {
    let events = net.events(name).unwrap().iter();
    let stored = MessageState::Stored;
    events.filter(|(_, event)| matches!(event, Event::MessageState { state, .. } if *state == stored)).count()
}

/// Comes to rest, then checks every node's books and the flow between them.
fn audit(net: &mut VirtualNetwork) {
    net.quiesce();
    net.run_for(Duration::from_secs(10));
    let ledgers = net.ledgers();
    for (name, ledger) in &ledgers {
        assert!(ledger.balanced(), "{name}: {ledger:?}");
    }
    let sum = LedgerReport::sum(ledgers.iter().map(|(_, ledger)| ledger));
    assert_eq!(sum.on_the_wire(), i128::from(net.lost_between_nodes()), "{sum:?}");
}

/// A conversation with loss, reordering, a crash of a mailbox and of a person.
fn troubled(seed: u64, alice: &[Route], bob: &[Route]) -> VirtualNetwork {
    let mut net = acquainted(VnetPlan { faults: TROUBLE, ..VnetPlan::small(seed) }, alice, &[("bob", bob)]);
    let there = ["one", "two", &"three ".repeat(800)];
    for text in there {
        net.send_text("alice", "bob", text).unwrap();
    }
    net.crash_node("mailbox-1").unwrap();
    net.crash_person("alice").unwrap();
    net.run_for(Duration::from_millis(700));
    net.restart_person("alice").unwrap();
    net.restart_node("mailbox-1").unwrap();
    net.send_text("bob", "alice", "back").unwrap();
    let done = net.run_until(10 * MINUTE, |net| {
        received(net, "bob").len() >= there.len()
            && !received(net, "alice").is_empty()
            && stored(net, "alice") >= there.len()
            && stored(net, "bob") >= 1
    });
    assert!(done, "seed {seed}, {alice:?} and {bob:?}");
    assert_eq!(received(&net, "bob"), there);
    assert_eq!(received(&net, "alice"), ["back"]);
    net
}

#[test]
fn on_every_route_loss_reordering_and_crashes_lose_nothing() {
    let ways: [(&[Route], &[Route]); 4] = [
        (&[Route::Tor], &[Route::Tor]),
        (&[Route::TorMix], &[Route::TorMix]),
        (&[Route::Tor], &[Route::Mix]),
        (&[Route::Mix], &[Route::TorMix, Route::Tor]),
    ];
    for (seed, (alice, bob)) in (50..).zip(ways.iter().cycle().take(8)) {
        let clock = Clock::system();
        let begin = clock.now();
        let mut net = troubled(seed, alice, bob);
        let (virtual_s, real_s) = (net.elapsed().as_secs_f64(), clock.now().since(begin).as_secs_f64());
        println!("seed {seed}, {alice:?} and {bob:?}: {virtual_s:.1} s of virtual time in {real_s:.2} s");
        assert_eq!(net.uplink("alice", Route::Tor).unwrap().is_empty(), alice[0] != Route::Tor);
        audit(&mut net);
    }
}

#[test]
fn one_seed_gives_one_trace() {
    let run = |seed| troubled(seed, &[Route::Tor, Route::Mix], &[Route::TorMix]);
    let (first, again, other) = (run(60), run(60), run(61));
    assert_eq!(first.trace(), again.trace());
    assert_ne!(first.trace().digest(), other.trace().digest());
    assert!(first.trace().text().contains(" by circuit 0"));
}

/// What the mailboxes saw: for each circuit of a person the kinds of commands, the boxes, and the mailbox.
type Seen = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>)>;

fn seen_of(net: &VirtualNetwork, person: &str) -> Seen {
    let mut seen = Seen::new();
    for line in net.trace().text().lines() {
        // ... mailbox-1 sees read 0a1b2c3d4e5f of alice by circuit 7
        let words: Vec<&str> = line.split(' ').collect();
        let Some(at) = words.iter().position(|word| *word == "sees") else { continue };
        if words[at + 4] == person {
            let (kinds, boxes, mailboxes) = seen.entry(words[at + 7].to_owned()).or_default();
            kinds.insert(words[at + 1].to_owned());
            boxes.insert(words[at + 2].to_owned());
            mailboxes.insert(words[at - 1].to_owned());
        }
    }
    seen
}

#[test]
fn a_circuit_never_carries_two_contacts_or_both_directions_or_leads_to_two_mailboxes() {
    let others: [(&str, &[Route]); 2] = [("bob", &[Route::Tor]), ("carol", &[Route::Tor])];
    let mut net = acquainted(VnetPlan { faults: TROUBLE, ..VnetPlan::small(62) }, &[Route::Tor], &others);
    for n in 0..8 {
        for other in ["bob", "carol"] {
            net.send_text("alice", other, &format!("to {other} {n}")).unwrap();
            net.send_text(other, "alice", &format!("from {other} {n}")).unwrap();
        }
        net.run_for(MINUTE);
    }
    assert!(net.run_until(5 * MINUTE, |net| received(net, "alice").len() == 16));
    let boxes_of = |person: &str, kind: &str| -> BTreeSet<String> {
        let seen = seen_of(&net, person).into_values();
        seen.filter(|(kinds, _, _)| kinds.contains(kind)).flat_map(|(_, boxes, _)| boxes).collect()
    };
    // Bob and Carol know nobody but Alice: what they write she reads from them, what they read she wrote to them.
    let contacts = ["bob", "carol"].map(|name| (boxes_of(name, "write"), boxes_of(name, "read")));
    let alice = seen_of(&net, "alice");
    let mut carried = [0; 2];
    for (circuit, (kinds, boxes, mailboxes)) in &alice {
        assert_eq!((kinds.len(), mailboxes.len()), (1, 1), "circuit {circuit}: {kinds:?} to {mailboxes:?}");
        let with = contacts.iter().map(|(written, read)| {
            boxes
                .iter()
                .any(|id| if kinds.contains("read") { written.contains(id) } else { read.contains(id) })
        });
        let with: Vec<bool> = with.collect();
        assert!(with != [true, true], "circuit {circuit} carries boxes of both contacts");
        carried.iter_mut().zip(&with).for_each(|(count, is)| *count += u32::from(*is));
    }
    assert!(carried.iter().all(|circuits| *circuits >= 6), "{carried:?} circuits with boxes that came");
    println!("{} circuits of one person with two contacts in {:?}", alice.len(), net.elapsed());
    // Messages come a minute apart, and each box that was found was the last of its circuit.
    let most = alice.values().filter(|(kinds, _, _)| kinds.contains("read")).map(|(_, boxes, _)| boxes.len());
    assert!(most.max().unwrap() <= 4, "a mailbox links few boxes by a reader's circuit");
}

#[test]
fn tor_that_fails_in_mid_conversation_is_told_of_and_loses_nothing() {
    for route in [Route::Tor, Route::TorMix] {
        let mut net = acquainted(VnetPlan::small(63), &[route], &[("bob", &[route])]);
        let mut sent = Vec::new();
        for n in 0..6 {
            let text = format!("number {n}");
            net.send_text("alice", "bob", &text).unwrap();
            sent.push(text);
            net.run_for(Duration::from_millis(900));
            net.set_tor(n % 2 == 1);
        }
        net.set_tor(false);
        let last = net.send_text("alice", "bob", "last").unwrap();
        net.run_for(Duration::from_secs(90));
        let packets = Route::ALL.map(|route| net.uplink("alice", route).unwrap().len());
        net.run_for(Duration::from_secs(30));
        assert_eq!(
            packets,
            Route::ALL.map(|route| net.uplink("alice", route).unwrap().len()),
            "all is silent"
        );
        assert_eq!(packets.iter().filter(|count| **count > 0).count(), 1, "one route was used");
        let status = net.with_person("alice", |engine, now, _| engine.status(now)).unwrap();
        assert_eq!(status.route(route).unwrap().state, RouteState::Disconnected);
        let waiting = status.waiting.iter().find(|waiting| waiting.message == Some(last)).unwrap();
        assert!(
            waiting.why.contains("Tor") && waiting.why.contains("no other route is allowed"),
            "{}",
            waiting.why
        );
        net.set_tor(true);
        sent.push("last".to_owned());
        assert!(net.run_until(5 * MINUTE, |net| received(net, "bob").len() == sent.len()), "{route}");
        assert_eq!(received(&net, "bob"), sent);
        audit(&mut net);
    }
}

#[test]
fn a_fallback_is_taken_while_tor_fails_if_it_is_allowed_and_left_again_at_once() {
    let mut net = acquainted(VnetPlan::small(64), &[Route::Tor, Route::Mix], &[("bob", &[Route::Mix])]);
    assert!(net.uplink("alice", Route::Mix).unwrap().is_empty());
    net.set_tor(false);
    let failed = net.now();
    net.send_text("alice", "bob", "urgent").unwrap();
    assert!(net.run_until(2 * MINUTE, |net| received(net, "bob").len() == 1));
    let first = net.uplink("alice", Route::Mix).unwrap()[0];
    assert!(first >= failed + MINUTE, "{:?} after the failure", first.since(failed));
    net.set_tor(true);
    net.run_for(Duration::from_secs(1));
    let mixed = net.uplink("alice", Route::Mix).unwrap().len();
    net.send_text("alice", "bob", "calm").unwrap();
    assert!(net.run_until(MINUTE, |net| received(net, "bob").len() == 2));
    assert_eq!(net.uplink("alice", Route::Mix).unwrap().len(), mixed);
    let changes = net.events("alice").unwrap().iter().filter_map(|(_, event)| match event {
        Event::RouteChanged { route, wanted, .. } => Some((*route, *wanted)),
        _ => None,
    });
    assert_eq!(changes.collect::<Vec<_>>(), [(Route::Mix, Route::Tor), (Route::Tor, Route::Tor)]);
    audit(&mut net);
}

/// When Alice's packets leave by a route, while she writes every three seconds or never.
fn ticks(route: Route, talks: bool) -> Vec<u64> {
    let mut net = VirtualNetwork::found(VnetPlan::small(65)).unwrap();
    net.add_person_with("alice", EngineSettings { tor_cover: true, ..settings(&[route]) }).unwrap();
    net.add_person_with("bob", settings(&[route])).unwrap();
    let invite = net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", DAY, rng));
    let link = invite.unwrap().unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    for _ in 0..20 {
        if talks {
            net.send_text("alice", "bob", &"so much to say ".repeat(120)).unwrap();
        }
        net.run_for(Duration::from_secs(3));
    }
    assert_eq!(received(&net, "bob").len() > 12, talks);
    net.uplink("alice", route).unwrap().iter().map(|at| at.as_micros()).collect()
}

#[test]
fn with_cover_not_one_packet_of_any_lane_moves_when_the_user_talks() {
    for route in Route::ALL {
        let (idle, talking) = (ticks(route, false), ticks(route, true));
        assert!(idle.len() > 300, "{route}: {} packets", idle.len());
        assert_eq!(idle, talking, "{route}");
    }
}

#[test]
fn on_every_route_half_of_the_messages_take_less_than_two_seconds() {
    let median_ms = |route: Route| {
        let mut net = acquainted(VnetPlan::small(66), &[route], &[("bob", &[route])]);
        net.run_for(Duration::from_secs(20));
        let mut times = Vec::new();
        for n in 0..40 {
            let begin: Timestamp = net.now();
            net.send_text("alice", "bob", &format!("message {n}")).unwrap();
            assert!(net.run_until(MINUTE, |net| received(net, "bob").len() == n + 1));
            times.push(net.now().since(begin).as_millis());
            net.run_for(Duration::from_secs(2));
        }
        times.sort_unstable();
        println!("{route}: median {} ms, 95 % within {} ms", times[20], times[37]);
        times[20]
    };
    let medians = Route::ALL.map(median_ms);
    assert!(medians.iter().all(|median| *median < 2000), "{medians:?}");
}
