//! Clients that open sessions and misuse them.

use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Packet;

use crate::honest::Honest;
use crate::place::Place;
use crate::support::{World, expect_refusal, soon};

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
async fn a_session_that_sends_far_faster_than_its_class_is_ended() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let mut flood = Place::at("127.0.0.2").session(&world, 0).await;
    let bytes = honest.packet().as_bytes().to_vec();
    // One packet again and again: what is too fast is not even looked at.
    let flooding = async {
        loop {
            for _ in 0..100 {
                let packet = Packet::from_slice(&bytes).unwrap();
                if flood.send(&Frame::Packet(packet)).await.is_err() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(soon(flooding), honest.is_served());
    let ended = |status: &sotto_mix_node::shell::MixStatus| {
        status.member.link_failures.contains_key("uplink-too-fast") && status.report.sessions.connected == 1
    };
    let status = world.wait_for("the end of the session", ended).await;
    assert_eq!(status.member.link_failures.get("uplink-too-fast"), Some(&1));
    let dropped = &status.report.ledger.dropped;
    assert!(dropped.get("uplink-too-fast").is_some_and(|count| (257..300).contains(count)), "{dropped:?}");
    assert_eq!(dropped.get("replayed"), Some(&15), "16 were within its allowance");
    assert!(status.report.ledger.balanced());
    for _ in 0..5 {
        honest.is_served().await;
    }
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
    let stalled = |status: &sotto_mix_node::shell::MixStatus| {
        let failures = &status.member.link_failures;
        failures.contains_key("stalled") || failures.contains_key("downlink-stalled")
    };
    while !stalled(&world.status().await) {
        honest.is_served().await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
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
