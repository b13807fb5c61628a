//! Starting, restarting and refusing to start.

use sotto_mailbox::shell::{MailboxConfig, start};
use sotto_protocol::directory::{AuthorityEntry, NetworkInfo, Place};
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;

use crate::network::{Network, in_time, mailbox_config, sealed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_is_written_and_read_and_survives_a_restart() {
    let mut network = Network::start().await;
    let mut link = network.link_from(3).await;
    let sealed = sealed();
    let (surb, keys) = network.surb();
    let write = Command::Write { surb, ttl: TtlClass::Day, sealed: sealed.clone() };
    assert_eq!(network.ask(&mut link, &write, &keys).await, Reply::Stored);
    let (surb, keys) = network.surb();
    let read = Command::Read { surb, id: *sealed.id() };
    assert_eq!(network.ask(&mut link, &read, &keys).await, Reply::Found(sealed.clone()));

    let status = network.status().await;
    assert_eq!(status.role, "mailbox");
    assert!(status.report.ledger.balanced());
    assert_eq!(status.report.ledger.delivered["write"], 1);
    assert_eq!(status.report.ledger.originated["reply"], 2);
    let store = status.store.unwrap();
    assert_eq!((store.boxes, store.tombstones, store.quota_boxes), (1, 0, 100));
    assert!(status.member.rss_kib.unwrap() > 0);
    assert!(status.to_string().contains("1 boxes and 0 tombstones"), "{status}");

    network.restart_mailbox().await;
    let mut link = network.link_from(3).await;
    let (surb, keys) = network.surb();
    let read = Command::Read { surb, id: *sealed.id() };
    assert_eq!(network.ask(&mut link, &read, &keys).await, Reply::Found(sealed));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_runs_already_or_whose_store_is_foreign_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let authority = NodeSecret::generate(&mut OsRng).id();
    let authorities =
        vec![AuthorityEntry { key: authority, address: "127.0.0.1:1".to_owned(), onion_address: None }];
    let network = NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 };
    let config = mailbox_config(dir.path(), network);
    let error = start(&config, Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains("sotto-mailbox init"), "{error}");
    config.set_up().unwrap();
    let shutdown = Shutdown::new();
    let running = start(&config, shutdown.clone()).await.unwrap();
    assert_eq!(start(&config, Shutdown::new()).await.unwrap_err().label(), "already-served");
    shutdown.trigger();
    in_time(running.ended()).await.unwrap();
    std::fs::write(config.store_file(), b"not a store, but some text of somebody's".repeat(200)).unwrap();
    assert_eq!(start(&config, Shutdown::new()).await.unwrap_err().label(), "store-foreign");
    let everywhere = MailboxConfig { listen: "0.0.0.0:0".to_owned(), ..config };
    std::fs::remove_file(everywhere.store_file()).unwrap();
    assert_eq!(start(&everywhere, Shutdown::new()).await.unwrap_err().label(), "no-announce");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mailbox_links_to_the_first_layer_only() {
    let network = Network::start().await;
    let status = network.status().await;
    let linked: Vec<String> = status
        .member
        .peers
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer["node"].as_str().unwrap().to_owned())
        .collect();
    let first: Vec<String> =
        network.consensus.at(Place::Mix { layer: 1 }).map(|node| node.node.to_string()).collect();
    assert_eq!(linked, first);
    network.stop().await;
}
