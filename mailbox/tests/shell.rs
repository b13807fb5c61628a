//! A whole mailbox on real sockets, among mixes that the test plays itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_directory::core::{Admission, Bootstrap};
use sotto_directory::shell::{DirectoryConfig, RunningDirectory};
use sotto_mailbox::shell::{MailboxConfig, MailboxStatus, RunningMailbox, start};
use sotto_protocol::boxes::{BoxId, SealedBox, WriteCap};
use sotto_protocol::directory::{AuthorityEntry, Consensus, NetworkInfo, Params, Place, Role, epoch_of};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::sphinx::{HopSecret, Packet, Surb, SurbKeys, Unwrapped, build_forward, build_surb};
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::directory_client::fetch_consensus;
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkTimes, Peer};
use sotto_transport::listen::{LinkFailures, serve_links};
use sotto_transport::node::control;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::membership::{Membership, MembershipConfig};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorConfig;
use tokio::sync::mpsc;

const WAIT_MAX: Duration = Duration::from_secs(30);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, work).await.expect("in time")
}

/// An entry or a mix that takes part and hands what it is sent to the test.
struct Fake {
    secret: Arc<NodeSecret>,
    keys: BTreeMap<u64, HopSecret>,
    received: mpsc::UnboundedReceiver<(Peer, Packet)>,
    connector: LinkConnector,
    membership: Membership,
}

impl Fake {
    async fn start(dir: &Path, network: &NetworkInfo, role: Role, shutdown: &Shutdown) -> Self {
        let secret = Arc::new(NodeSecret::generate(&mut OsRng));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_address().unwrap().to_string();
        let acceptor = LinkAcceptor::new(&secret, LinkTimes::default()).unwrap();
        let (packets, received) = mpsc::unbounded_channel();
        let on_link = move |mut link: Link| {
            let packets = packets.clone();
            async move {
                loop {
                    if let Frame::Packet(packet) = link.next().await? {
                        let _taken = packets.send((link.peer(), packet));
                    }
                }
            }
        };
        let failures = Arc::new(LinkFailures::default());
        tokio::spawn(serve_links(listener, acceptor, failures, shutdown.clone(), on_link));
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, LinkTimes::default()).unwrap();
        let dir = dir.join(secret.id().to_string());
        let config = MembershipConfig {
            network: network.clone(),
            role,
            address,
            onion_address: None,
            software: "test".to_owned(),
            consensus_file: dir.join("consensus"),
        };
        let keys = EpochKeys::open(&dir.join("hop-keys")).unwrap();
        let membership = Membership::start(
            config,
            Arc::clone(&secret),
            keys,
            connector.clone(),
            Clock::system(),
            shutdown.clone(),
        )
        .unwrap();
        Self { secret, keys: BTreeMap::new(), received, connector, membership }
    }

    fn id(&self) -> NodeId {
        self.secret.id()
    }

    async fn consensus(&mut self) -> Consensus {
        let held = in_time(self.membership.consensus.wait_for(Option::is_some)).await.unwrap();
        let consensus = held.as_ref().unwrap().consensus.clone();
        drop(held);
        while let Ok((epoch, key)) = self.membership.keys.try_recv() {
            self.keys.insert(epoch, key);
        }
        consensus
    }
}

/// An authority, one entry, three mixes, and the mailbox under test.
struct Network {
    dir: tempfile::TempDir,
    shutdown: Shutdown,
    authority: RunningDirectory,
    info: NetworkInfo,
    mixes: Vec<Fake>,
    config: MailboxConfig,
    mailbox: Option<(RunningMailbox, Shutdown)>,
    consensus: Consensus,
}

impl Network {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shutdown = Shutdown::new();
        let authority_config = DirectoryConfig {
            dir: dir.path().join("authority"),
            listen: "127.0.0.1:0".to_owned(),
            announce: Some("127.0.0.1:1".to_owned()),
            network: "test".to_owned(),
            admit: Admission::All,
            log: LogFormat::Human,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
            bootstrap: Bootstrap::LEAST,
            params: Params { link_dummy_interval_ms_mean: 50, ..Params::default() },
        };
        authority_config.set_up().unwrap();
        let authority = sotto_directory::shell::start(&authority_config, shutdown.clone()).await.unwrap();
        let address = authority.address().to_string();
        let info = NetworkInfo {
            network: "test".to_owned(),
            authorities: vec![AuthorityEntry { key: authority.node(), address, onion_address: None }],
            threshold: 1,
            epoch_s: 3600,
        };
        let config = MailboxConfig {
            dir: dir.path().join("mailbox"),
            listen: "127.0.0.1:0".to_owned(),
            announce: None,
            network: info.clone(),
            quota_boxes: 100,
            log: LogFormat::Human,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
        };
        config.set_up().unwrap();
        let stop_mailbox = Shutdown::new();
        let mailbox = start(&config, stop_mailbox.clone()).await.unwrap();
        let mut entry = Fake::start(dir.path(), &info, Role::Entry, &shutdown).await;
        let mut mixes = Vec::new();
        for _ in 0..3 {
            mixes.push(Fake::start(dir.path(), &info, Role::Mix, &shutdown).await);
        }
        let consensus = entry.consensus().await;
        for mix in &mut mixes {
            assert_eq!(mix.consensus().await, consensus);
        }
        let mailbox = Some((mailbox, stop_mailbox));
        let network = Self { dir, shutdown, authority, info, mixes, config, mailbox, consensus };
        network.until_linked().await;
        network
    }

    fn mix(&mut self, layer: u8) -> &mut Fake {
        let id = self.consensus.layer(layer).next().unwrap().node;
        self.mixes.iter_mut().find(|mix| mix.id() == id).unwrap()
    }

    fn mailbox_id(&self) -> NodeId {
        self.mailbox.as_ref().unwrap().0.node()
    }

    fn mailbox_address(&self) -> String {
        self.mailbox.as_ref().unwrap().0.address().to_string()
    }

    async fn status(&self) -> MailboxStatus {
        let status = control::status(&self.config.control_socket()).await.unwrap();
        serde_json::from_value(status).unwrap()
    }

    /// Waits until the mailbox has the consensus and its link to the first layer.
    async fn until_linked(&self) {
        in_time(async {
            loop {
                let status = self.status().await;
                let links = status.member.peers.as_array().unwrap();
                if status.report.consensus_epoch.is_some() && links.iter().any(|link| link["up"] == true) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn epoch(&self) -> u64 {
        epoch_of(Clock::system().now(), self.consensus.params.epoch_s)
    }

    fn surb(&self) -> (Surb, SurbKeys) {
        let first = self.consensus.layer(1).next().unwrap().hop(self.epoch()).unwrap();
        build_surb(&[first], &[Duration::ZERO], &SessionAddress::generate(&mut OsRng), &mut OsRng).unwrap()
    }

    fn packet(&self, command: &Command) -> Packet {
        let mailbox = self.mailbox_id();
        let hop = self.consensus.hop(&mailbox, self.epoch()).unwrap();
        build_forward(&[hop], &[Duration::ZERO], *mailbox.as_bytes(), &command.to_text(), &mut OsRng).unwrap()
    }

    async fn link_from(&mut self, layer: u8) -> Link {
        let (mailbox, address) = (self.mailbox_id(), self.mailbox_address());
        self.mix(layer).connector.connect(&mailbox, &address).await.unwrap()
    }

    /// Sends a command from the last layer and opens the answer in the first.
    async fn ask(&mut self, link: &mut Link, command: &Command, keys: &SurbKeys) -> Reply {
        link.send(&Frame::Packet(self.packet(command))).await.unwrap();
        let mailbox = self.mailbox_id();
        let first = self.mix(1);
        let (peer, packet) = in_time(first.received.recv()).await.unwrap();
        assert_eq!(peer, Peer::Node(mailbox), "the answer comes over the mailbox's own link");
        let mut packet = Some(packet);
        for key in first.keys.values() {
            match key.verify(packet.take().unwrap()) {
                Ok(verified) => {
                    let Unwrapped::Final { payload, .. } = verified.unwrap(Duration::ZERO).unwrap() else {
                        panic!("a block of one hop ends there");
                    };
                    return Reply::parse(&keys.open(payload.as_bytes()).unwrap()).unwrap();
                }
                Err((returned, _)) => packet = Some(returned),
            }
        }
        panic!("no key of the first mix opens the answer");
    }

    async fn stop_mailbox(&mut self) {
        let (mailbox, shutdown) = self.mailbox.take().unwrap();
        shutdown.trigger();
        let report = in_time(mailbox.ended()).await.unwrap();
        assert!(report.ledger.balanced());
        assert_eq!(report.ledger.held, 0);
    }

    async fn stop(mut self) {
        if self.mailbox.is_some() {
            self.stop_mailbox().await;
        }
        self.shutdown.trigger();
        self.authority.ended().await.unwrap().unwrap();
        drop(self.dir);
    }
}

fn sealed() -> SealedBox {
    WriteCap::generate(&mut OsRng).seal_next(b"hello", &mut OsRng).unwrap()
}

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

    network.stop_mailbox().await;
    let shutdown = Shutdown::new();
    network.mailbox = Some((start(&network.config, shutdown.clone()).await.unwrap(), shutdown));
    network.until_linked().await;
    let mut link = network.link_from(3).await;
    let (surb, keys) = network.surb();
    let read = Command::Read { surb, id: *sealed.id() };
    assert_eq!(network.ask(&mut link, &read, &keys).await, Reply::Found(sealed));
    network.stop().await;
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_runs_already_or_whose_store_is_foreign_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let authority = NodeSecret::generate(&mut OsRng).id();
    let authorities =
        vec![AuthorityEntry { key: authority, address: "127.0.0.1:1".to_owned(), onion_address: None }];
    let config = MailboxConfig {
        dir: dir.path().join("mailbox"),
        listen: "127.0.0.1:0".to_owned(),
        announce: None,
        network: NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 },
        quota_boxes: 100,
        log: LogFormat::Human,
        control: None,
        onion: false,
        onion_clients: Vec::new(),
        tor: TorConfig::default(),
    };
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

/// The places of a network of one mix in each layer.
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
