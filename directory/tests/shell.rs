//! The authority on real sockets: nodes publish, anybody fetches, a restart forgets nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_directory::core::{Admission, Bootstrap};
use sotto_directory::shell::{
    DirectoryConfig, DirectoryStatus, RunningDirectory, ShellError, start, start_with_onion_stand_in,
};
use sotto_protocol::directory::{
    AuthorityEntry, AuthoritySet, Consensus, Descriptor, EpochKey, NetworkInfo, Params, Role, epoch_of,
};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::limits::EPOCH_KEYS_MAX;
use sotto_protocol::sphinx::HopSecret;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::directory_client::{DirectoryError, fetch_consensus, publish_descriptor};
use sotto_transport::link::{LinkConnector, LinkError, LinkTimes};
use sotto_transport::node::control;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::membership::{Adopted, Membership, MembershipConfig, MembershipReport};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const ROLES: [Role; 5] = [Role::Entry, Role::Mix, Role::Mix, Role::Mix, Role::Mailbox];
const WAIT_MAX: Duration = Duration::from_secs(60);

fn config(dir: &Path) -> DirectoryConfig {
    DirectoryConfig {
        dir: dir.join("authority"),
        listen: "127.0.0.1:0".to_owned(),
        // The tests dial where the system let it listen.
        announce: Some("127.0.0.1:1".to_owned()),
        network: "test".to_owned(),
        admit: Admission::All,
        log: LogFormat::Human,
        control: None,
        onion: false,
        onion_clients: Vec::new(),
        tor: TorConfig::default(),
        bootstrap: Bootstrap::LEAST,
        params: Params { epoch_s: 3600, ..Params::default() },
    }
}

struct Authority {
    config: DirectoryConfig,
    shutdown: Shutdown,
    running: RunningDirectory,
    /// Where it is dialled, if not where it listens.
    dialed: Option<String>,
}

impl Authority {
    async fn start(config: &DirectoryConfig) -> Self {
        let shutdown = Shutdown::new();
        let running = start(config, shutdown.clone()).await.unwrap();
        Self { config: config.clone(), shutdown, running, dialed: None }
    }

    async fn stop(self) {
        self.shutdown.trigger();
        self.running.ended().await.unwrap().unwrap();
    }

    fn address(&self) -> String {
        self.dialed.clone().unwrap_or_else(|| self.running.address().to_string())
    }

    fn info(&self) -> NetworkInfo {
        let authorities =
            vec![AuthorityEntry { key: self.running.node(), address: self.address(), onion_address: None }];
        let epoch_s = self.config.params.epoch_s;
        NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s }
    }

    async fn fetch(&self) -> Result<Consensus, DirectoryError> {
        self.fetch_for(&self.info().authority_set().unwrap()).await
    }

    async fn fetch_for(&self, authorities: &AuthoritySet) -> Result<Consensus, DirectoryError> {
        let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
        let fetched = fetch_consensus(&connector, &self.running.node(), &self.address(), authorities).await;
        fetched.map(|(_, consensus)| consensus)
    }

    async fn publish(&self, secret: &NodeSecret, role: Role) -> Result<(), DirectoryError> {
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), secret, LinkTimes::default()).unwrap();
        let now = Clock::system().now();
        let epoch = epoch_of(now, self.config.params.epoch_s);
        let key = |epoch| EpochKey { epoch, key: HopSecret::generate(&mut OsRng).public() };
        let descriptor = Descriptor {
            network: "test".to_owned(),
            node: secret.id(),
            role,
            address: "127.0.0.1:9000".to_owned(),
            onion_address: None,
            hop_keys: vec![key(epoch), key(epoch + 1)],
            published: now,
            software: "test".to_owned(),
            capabilities: Vec::new(),
        };
        let signed = descriptor.sign(secret).unwrap();
        publish_descriptor(&connector, &self.running.node(), &self.address(), &signed).await
    }

    async fn publish_all(&self) -> Vec<NodeSecret> {
        let secrets: Vec<NodeSecret> = ROLES.iter().map(|_| NodeSecret::generate(&mut OsRng)).collect();
        for (secret, role) in secrets.iter().zip(ROLES) {
            self.publish(secret, role).await.unwrap();
        }
        secrets
    }

    /// The signing follows the last descriptor in a moment of its own.
    async fn fetch_when_signed(&self) -> Consensus {
        let polling = async {
            loop {
                match self.fetch().await {
                    Ok(consensus) => return consensus,
                    Err(error) => assert_eq!(refused_label(&error), Some("no-consensus"), "{error}"),
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, polling).await.expect("a consensus in time")
    }

    async fn status(&self) -> DirectoryStatus {
        let status = control::status(&self.config.control_socket()).await.unwrap();
        serde_json::from_value(status).unwrap()
    }
}

fn refused_label(error: &DirectoryError) -> Option<&str> {
    match error {
        DirectoryError::Link(LinkError::Refused { label, .. }) => Some(label),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_publish_and_everybody_gets_the_consensus() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    config.set_up().unwrap();
    let authority = Authority::start(&config).await;
    assert_eq!(refused_label(&authority.fetch().await.unwrap_err()), Some("no-consensus"));
    let secrets = authority.publish_all().await;
    let consensus = authority.fetch_when_signed().await;
    let longer = NetworkInfo { epoch_s: 7200, ..authority.info() }.authority_set().unwrap();
    let error = authority.fetch_for(&longer).await.unwrap_err();
    assert_eq!(error.label(), "epoch-length", "{error}");
    let names: BTreeSet<_> = consensus.nodes.iter().map(|node| node.node).collect();
    assert_eq!(names, secrets.iter().map(NodeSecret::id).collect());

    let status = authority.status().await;
    assert_eq!(status.report.consensus_epoch, Some(consensus.epoch));
    assert_eq!((status.report.nodes, status.report.accepted), (5, 5));
    assert_eq!(status.role, "directory");
    assert!(status.network_link.starts_with("sotto:network:"));
    assert!(status.to_string().contains("5 nodes"), "{status}");
    authority.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_onion_service_nodes_publish_and_everybody_gets_the_consensus() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    config.set_up().unwrap();
    let onion = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let onion_address = onion.local_address().unwrap().to_string();
    let shutdown = Shutdown::new();
    let started = start_with_onion_stand_in(&config, Box::new(onion), shutdown.clone());
    let running = started.await.unwrap();
    let authority = Authority { config, shutdown, running, dialed: Some(onion_address) };
    authority.publish_all().await;
    let consensus = authority.fetch_when_signed().await;
    assert_eq!(consensus.nodes.len(), ROLES.len());
    authority.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_descriptor_comes_back_with_its_label() {
    let dir = tempfile::tempdir().unwrap();
    let listed = DirectoryConfig { admit: Admission::Listed(BTreeSet::new()), ..config(dir.path()) };
    listed.set_up().unwrap();
    let authority = Authority::start(&listed).await;
    let secret = NodeSecret::generate(&mut OsRng);
    let error = authority.publish(&secret, Role::Mix).await.unwrap_err();
    assert_eq!(refused_label(&error), Some("not-admitted"));
    assert!(error.to_string().contains("ask its operator"), "{error}");
    assert_eq!(authority.status().await.report.refused["not-admitted"], 1);
    authority.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_neither_the_consensus_nor_the_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    config.set_up().unwrap();
    let authority = Authority::start(&config).await;
    authority.publish_all().await;
    let signed = authority.fetch_when_signed().await;
    authority.stop().await;
    let authority = Authority::start(&config).await;
    assert_eq!(authority.fetch().await.unwrap(), signed, "served at once, and the same");
    assert_eq!(authority.status().await.report.descriptors, 5);
    authority.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_authorities_in_one_directory_and_a_foreign_consensus_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    config.set_up().unwrap();
    let authority = Authority::start(&config).await;
    let error = start(&config, Shutdown::new()).await.unwrap_err();
    assert_eq!(error.label(), "already-served");
    authority.stop().await;

    let consensus = config.dir.join("consensus");
    sotto_transport::private::replace(&consensus, b"something else").unwrap();
    let error = start(&config, Shutdown::new()).await.unwrap_err();
    assert!(matches!(error, ShellError::Authority(_)), "{error}");
    assert_eq!(error.label(), "consensus-foreign");
    assert!(error.to_string().contains("move it away"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_makes_no_sense_loses_its_link_and_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    config.set_up().unwrap();
    let authority = Authority::start(&config).await;
    let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
    let mut link = connector.connect(&authority.running.node(), &authority.address()).await.unwrap();
    link.send(&Frame::Accepted).await.unwrap();
    let Frame::Refused { label, .. } = link.next().await.unwrap() else { panic!("not refused") };
    assert_eq!(label, "unexpected-frame");
    assert!(link.next().await.is_err(), "closed");
    authority.publish_all().await;
    authority.fetch_when_signed().await;
    assert_eq!(authority.status().await.link_failures["unexpected-frame"], 1);
    authority.stop().await;
}

/// The nodes' side with a real authority: publish, follow the consensus into the next epoch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_follow_the_network_from_epoch_to_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.params.epoch_s = 10;
    config.params.grace_s = 10;
    config.set_up().unwrap();
    let authority = Authority::start(&config).await;
    let (clock, shutdown) = (Clock::system(), Shutdown::new());
    let mut members = Vec::new();
    for (index, role) in ROLES.into_iter().enumerate() {
        let secret = Arc::new(NodeSecret::generate(&mut OsRng));
        let node_dir = dir.path().join(format!("node-{index}"));
        let keys = EpochKeys::open(&node_dir.join("hop-keys")).unwrap();
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, LinkTimes::default()).unwrap();
        let member_config = MembershipConfig {
            network: authority.info(),
            role,
            address: "127.0.0.1:9000".to_owned(),
            onion_address: None,
            software: "test".to_owned(),
            consensus_file: node_dir.join("consensus"),
        };
        let Membership { consensus, mut keys, report, .. } =
            Membership::start(member_config, secret, keys, connector, clock.clone(), shutdown.clone())
                .unwrap();
        let epochs = tokio::spawn(async move {
            let mut epochs = Vec::new();
            while let Some((epoch, _)) = keys.recv().await {
                epochs.push(epoch);
            }
            epochs
        });
        members.push(Member { consensus, report, epochs });
    }
    let follow = async {
        let first = next_epoch(&mut members[0], 0).await;
        for member in &mut members {
            let epoch = next_epoch(member, first).await;
            assert!(epoch > first, "a later epoch after {first}");
        }
        let third = next_epoch(&mut members[1], first + 1).await;
        assert!(third > first + 1);
    };
    tokio::time::timeout(WAIT_MAX, follow).await.expect("epochs go by");
    shutdown.trigger();
    for member in members {
        let report = member.report.borrow().clone();
        assert!(report.published.is_some() && report.publish_failure.is_none(), "{report:?}");
        let epochs = member.epochs.await.unwrap();
        assert!(epochs.is_sorted_by(|a, b| a < b), "each key is handed over once: {epochs:?}");
        assert!(epochs.len() > EPOCH_KEYS_MAX, "keys for the epochs ahead: {epochs:?}");
    }
    authority.stop().await;
}

struct Member {
    consensus: watch::Receiver<Option<Arc<Adopted>>>,
    report: watch::Receiver<MembershipReport>,
    epochs: JoinHandle<Vec<u64>>,
}

/// Waits for a consensus of an epoch after `epoch`, and returns its epoch.
async fn next_epoch(member: &mut Member, epoch: u64) -> u64 {
    let later = member
        .consensus
        .wait_for(|held| held.as_ref().is_some_and(|held| held.consensus.epoch > epoch))
        .await;
    later.unwrap().as_ref().unwrap().consensus.epoch
}
