//! Clients that open sessions and misuse them.

use std::time::Duration;

use sotto_mix_node::shell::MixStatus;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Packet;
use sotto_transport::clock::Clock;

use crate::honest::Honest;
use crate::place::Place;
use crate::support::{PATIENCE, World, expect_refusal, soon};

#[tokio::test]
async fn idle_sessions_of_one_address_leave_room_for_others() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let mut idle = Vec::new();
    for address in ["127.0.0.2", "127.0.0.3"] {
        for _ in 0..64 {
            idle.push(Place::at(address).session(&world, 1).await);
        }
        assert!(Place::at(address).link(&world).await.is_err());
    }
    let status = world.wait_for("the sessions", |status| status.report.sessions.connected == 129).await;
    assert_eq!(status.member.link_failures.get("address-full"), Some(&2));
    for _ in 0..5 {
        honest.is_served().await;
    }
    // They are sessions like others: their cover comes, too.
    for link in idle.iter_mut().step_by(16) {
        assert_eq!(soon(link.next()).await.unwrap(), Frame::Dummy);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_session_that_sends_faster_than_its_class_is_read_at_the_pace_of_its_class() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let clock = Clock::system();
    let begin = clock.now();
    let mut flood = Place::at("127.0.0.2").session(&world, 0).await;
    let bytes = honest.packet().as_bytes().to_vec();
    // One packet again and again, until no more is taken from it.
    let flooding = tokio::spawn(async move {
        while let Ok(packet) = Packet::from_slice(&bytes)
            && flood.send(&Frame::Packet(packet)).await.is_ok()
        {
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..5 {
        honest.is_served().await;
    }
    let paced = |status: &MixStatus| status.member.link_failures.contains_key("uplink-paced");
    let status = world.wait_for("it is held up", paced).await;
    assert_eq!(status.member.link_failures.get("uplink-paced"), Some(&1));
    assert!(!flooding.is_finished(), "its link is kept");
    assert_eq!(status.report.sessions.connected, 2);
    // Three packets a second are its class, six it may send, and sixteen more at the start.
    let allowed = 16 + 6 * (clock.now().since(begin).as_secs() + 1);
    let ledger = &status.report.ledger;
    assert!((16..=allowed + 5).contains(&ledger.links.received_from_clients), "{allowed} {ledger:?}");
    assert!(
        ledger.dropped.contains_key("replayed") && !ledger.dropped.contains_key("uplink-too-fast"),
        "{ledger:?}"
    );
    assert!(ledger.balanced());
    flooding.abort();
    honest.is_served().await;
    world.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected_and_no_other() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let deaf = Place { incoming_bytes_max: Some(4_096), ..Place::at("127.0.0.2") };
    let deaf = deaf.session(&world, 0).await;
    let status = world.wait_for("the disconnection", |status| status.report.sessions.resumable == 1).await;
    assert_eq!(status.report.sessions.connected, 1, "the honest one");
    for _ in 0..5 {
        honest.is_served().await;
    }
    // What is on the wire by then gets its time to be taken.
    let stalled = |status: &MixStatus| {
        let failures = &status.member.link_failures;
        failures.contains_key("stalled") || failures.contains_key("downlink-stalled")
    };
    let until_stalled = async {
        while !stalled(&world.status().await) {
            honest.is_served().await;
            // The honest client keeps to its class as well.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE * 2, until_stalled).await.expect("its connection ends");
    drop(deaf);
    honest.is_served().await;
    world.stop().await;
}

#[tokio::test]
async fn a_packet_of_somebody_without_a_session_costs_no_cryptography() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let bytes = honest.packet().as_bytes().to_vec();
    for _ in 0..10 {
        let mut stranger = Place::at("127.0.0.2").link(&world).await.unwrap();
        stranger.send(&Frame::Packet(Packet::from_slice(&bytes).unwrap())).await.unwrap();
        expect_refusal(&mut stranger, "no-session").await;
    }
    honest.is_served().await;
    let status = world.status().await;
    assert_eq!(status.member.link_failures.get("no-session"), Some(&10));
    assert_eq!(status.report.ledger.dropped.get("session-unknown"), Some(&10), "and nothing else");
    // It was not looked at: whoever may can still send it, and it is not taken for a replay.
    let mut client = Place::at("127.0.0.3").session(&world, 0).await;
    client.send(&Frame::Packet(Packet::from_slice(&bytes).unwrap())).await.unwrap();
    honest.sees_a_packet_pass().await;
    world.stop().await;
}
