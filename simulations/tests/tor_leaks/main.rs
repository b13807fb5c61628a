//! What leaves a person's computer: over Tor, packets to Tor relays and nothing else.
//!
//! The programs that are watched run in a network namespace of their own, whose only way out is an interface to this
//! test's namespace. The relays have one address there, Sotto's nodes another: a packet to a node, to a name server or
//! to anybody else is seen by tcpdump, wherever it was meant to go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the measured figures are worth a look")]

mod capture;
#[path = "../common/mod.rs"]
mod common;
mod namespace;
mod pcap;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use capture::Capture;
use common::{meet, route, send, wait, wait_received};
use namespace::Namespace;
use pcap::{PROTOCOL_ICMPV6, PROTOCOL_TCP, Packet};
use sotto_client::core::Route;
use sotto_simulations::localnet::{Localnet, LocalnetPlan, LocalnetTor, Person, PersonOptions};
use sotto_simulations::tornet::{Tornet, TornetPlan};

/// Where the relays listen: the watched programs' gateway.
const RELAYS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Where Sotto's nodes listen.
const NODES: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// Where the programs are whose routes lead over Tor.
const WATCHED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
/// Where the program is whose route does not, and its gateway.
const CONTROL: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 9);
const CONTROL_GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
/// Whom the control asks, so that a question to a name server is known to show. This machine cannot reach them from
/// the namespace.
const RESOLVERS: [&str; 2] = ["192.0.2.53", "2001:db8::53"];
/// Fewer packets than a conversation takes would mean that the capture has missed it.
const PACKETS_MIN: usize = 200;

#[test]
fn over_tor_a_person_s_program_talks_to_relays_and_to_nobody_else() {
    namespace::within("over_tor_a_person_s_program_talks_to_relays_and_to_nobody_else", watch);
}

/// Alice by `tor` and Carol by `tor+mix` are watched, Dave by `mix` shows that watching works; all talk with Bob.
async fn watch() {
    let dir = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let watched = Namespace::new("watched", WATCHED, RELAYS).await;
    namespace::add_address("watched-out", NODES).await;
    let control = Namespace::new("control", CONTROL, CONTROL_GATEWAY).await;
    let plan = TornetPlan { address: RELAYS, ..TornetPlan::default() };
    let mut progress = |step: &str| println!("private Tor network: {step}");
    let mut tor = Tornet::up(&dir.path().join("tor"), plan, &mut progress).await.unwrap();
    let plan = LocalnetPlan { host: NODES, tor: Some(LocalnetTor::on(&tor)), ..LocalnetPlan::default() };
    let network = Localnet::up(&dir.path().join("net"), plan, false).await.unwrap();

    let seen = Capture::start(&watched, &dir.path().join("watched.pcap")).await;
    let seen_control = Capture::start(&control, &dir.path().join("control.pcap")).await;
    let person = |name: &'static str, route, wrapper| {
        let options = PersonOptions { wrapper, ..PersonOptions::routes(&network, route, &[]) };
        let network = &network;
        async move {
            let mut person = Person::with(network, name, options).await.unwrap();
            person.start_daemon().await.unwrap();
            person
        }
    };
    let (mut alice, mut carol, mut dave, mut bob) = tokio::join!(
        person("alice", Route::Tor, watched.wrapper()),
        person("carol", Route::TorMix, watched.wrapper()),
        person("dave", Route::Mix, control.wrapper()),
        person("bob", Route::Tor, Vec::new()),
    );
    for friend in [&alice, &carol, &dave] {
        meet(&bob, friend).await;
        friend.sotto(&["doctor"]).await.unwrap();
    }
    let all = [&alice, &carol, &dave, &bob];
    tokio::join!(talk(&all, &alice, &bob), talk(&all, &carol, &bob), talk(&all, &dave, &bob));

    tor.kill_all().await.unwrap();
    for friend in [&alice, &carol] {
        send(friend, "bob", "while there is no Tor").await;
    }
    tokio::join!(lost(&all, &alice, "tor"), lost(&all, &carol, "tor+mix"));
    tor.restart().await.unwrap();
    let expected: Vec<String> = ["there", "while there is no Tor"].map(str::to_owned).to_vec();
    tokio::join!(
        wait_received(&all, &bob, "alice", &expected),
        wait_received(&all, &bob, "carol", &expected),
    );

    for person in [&mut alice, &mut carol, &mut dave, &mut bob] {
        assert!(person.stop_daemon().await.unwrap(), "the daemon of {} had to be killed", person.name());
    }
    for resolver in RESOLVERS {
        control.ask(resolver.parse().unwrap(), 53).await;
    }
    let (seen, seen_control) = (seen.stop(&watched).await, seen_control.stop(&control).await);
    judge(&seen, &seen_control, tor.or_ports());
    assert_eq!(network.down().await.unwrap(), Vec::<String>::new(), "nodes that had to be killed");
    tor.down().await.unwrap();
}

/// One message each way.
async fn talk(all: &[&Person], one: &Person, other: &Person) {
    send(one, other.name(), "there").await;
    send(other, one.name(), "and back").await;
    wait_received(all, other, one.name(), &["there".to_owned()]).await;
    wait_received(all, one, other.name(), &["and back".to_owned()]).await;
}

/// Waits until a person's program says that its route does not work, and why.
async fn lost(all: &[&Person], person: &Person, name: &str) {
    let why = wait(all, "the route's loss", || async {
        let view = route(person, name).await?;
        (view["state"] != "connected").then(|| view["why"].as_str().unwrap_or_default().to_owned())
    })
    .await;
    println!("{} by {name}, without Tor: {why}", person.name());
    assert!(!why.is_empty());
}

/// Nobody but relays may have been talked to; the control must have been caught at both its sins.
fn judge(seen: &[Packet], seen_control: &[Packet], relays: &[SocketAddr]) {
    let strangers = strangers(seen, WATCHED, relays);
    assert!(strangers.is_empty(), "besides relays: {strangers:#?}");
    let by_relay = relays.iter().map(|relay| (relay, count_to(seen, |to| to == *relay)));
    let by_relay: BTreeMap<_, _> = by_relay.collect();
    println!("{} packets were seen; sent to relays: {by_relay:?}", seen.len());
    assert!(by_relay.values().sum::<usize>() > PACKETS_MIN, "so few packets were no conversation");

    let to_entry = count_to(seen_control, |to| to.ip() == NODES);
    println!("{} packets were seen of the control, {to_entry} sent to an entry", seen_control.len());
    assert!(to_entry > PACKETS_MIN, "the capture has not seen the control's entry");
    let caught = self::strangers(seen_control, CONTROL, relays);
    for resolver in RESOLVERS {
        let resolver = SocketAddr::new(resolver.parse().unwrap(), 53);
        assert!(
            caught.keys().any(|packet| packet.is_to(resolver)),
            "the question to {resolver} was not seen: {caught:#?}"
        );
    }
}

/// Packets that are neither to nor from a relay, and how often each was seen.
fn strangers(seen: &[Packet], own: Ipv4Addr, relays: &[SocketAddr]) -> BTreeMap<Packet, usize> {
    let own = IpAddr::from(own);
    let mut strangers = BTreeMap::new();
    for packet in seen {
        let is_known = match *packet {
            Packet::Ip { from, to, protocol: PROTOCOL_TCP, ports: Some((from_port, to_port)) } => {
                let (from, to) = (SocketAddr::new(from, from_port), SocketAddr::new(to, to_port));
                from.ip() == own && relays.contains(&to) || to.ip() == own && relays.contains(&from)
            }
            // The kernel's own greetings to its neighbours on a new interface.
            Packet::Ip { protocol: PROTOCOL_ICMPV6, .. } => true,
            Packet::Arp { about } => {
                IpAddr::from(about) == own || relays.iter().any(|relay| relay.ip() == about)
            }
            Packet::Ip { .. } | Packet::Other { .. } => false,
        };
        if !is_known {
            *strangers.entry(*packet).or_default() += 1;
        }
    }
    strangers
}

fn count_to(seen: &[Packet], wanted: impl Fn(SocketAddr) -> bool) -> usize {
    seen.iter()
        .filter(|packet| match packet {
            Packet::Ip { to, ports: Some((_, port)), .. } => wanted(SocketAddr::new(*to, *port)),
            _ => false,
        })
        .count()
}
