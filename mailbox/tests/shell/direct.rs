//! Packets of one hop by the mailbox's onion service, for which TCP stands in.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::boxes::BoxId;
use sotto_protocol::frame::Frame;
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::sphinx::{Packet, SurbKeys};
use sotto_transport::dial::TcpDialer;
use sotto_transport::directory_client::fetch_consensus;
use sotto_transport::link::{Link, LinkConnector, LinkTimes};
use sotto_transport::rng::OsRng;

use crate::network::{Network, in_time, sealed};

async fn ask(link: &mut Link, packet: Packet, keys: &SurbKeys) -> Reply {
    link.send(&Frame::Packet(packet)).await.unwrap();
    answer(link, keys).await
}

async fn answer(link: &mut Link, keys: &SurbKeys) -> Reply {
    let Frame::Delivery { surb_id, payload } = in_time(link.next()).await.unwrap() else {
        panic!("no answer")
    };
    assert_eq!(surb_id, keys.surb_id());
    Reply::parse(&keys.open(&payload).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_is_written_and_read_over_direct_links_and_through_the_mixnet() {
    let mut network = Network::start().await;
    let (mut writer, mut reader) = (network.direct_link().await, network.direct_link().await);
    let sealed = sealed();
    let (surb, keys) = network.direct_surb();
    let write = network.packet(&Command::Write { surb, ttl: TtlClass::Day, sealed: sealed.clone() });
    assert_eq!(ask(&mut writer, write, &keys).await, Reply::Stored);
    let (surb, keys) = network.direct_surb();
    let read = network.packet(&Command::Read { surb, id: *sealed.id() });
    assert_eq!(ask(&mut reader, read, &keys).await, Reply::Found(sealed.clone()));
    let mut link = network.link_from(3).await;
    let (surb, keys) = network.surb();
    let read = Command::Read { surb, id: *sealed.id() };
    assert_eq!(network.ask(&mut link, &read, &keys).await, Reply::Found(sealed));

    let status = network.status().await;
    assert_eq!(status.direct_links, 2);
    let ledger = &status.report.ledger;
    assert!(ledger.balanced(), "{ledger:?}");
    assert_eq!((ledger.links.received_from_clients, ledger.links.sent_to_clients), (2, 2));
    assert_eq!((ledger.links.received_from_nodes, ledger.links.sent_to_nodes), (1, 1));
    assert_eq!(ledger.originated["reply"], 3);
    drop((writer, reader));
    network.until("the links' end", |status| status.direct_links == 0).await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_come_by_a_direct_link_is_dropped_and_the_link_goes_on() {
    let mut network = Network::start().await;
    let mut link = network.direct_link().await;
    let (surb, _) = network.surb();
    let through_the_mixnet = network.packet(&Command::Read { surb, id: BoxId::decoy(&mut OsRng) });
    link.send(&Frame::Packet(through_the_mixnet)).await.unwrap();
    let (surb, keys) = network.direct_surb();
    let read = network.packet(&Command::Read { surb, id: BoxId::decoy(&mut OsRng) });
    assert_eq!(ask(&mut link, read.clone(), &keys).await, Reply::NotFound);
    for _ in 0..20 {
        link.send(&Frame::Packet(read.clone())).await.unwrap();
    }
    let mut mix = network.link_from(3).await;
    let (surb, _) = network.direct_surb();
    let at_the_mailbox = network.packet(&Command::Read { surb, id: BoxId::decoy(&mut OsRng) });
    mix.send(&Frame::Packet(at_the_mailbox)).await.unwrap();

    let dropped = |label: &str, count: u64| {
        let label = label.to_owned();
        move |status: &sotto_mailbox::shell::MailboxStatus| {
            status.report.ledger.dropped.get(&label) == Some(&count)
        }
    };
    network.until("the replays", dropped("replayed", 20)).await;
    network.until("both kinds of blocks", dropped("surb-first-hop", 2)).await;
    let (surb, keys) = network.direct_surb();
    let read = network.packet(&Command::Read { surb, id: BoxId::decoy(&mut OsRng) });
    assert_eq!(ask(&mut link, read, &keys).await, Reply::NotFound, "drops take no place for good");
    let ledger = network.status().await.report.ledger;
    assert!(ledger.balanced(), "{ledger:?}");
    assert_eq!(ledger.received, 24);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consensus_is_served_by_the_onion_service_as_well() {
    let network = Network::start().await;
    let anonymous = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
    let authorities = network.info.authority_set().unwrap();
    let mailbox = network.mailbox_id();
    let fetched = fetch_consensus(&anonymous, &mailbox, &network.onion_address, &authorities);
    let (_, consensus) = in_time(fetched).await.unwrap();
    assert_eq!(consensus, network.consensus);
    assert_eq!(network.status().await.direct_links, 0, "who sends no packet has no direct link");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_told_to_end_answers_what_it_has_taken() {
    let mut network = Network::start().await;
    let mut link = network.direct_link().await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        let (surb, key) = network.direct_surb();
        keys.push(key);
        let write = Command::Write { surb, ttl: TtlClass::Day, sealed: sealed() };
        link.send(&Frame::Packet(network.packet(&write))).await.unwrap();
    }
    network.until("the packets", |status| status.report.ledger.received == 4).await;
    network.stop_mailbox().await;
    for key in &keys {
        assert_eq!(answer(&mut link, key).await, Reply::Stored);
    }
    let end = tokio::time::timeout(Duration::from_secs(20), link.next()).await.unwrap();
    assert_eq!(end.unwrap_err().label(), "closed");
    network.stop().await;
}
