//! Links of nodes, and of peers that break the rules.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::build_forward;
use sotto_transport::directory_client::request_consensus;

use crate::raw::Offer;
use crate::support::{LAYER_1, LAYER_2, LAYER_3, World, expect_refusal, hop, next_frame, soon};

#[tokio::test]
async fn a_node_that_is_not_in_the_consensus_is_refused_and_its_packet_accounted_for() {
    let world = World::entry().await;
    let entry = world.own_hop().await;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let route = [entry, hop(LAYER_1)];
    let packet = build_forward(&route, &[Duration::ZERO; 2], [9; 32], b"", &mut rng).unwrap();
    for frame in [Frame::Packet(packet), Frame::Dummy] {
        let mut unknown = world.node(99).await;
        unknown.send(&frame).await.unwrap();
        expect_refusal(&mut unknown, "not-in-consensus").await;
    }
    let status = world.status().await;
    assert_eq!(status.report.ledger.dropped.get("source-illegal"), Some(&1));
    assert_eq!(status.member.link_failures.get("not-in-consensus"), Some(&2));
    assert!(status.report.ledger.balanced());
    world.stop().await;
}

#[tokio::test]
async fn a_node_of_the_wrong_layer_is_refused_and_one_of_the_right_layer_is_not() {
    let world = World::entry().await;
    let mut wrong = world.node(LAYER_2).await;
    wrong.send(&Frame::Dummy).await.unwrap();
    expect_refusal(&mut wrong, "link-illegal").await;
    let mut right = world.node(LAYER_3).await;
    for _ in 0..10 {
        right.send(&Frame::Dummy).await.unwrap();
    }
    right.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    expect_refusal(&mut right, "unexpected-frame").await;
    world.stop().await;
}

#[tokio::test]
async fn anybody_can_fetch_the_consensus() {
    let world = World::entry().await;
    let authorities = world.config.network.authority_set().unwrap();
    for mut link in [world.client().await, world.node(LAYER_2).await, world.node(99).await] {
        let (_, consensus) = soon(request_consensus(&mut link, &authorities)).await.unwrap();
        assert!(consensus.node(&world.mix.node()).is_some());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_peer_of_another_frame_version_is_closed_and_the_others_go_on() {
    let mut world = World::entry().await;
    let mut good = world.client().await;
    good.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    assert!(matches!(next_frame(&mut good).await.unwrap(), Frame::SessionOpened { .. }));

    let mut old = Frame::ConsensusGet.encode();
    old[0] = 0;
    let mut peer = Offer::default().connect(&world.address()).await.unwrap();
    peer.send_record(old.as_slice()).await;
    peer.expect_refusal("frame-version").await;
    peer.expect_end().await;

    let mut peer = Offer::default().connect(&world.address()).await.unwrap();
    peer.send_record(&[old.as_slice(), &[0]].concat()).await;
    peer.expect_refusal("oversized").await;
    peer.expect_end().await;

    let mut peer = Offer::default().connect(&world.address()).await.unwrap();
    peer.send_record(&old[..100]).await;
    peer.expect_refusal("truncated").await;
    peer.expect_end().await;

    let entry = world.own_hop().await;
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let route = [entry, hop(LAYER_1)];
    let packet = build_forward(&route, &[Duration::ZERO; 2], [9; 32], b"", &mut rng).unwrap();
    good.send(&Frame::Packet(packet)).await.unwrap();
    let mut link = world.layer_1.next_link().await;
    assert!(matches!(next_frame(&mut link).await.unwrap(), Frame::Packet(_)));
    let status = world.status().await;
    for label in ["frame-version", "oversized", "truncated"] {
        assert_eq!(status.member.link_failures.get(label), Some(&1), "{label}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_idle_link_carries_dummies() {
    let mut world = World::entry().await;
    let mut link = world.layer_1.next_link().await;
    for _ in 0..20 {
        assert_eq!(soon(link.next()).await.unwrap(), Frame::Dummy);
    }
    world.stop().await;
}

/// What comes in one piece: packets between requests and what is not welcome.
fn mixed(packet: impl Fn() -> Frame) -> Vec<Frame> {
    vec![
        Frame::ConsensusGet,
        packet(),
        Frame::ConsensusGet,
        packet(),
        Frame::ConsensusGet,
        packet(),
        Frame::Accepted,
        packet(),
    ]
}

#[tokio::test]
async fn no_packet_is_lost_among_requests_that_are_refused_and_frames_that_are_not_welcome() {
    let world = World::entry().await;
    let route = [world.own_hop().await, hop(LAYER_1)];
    let rng = std::cell::RefCell::new(ChaCha20Rng::seed_from_u64(3));
    let packet = || {
        let packet = build_forward(&route, &[Duration::ZERO; 2], [9; 32], b"", &mut *rng.borrow_mut());
        Frame::Packet(packet.unwrap())
    };
    let mut client = world.client().await;
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    while !matches!(next_frame(&mut client).await.unwrap(), Frame::SessionOpened { .. }) {}
    let (_client_reader, mut client) = client.split();
    let (_node_reader, mut node) = world.node(LAYER_3).await.split();
    client.send_all(&mixed(packet)).await.map_err(|(_, error)| error).unwrap();
    node.send_all(&mixed(packet)).await.map_err(|(_, error)| error).unwrap();
    let status = world.wait_for("all eight", |status| status.report.ledger.received == 8).await;
    assert!(status.report.ledger.balanced());
    world.stop().await;
}
