//! Frames and packets that are none.

use sotto_protocol::frame::Frame;
use sotto_protocol::limits::PACKET_LEN;
use sotto_protocol::sphinx::Packet;

use crate::honest::Honest;
use crate::place::Place;
use crate::raw::Offer;
use crate::support::World;

#[tokio::test]
async fn malformed_frames_end_their_own_link() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let good = Frame::ConsensusGet.encode();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.as_slice().to_vec();
        bytes[at] = byte;
        bytes
    };
    let bad = [
        ("frame-version", changed(0, 2)),
        ("frame-kind", changed(1, 200)),
        ("frame-length", changed(2, 0xff)),
        ("frame-padding", changed(1_000, 1)),
        ("frame-body", changed(1, 2)),
        ("truncated", good[..2_399].to_vec()),
        ("oversized", [good.as_slice(), &[0]].concat()),
    ];
    for (label, bytes) in &bad {
        for _ in 0..4 {
            let mut peer = Offer::default().connect(&world.address()).await.unwrap();
            peer.send_record(bytes).await;
            peer.expect_refusal(label).await;
            peer.hang_up().await;
        }
        honest.is_served().await;
    }
    let status = world.status().await;
    for (label, _) in &bad {
        assert_eq!(status.member.link_failures.get(*label), Some(&4), "{label}");
    }
    assert_eq!(status.report.sessions.connected, 1);
    world.stop().await;
}

#[tokio::test]
async fn packets_of_noise_are_dropped_and_their_session_goes_on() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let mut noisy = Place::at("127.0.0.2").session(&world, 0).await;
    for number in 0..12_u8 {
        // The version of a packet, then noise.
        let mut bytes = honest.packet().as_bytes().to_vec();
        assert_eq!(bytes.len(), PACKET_LEN);
        for byte in bytes.iter_mut().skip(40) {
            *byte = byte.wrapping_mul(31).wrapping_add(number);
        }
        noisy.send(&Frame::Packet(Packet::from_slice(&bytes).unwrap())).await.unwrap();
    }
    let noise = |status: &sotto_mix_node::shell::MixStatus| {
        status.report.ledger.dropped.get("header-mac").is_some_and(|count| *count == 12)
    };
    let status = world.wait_for("the noise is dropped", noise).await;
    assert_eq!(status.report.sessions.connected, 2);
    honest.is_served().await;
    world.stop().await;
}
