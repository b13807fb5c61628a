//! Packets by the mailbox's port: from whom they are taken, and that all are answered.

use std::sync::Arc;

use sotto_protocol::boxes::BoxId;
use sotto_protocol::frame::Frame;
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_transport::dial::TcpDialer;
use sotto_transport::directory_client::fetch_consensus;
use sotto_transport::link::{LinkConnector, LinkTimes};
use sotto_transport::rng::OsRng;

use crate::network::{Network, in_time, sealed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_from_elsewhere_are_counted_and_strangers_get_the_consensus_only() {
    let mut network = Network::start().await;
    let mut wrong_layer = network.link_from(2).await;
    wrong_layer.send(&Frame::Packet(network.packet(&Command::Drop))).await.unwrap();
    in_time(async {
        while !network.status().await.report.ledger.dropped.contains_key("source-illegal") {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let anonymous = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
    let (node, address) = (network.mailbox_id(), network.mailbox_address());
    let authorities = network.info.authority_set().unwrap();
    let (_, consensus) = fetch_consensus(&anonymous, &node, &address, &authorities).await.unwrap();
    assert_eq!(consensus, network.consensus);
    let mut link = anonymous.connect(&node, &address).await.unwrap();
    link.send(&Frame::Packet(network.packet(&Command::Drop))).await.unwrap();
    let Frame::Refused { label, .. } = in_time(link.next()).await.unwrap() else { panic!("not refused") };
    assert_eq!(label, "unexpected-frame");
    assert!(in_time(link.next()).await.is_err());

    // Nobody else noticed.
    let mut link = network.link_from(3).await;
    let (surb, keys) = network.surb();
    let read = Command::Read { surb, id: BoxId::decoy(&mut OsRng) };
    assert_eq!(network.ask(&mut link, &read, &keys).await, Reply::NotFound);
    let status = network.status().await;
    assert_eq!(status.report.ledger.received, 2, "what the stranger sent was no packet of the network");
    assert_eq!(status.member.link_failures["unexpected-frame"], 1);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_at_once_share_batches_and_are_all_answered() {
    const COMMANDS: u64 = 300;
    let mut network = Network::start().await;
    let mut link = network.link_from(3).await;
    for _ in 0..COMMANDS {
        let (surb, _) = network.surb();
        let write = Command::Write { surb, ttl: TtlClass::Day, sealed: sealed() };
        let packet = network.packet(&write);
        link.send(&Frame::Packet(packet)).await.unwrap();
    }
    for _ in 0..COMMANDS {
        in_time(network.mix(1).received.recv()).await.unwrap();
    }
    let report = network.status().await.report;
    assert_eq!(report.answers["stored"], 100);
    assert_eq!(report.answers["quota-full"], 200);
    assert!(report.batches <= COMMANDS);
    assert!(report.ledger.balanced());
    network.stop().await;
}
