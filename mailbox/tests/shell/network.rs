//! A network around the mailbox under test: a real authority, and nodes that the test plays.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_directory::core::{Admission, Bootstrap};
use sotto_directory::shell::{DirectoryConfig, RunningDirectory};
use sotto_mailbox::shell::{MailboxConfig, MailboxStatus, RunningMailbox, start_with_onion_stand_in};
use sotto_protocol::boxes::{SealedBox, WriteCap};
use sotto_protocol::directory::{AuthorityEntry, Consensus, NetworkInfo, Params, Role, epoch_of};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::mailbox::{Command, Reply};
use sotto_protocol::sphinx::{HopSecret, Packet, Surb, SurbKeys, Unwrapped, build_forward, build_surb};
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkTimes, Peer};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, serve_links};
use sotto_transport::node::control;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::membership::{Membership, MembershipConfig};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorConfig;
use tokio::sync::mpsc;

const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, work).await.expect("in time")
}

/// An entry or a mix that takes part and hands what it is sent to the test.
pub(crate) struct Fake {
    pub(crate) secret: Arc<NodeSecret>,
    pub(crate) keys: BTreeMap<u64, HopSecret>,
    pub(crate) received: mpsc::UnboundedReceiver<(Peer, Packet)>,
    pub(crate) connector: LinkConnector,
    pub(crate) membership: Membership,
}

impl Fake {
    pub(crate) async fn start(dir: &Path, network: &NetworkInfo, role: Role, shutdown: &Shutdown) -> Self {
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
        let policy = ListenPolicy::fixed(ListenLimits::default());
        tokio::spawn(serve_links(listener, acceptor, failures, policy, shutdown.clone(), on_link));
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

    pub(crate) fn id(&self) -> NodeId {
        self.secret.id()
    }

    pub(crate) async fn consensus(&mut self) -> Consensus {
        let held = in_time(self.membership.consensus.wait_for(Option::is_some)).await.unwrap();
        let consensus = held.as_ref().unwrap().consensus.clone();
        drop(held);
        while let Ok((epoch, key)) = self.membership.keys.try_recv() {
            self.keys.insert(epoch, key);
        }
        consensus
    }
}

/// What a mailbox below `dir` is set up with.
pub(crate) fn mailbox_config(dir: &Path, network: NetworkInfo) -> MailboxConfig {
    MailboxConfig {
        dir: dir.join("mailbox"),
        listen: "127.0.0.1:0".to_owned(),
        announce: None,
        network,
        quota_boxes: 100,
        log: LogFormat::Human,
        control: None,
        onion: false,
        onion_clients: Vec::new(),
        tor: TorConfig::default(),
    }
}

/// Starts a mailbox; says where its stand-in for an onion service listens.
async fn start_mailbox(config: &MailboxConfig) -> ((RunningMailbox, Shutdown), String) {
    let onion = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let onion_address = onion.local_address().unwrap().to_string();
    let shutdown = Shutdown::new();
    let mailbox = start_with_onion_stand_in(config, Box::new(onion), shutdown.clone()).await.unwrap();
    ((mailbox, shutdown), onion_address)
}

/// An authority, one entry, three mixes, and the mailbox under test.
pub(crate) struct Network {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) shutdown: Shutdown,
    pub(crate) authority: RunningDirectory,
    pub(crate) info: NetworkInfo,
    pub(crate) mixes: Vec<Fake>,
    pub(crate) config: MailboxConfig,
    pub(crate) mailbox: Option<(RunningMailbox, Shutdown)>,
    /// Where TCP stands in for its onion service.
    pub(crate) onion_address: String,
    pub(crate) consensus: Consensus,
}

impl Network {
    pub(crate) async fn start() -> Self {
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
        let config = mailbox_config(dir.path(), info.clone());
        config.set_up().unwrap();
        let (mailbox, onion_address) = start_mailbox(&config).await;
        let mut entry = Fake::start(dir.path(), &info, Role::Entry, &shutdown).await;
        let mut mixes = Vec::new();
        for _ in 0..3 {
            mixes.push(Fake::start(dir.path(), &info, Role::Mix, &shutdown).await);
        }
        let consensus = entry.consensus().await;
        for mix in &mut mixes {
            assert_eq!(mix.consensus().await, consensus);
        }
        let mailbox = Some(mailbox);
        let network =
            Self { dir, shutdown, authority, info, mixes, config, mailbox, onion_address, consensus };
        network.until_linked().await;
        network
    }

    pub(crate) fn mix(&mut self, layer: u8) -> &mut Fake {
        let id = self.consensus.layer(layer).next().unwrap().node;
        self.mixes.iter_mut().find(|mix| mix.id() == id).unwrap()
    }

    pub(crate) fn mailbox_id(&self) -> NodeId {
        self.mailbox.as_ref().unwrap().0.node()
    }

    pub(crate) fn mailbox_address(&self) -> String {
        self.mailbox.as_ref().unwrap().0.address().to_string()
    }

    pub(crate) async fn status(&self) -> MailboxStatus {
        let status = control::status(&self.config.control_socket()).await.unwrap();
        serde_json::from_value(status).unwrap()
    }

    /// Waits until the mailbox has the consensus and its link to the first layer.
    pub(crate) async fn until_linked(&self) {
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

    pub(crate) fn epoch(&self) -> u64 {
        epoch_of(Clock::system().now(), self.consensus.params.epoch_s)
    }

    pub(crate) fn surb(&self) -> (Surb, SurbKeys) {
        let first = self.consensus.layer(1).next().unwrap().hop(self.epoch()).unwrap();
        build_surb(&[first], &[Duration::ZERO], &SessionAddress::generate(&mut OsRng), &mut OsRng).unwrap()
    }

    pub(crate) fn packet(&self, command: &Command) -> Packet {
        let mailbox = self.mailbox_id();
        let hop = self.consensus.hop(&mailbox, self.epoch()).unwrap();
        build_forward(&[hop], &[Duration::ZERO], *mailbox.as_bytes(), &command.to_text(), &mut OsRng).unwrap()
    }

    pub(crate) async fn link_from(&mut self, layer: u8) -> Link {
        let (mailbox, address) = (self.mailbox_id(), self.mailbox_address());
        self.mix(layer).connector.connect(&mailbox, &address).await.unwrap()
    }

    /// Sends a command from the last layer and opens the answer in the first.
    pub(crate) async fn ask(&mut self, link: &mut Link, command: &Command, keys: &SurbKeys) -> Reply {
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

    pub(crate) async fn stop_mailbox(&mut self) {
        let (mailbox, shutdown) = self.mailbox.take().unwrap();
        shutdown.trigger();
        let report = in_time(mailbox.ended()).await.unwrap();
        assert!(report.ledger.balanced());
        assert_eq!(report.ledger.held, 0);
    }

    /// Starts the mailbox again, and waits until it is back.
    pub(crate) async fn restart_mailbox(&mut self) {
        self.stop_mailbox().await;
        let (mailbox, onion_address) = start_mailbox(&self.config).await;
        self.mailbox = Some(mailbox);
        self.onion_address = onion_address;
        self.until_linked().await;
    }

    /// Waits until the mailbox's status is as it should be.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut condition: impl FnMut(&MailboxStatus) -> bool,
    ) -> MailboxStatus {
        let waiting = async {
            loop {
                let status = self.status().await;
                if condition(&status) {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_MAX, waiting).await.unwrap_or_else(|_| panic!("never came true: {what}"))
    }

    /// Links to the mailbox's onion service as somebody without a key.
    pub(crate) async fn direct_link(&self) -> Link {
        let anonymous = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
        anonymous.connect(&self.mailbox_id(), &self.onion_address).await.unwrap()
    }

    /// A reply block that begins and ends at the mailbox.
    pub(crate) fn direct_surb(&self) -> (Surb, SurbKeys) {
        let hop = self.consensus.hop(&self.mailbox_id(), self.epoch()).unwrap();
        build_surb(&[hop], &[Duration::ZERO], &SessionAddress::generate(&mut OsRng), &mut OsRng).unwrap()
    }

    pub(crate) async fn stop(mut self) {
        if self.mailbox.is_some() {
            self.stop_mailbox().await;
        }
        self.shutdown.trigger();
        self.authority.ended().await.unwrap().unwrap();
        drop(self.dir);
    }
}

pub(crate) fn sealed() -> SealedBox {
    WriteCap::generate(&mut OsRng).seal_next(b"hello", &mut OsRng).unwrap()
}
