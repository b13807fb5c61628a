//! The node under test and its surroundings: an authority that lists it, and neighbours with known keys.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sotto_mix_node::core::MixReport;
use sotto_mix_node::shell::{
    Limits, MixRole, MixStatus, NodeConfig, RunningMix, start, start_with_onion_stand_in,
};
use sotto_protocol::directory::{
    AuthorityEntry, Consensus, ConsensusNode, CoverClass, Descriptor, EpochKey, NetworkInfo, Params, Place,
    SignedDescriptor, epoch_of, epoch_start,
};
use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame, split_document};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::sphinx::{Hop, HopSecret};
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkError, LinkTimes};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, serve_links};
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{control, layout};
use sotto_transport::tor::TorConfig;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Far more than anything here takes; reached only when a condition never comes true.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough that no test sees its end.
const EPOCH_S: u32 = 7 * 24 * 3600;

pub const AUTHORITY: u8 = 1;
pub const ENTRY: u8 = 2;
pub const LAYER_1: u8 = 11;
pub const LAYER_2: u8 = 12;
pub const LAYER_3: u8 = 13;
pub const MAILBOX: u8 = 14;

/// The identity of everybody but the node under test.
pub fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

pub fn id(number: u8) -> NodeId {
    secret(number).id()
}

/// The Sphinx key of everybody but the node under test, in every epoch.
pub fn hop_secret(number: u8) -> HopSecret {
    HopSecret::from_bytes(Zeroizing::new([number; 32]))
}

pub fn hop(number: u8) -> Hop {
    Hop { node: id(number), key: hop_secret(number).public() }
}

/// Waits for a future that has to end.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("took for ever")
}

pub fn now_epoch() -> u64 {
    epoch_of(Clock::system().now(), EPOCH_S)
}

/// A listener that hands its links to the test.
pub struct Neighbour {
    pub address: String,
    links: mpsc::UnboundedReceiver<Link>,
    shutdown: Shutdown,
}

impl Neighbour {
    pub async fn start(number: u8) -> Self {
        let (links_in, links) = mpsc::unbounded_channel();
        let (address, shutdown) = serve(number, move |link| {
            let _taken = links_in.send(link);
            std::future::ready(Ok(()))
        })
        .await;
        Self { address, links, shutdown }
    }

    pub async fn next_link(&mut self) -> Link {
        soon(self.links.recv()).await.unwrap()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn serve<F, Fut>(number: u8, on_link: F) -> (String, Shutdown)
where
    F: Fn(Link) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), LinkError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_address().unwrap().to_string();
    let acceptor = LinkAcceptor::new(&secret(number), LinkTimes::default()).unwrap();
    let shutdown = Shutdown::new();
    let failures = Arc::new(LinkFailures::default());
    let policy = ListenPolicy::fixed(ListenLimits::default());
    tokio::spawn(serve_links(listener, acceptor, failures, policy, shutdown.clone(), on_link));
    (address, shutdown)
}

/// Lists the node that published last, among the made-up neighbours.
struct Authority {
    place: Place,
    layer_1_address: String,
    consensus: Mutex<Option<Vec<u8>>>,
}

impl Authority {
    async fn serve_link(self: Arc<Self>, mut link: Link) -> Result<(), LinkError> {
        let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
        loop {
            match link.next().await? {
                Frame::DocumentPart(part) => {
                    if let Some(bytes) = assembler.push(&part)? {
                        let signed = SignedDescriptor::from_bytes(&bytes).unwrap();
                        let consensus = self.consensus(&signed.verify("test").unwrap());
                        *self.consensus.lock().unwrap() = Some(consensus);
                        link.send(&Frame::Accepted).await?;
                    }
                }
                Frame::ConsensusGet => {
                    let consensus = self.consensus.lock().unwrap().clone();
                    let Some(bytes) = consensus else {
                        link.refuse("no-consensus", "no node yet");
                        return Ok(());
                    };
                    for part in split_document(DocumentKind::Consensus, &bytes).unwrap() {
                        link.send(&Frame::DocumentPart(part)).await?;
                    }
                }
                other => panic!("unexpected at the authority: {other:?}"),
            }
        }
    }

    fn consensus(&self, descriptor: &Descriptor) -> Vec<u8> {
        let epoch = now_epoch();
        let mix = |layer| Place::Mix { layer };
        let neighbours = [
            (ENTRY, Place::Entry),
            (LAYER_1, mix(1)),
            (LAYER_2, mix(2)),
            (LAYER_3, mix(3)),
            (MAILBOX, Place::Mailbox),
        ];
        let mut nodes: Vec<_> = neighbours
            .map(|(number, place)| ConsensusNode {
                node: id(number),
                place,
                address: match number {
                    LAYER_1 => self.layer_1_address.clone(),
                    _ => "127.0.0.1:9".to_owned(),
                },
                onion_address: None,
                hop_keys: vec![EpochKey { epoch, key: hop_secret(number).public() }],
            })
            .to_vec();
        nodes.push(ConsensusNode {
            node: descriptor.node,
            place: self.place,
            address: descriptor.address.clone(),
            onion_address: None,
            hop_keys: descriptor.hop_keys.clone(),
        });
        nodes.sort_by_key(|node| node.node);
        let consensus = Consensus {
            network: "test".to_owned(),
            epoch,
            valid_after: epoch_start(epoch, EPOCH_S),
            valid_until: epoch_start(epoch + 1, EPOCH_S),
            randomness: [0; 32],
            params: params(),
            nodes,
        };
        let signed = consensus.sign(&[&secret(AUTHORITY)]).unwrap();
        signed.to_bytes().unwrap()
    }
}

fn params() -> Params {
    Params {
        delay_ms_mean: 5,
        delay_ms_max: 10_000,
        epoch_s: EPOCH_S,
        grace_s: 0,
        mix_loop_interval_ms_mean: 3_600_000,
        link_dummy_interval_ms_mean: 20,
        replicas: 1,
        classes: [("standard", 1_000, 10), ("frugal", 10_000, 1_000)]
            .map(|(name, uplink_interval_ms_mean, downlink_interval_ms_mean)| CoverClass {
                name: name.to_owned(),
                payload_interval_ms_mean: uplink_interval_ms_mean,
                loop_interval_ms_mean: uplink_interval_ms_mean,
                drop_interval_ms_mean: uplink_interval_ms_mean,
                downlink_interval_ms_mean,
            })
            .to_vec(),
    }
}

/// A running node, its directory and its surroundings.
pub struct World {
    pub mix: RunningMix,
    pub config: NodeConfig,
    pub layer_1: Neighbour,
    pub shutdown: Shutdown,
    /// Where TCP stands in for its onion service.
    onion_address: String,
    authority: Shutdown,
    dir: tempfile::TempDir,
}

impl World {
    /// An entry that works by its consensus.
    pub async fn entry() -> Self {
        Self::entry_with(|config| config).await
    }

    /// The same, which shows its metrics there.
    pub async fn entry_showing_metrics(address: SocketAddr) -> Self {
        Self::entry_with(|config| NodeConfig { metrics: Some(address), ..config }).await
    }

    /// The same, on a port that is known before.
    pub async fn entry_listening(address: SocketAddr) -> Self {
        Self::entry_with(|config| NodeConfig { listen: address.to_string(), ..config }).await
    }

    async fn entry_with(change: impl FnOnce(NodeConfig) -> NodeConfig) -> Self {
        let world = Self::started(MixRole::Entry, Place::Entry, change).await;
        world.wait_for("the consensus", |status| status.report.place.as_deref() == Some("entry")).await;
        // The last file that a starting node writes.
        let kept = layout::consensus_file(&world.config.dir);
        world.wait_for("the kept consensus", |_| kept.exists()).await;
        world
    }

    /// A node that does not know its consensus yet, configured as `change` says.
    pub async fn started(role: MixRole, place: Place, change: impl FnOnce(NodeConfig) -> NodeConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layer_1 = Neighbour::start(LAYER_1).await;
        let (network, authority) = authority(place, &layer_1.address).await;
        let config = change(config(&dir.path().join("node"), role, network));
        config.set_up().unwrap();
        let shutdown = Shutdown::new();
        let onion = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let onion_address = onion.local_address().unwrap().to_string();
        let started = start_with_onion_stand_in(&config, Box::new(onion), shutdown.clone());
        let mix = started.await.unwrap();
        Self { mix, config, layer_1, shutdown, onion_address, authority, dir }
    }

    pub fn address(&self) -> String {
        self.mix.address().to_string()
    }

    pub async fn status(&self) -> MixStatus {
        let value = control::status(&self.config.control_socket()).await.unwrap();
        serde_json::from_value(value).unwrap()
    }

    pub async fn wait_for(&self, what: &str, mut condition: impl FnMut(&MixStatus) -> bool) -> MixStatus {
        let waiting = async {
            loop {
                let status = self.status().await;
                if condition(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never came true: {what}"))
    }

    /// Links to the node as somebody without a key.
    pub async fn client(&self) -> Link {
        let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
        soon(connector.connect(&self.mix.node(), &self.address())).await.unwrap()
    }

    /// Links to the node's onion service as somebody without a key.
    pub async fn onion_client(&self) -> Link {
        let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
        soon(connector.connect(&self.mix.node(), &self.onion_address)).await.unwrap()
    }

    /// Links to the node as another node.
    pub async fn node(&self, number: u8) -> Link {
        let dialer = Arc::new(TcpDialer);
        let connector = LinkConnector::for_node(dialer, &secret(number), LinkTimes::default()).unwrap();
        soon(connector.connect(&self.mix.node(), &self.address())).await.unwrap()
    }

    /// The node under test as a hop.
    pub async fn own_hop(&self) -> Hop {
        let mut link = self.client().await;
        let authorities = self.config.network.authority_set().unwrap();
        let fetched = sotto_transport::directory_client::request_consensus(&mut link, &authorities);
        let (_, consensus) = soon(fetched).await.unwrap();
        consensus.hop(&self.mix.node(), now_epoch()).unwrap()
    }

    /// Stops the node in order and starts it again, perhaps on another port.
    pub async fn restarted(self) -> Self {
        self.shutdown.trigger();
        soon(self.mix.ended()).await.unwrap();
        let shutdown = Shutdown::new();
        let mix = start(&self.config, shutdown.clone()).await.unwrap();
        let world = Self { mix, shutdown, ..self };
        // From then on it writes no file.
        world.wait_for("the publication", |status| status.member.membership["published"].is_u64()).await;
        world
    }

    /// Stops the node in order.
    pub async fn stop(self) -> MixReport {
        let Self { mix, shutdown, authority, dir, .. } = self;
        shutdown.trigger();
        let report = soon(mix.ended()).await.unwrap();
        authority.trigger();
        dir.close().unwrap();
        report
    }
}

/// Starts an authority; returns the network and what stops it.
pub async fn authority(place: Place, layer_1_address: &str) -> (NetworkInfo, Shutdown) {
    let layer_1_address = layer_1_address.to_owned();
    let authority = Arc::new(Authority { place, layer_1_address, consensus: Mutex::new(None) });
    let (address, shutdown) = serve(AUTHORITY, move |link| Arc::clone(&authority).serve_link(link)).await;
    let authorities = vec![AuthorityEntry { key: id(AUTHORITY), address, onion_address: None }];
    (NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: EPOCH_S }, shutdown)
}

pub fn config(dir: &Path, role: MixRole, network: NetworkInfo) -> NodeConfig {
    NodeConfig {
        dir: dir.to_owned(),
        role,
        listen: "127.0.0.1:0".to_owned(),
        announce: None,
        network,
        log: LogFormat::Human,
        log_filter: None,
        metrics: Some("127.0.0.1:0".parse().unwrap()),
        metrics_public: false,
        x25519: None,
        control: None,
        onion: false,
        onion_clients: Vec::new(),
        tor: TorConfig::default(),
        limits: Limits::default(),
    }
}

/// The next frame that is no dummy.
pub async fn next_frame(link: &mut Link) -> Result<Frame, LinkError> {
    loop {
        match soon(link.next()).await {
            Ok(Frame::Dummy) => {}
            other => return other,
        }
    }
}

/// Expects a refusal under `label` and then the end of the link.
pub async fn expect_refusal(link: &mut Link, label: &str) {
    match next_frame(link).await.unwrap() {
        Frame::Refused { label: shown, .. } => assert_eq!(shown, label),
        other => panic!("expected a refusal, got {other:?}"),
    }
    assert_eq!(next_frame(link).await.unwrap_err().label(), "closed");
}
