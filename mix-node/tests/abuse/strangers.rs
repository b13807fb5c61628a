//! Peers with a key that the network does not know, and peers without one where no client belongs.

use std::sync::Arc;

use sotto_mix_node::shell::{MixRole, MixStatus};
use sotto_protocol::directory::Place as NodePlace;
use sotto_protocol::frame::Frame;
use sotto_transport::directory_client::request_consensus;
use sotto_transport::link::{Link, LinkConnector, LinkError, LinkTimes};

use crate::honest::Honest;
use crate::place::Place;
use crate::support::{World, expect_refusal, secret, soon};

fn failures(status: &MixStatus, label: &str) -> u64 {
    status.member.link_failures.get(label).copied().unwrap_or_default()
}

/// A link with the key of that number, which is in no consensus.
async fn unknown_node(world: &World, number: u8) -> Result<Link, LinkError> {
    let dialer = Arc::new(Place::at("127.0.0.2"));
    let connector = LinkConnector::for_node(dialer, &secret(number), LinkTimes::default()).unwrap();
    soon(connector.connect(&world.mix.node(), &world.address())).await
}

#[tokio::test]
async fn keys_that_are_not_in_the_consensus_get_no_packet_in_and_no_time() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    for number in 100..120 {
        let mut link = unknown_node(&world, number).await.unwrap();
        link.send(&Frame::Packet(honest.packet())).await.unwrap();
        expect_refusal(&mut link, "not-in-consensus").await;
    }
    // Those that only stay are sent away as well.
    let mut silent = Vec::new();
    for number in 120..130 {
        silent.push(unknown_node(&world, number).await.unwrap());
    }
    let status = world.wait_for("the silent ones go", |status| failures(status, "silent") == 10).await;
    assert_eq!(failures(&status, "not-in-consensus"), 20);
    assert_eq!(status.report.ledger.dropped.get("source-illegal"), Some(&20));
    assert!(status.report.ledger.balanced());
    honest.is_served().await;
    world.stop().await;
}

#[tokio::test]
async fn a_mix_has_no_sessions_and_serves_the_consensus_to_anybody() {
    let world = World::started(MixRole::Mix, NodePlace::Mix { layer: 2 }, |config| config).await;
    world.wait_for("the consensus", |status| status.report.place.as_deref() == Some("mix-2")).await;
    let authorities = world.config.network.authority_set().unwrap();
    for link in [Place::at("127.0.0.2").link(&world).await, unknown_node(&world, 99).await] {
        let (_, consensus) = soon(request_consensus(&mut link.unwrap(), &authorities)).await.unwrap();
        assert!(consensus.node(&world.mix.node()).is_some());
    }
    let mut client = Place::at("127.0.0.2").link(&world).await.unwrap();
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    expect_refusal(&mut client, "not-an-entry").await;
    let _silent = Place::at("127.0.0.2").link(&world).await.unwrap();
    let status = world.wait_for("the silent one goes", |status| failures(status, "silent") == 1).await;
    assert_eq!(failures(&status, "not-an-entry"), 1);
    assert_eq!(status.report.sessions.connected, 0);
    world.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_the_consensus_again_and_again_is_cut_off() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let authorities = world.config.network.authority_set().unwrap();
    let stranger = Place::at("127.0.0.2").link(&world).await.unwrap();
    let node = unknown_node(&world, 99).await.unwrap();
    let client = Place::at("127.0.0.2").session(&world, 1).await;
    for (mut link, answers) in [(stranger, 2), (node, 2), (client, 1)] {
        for _ in 0..answers {
            soon(request_consensus(&mut link, &authorities)).await.unwrap();
        }
        assert!(soon(request_consensus(&mut link, &authorities)).await.is_err());
    }
    let counted = |status: &MixStatus| failures(status, "answers-exhausted") == 3;
    world.wait_for("they are counted", counted).await;
    honest.is_served().await;
    world.stop().await;
}
