//! The authority of the stage, and who is on it.

use std::path::Path;
use std::sync::Arc;

use sotto_protocol::directory::{
    AuthorityEntry, Consensus, ConsensusNode, Descriptor, EpochKey, NetworkInfo, Params, Place,
    SignedDescriptor, epoch_of, epoch_start,
};
use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame};
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::sphinx::{Hop, HopSecret};
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpListener;
use sotto_transport::link::{Link, LinkAcceptor, LinkError, LinkTimes};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, serve_links};
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::membership::ConsensusAnswer;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorConfig;
use tokio::sync::watch;

use super::error::StageError;
use super::neighbours::{Sink, Source};
use crate::shell::{Limits, MixRole, NodeConfig};

/// The network's name.
const NETWORK: &str = "stage";

/// Who is on the stage besides the node.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// Nodes of the place before, which send.
    pub sources: usize,
    /// Nodes of the place behind, which take.
    pub sinks: usize,
    /// The length of an epoch, in seconds.
    pub epoch_s: u32,
}

/// The stage. Dropped, everybody on it goes.
pub struct Stage {
    /// What the node on it does: it is a mix of layer 1, or an entry.
    pub role: MixRole,
    /// The network, for the node's configuration.
    pub network: NetworkInfo,
    /// Those who send.
    pub sources: Vec<Source>,
    /// Those who take.
    pub sinks: Vec<Sink>,
    descriptor: watch::Receiver<Option<Arc<Descriptor>>>,
    ends: Shutdown,
}

/// What the tasks of the authority share.
struct Authority {
    secret: NodeSecret,
    place: Place,
    others: Vec<ConsensusNode>,
    params: Params,
    descriptor: watch::Sender<Option<Arc<Descriptor>>>,
    clock: Clock,
}

impl Stage {
    /// Sets the stage for a mix of layer 1. Packets have delays of `delay_ms_mean` on average.
    ///
    /// # Errors
    /// [`StageError`] if there is no loopback port to be had.
    pub async fn set(cast: Cast, delay_ms_mean: u32) -> Result<Self, StageError> {
        Self::set_for(MixRole::Mix, cast, Params { delay_ms_mean, ..Params::default() }).await
    }

    /// Sets the stage for a mix of layer 1 or for an entry. Of `params` the delays and the classes of clients count.
    ///
    /// # Errors
    /// As [`Stage::set`]; [`StageError::Document`] for parameters that no consensus can have.
    pub async fn set_for(role: MixRole, cast: Cast, params: Params) -> Result<Self, StageError> {
        // Who sends to the node, what it is, who takes from it, and who is there for the network to be whole.
        let (before, place, behind, rest) = match role {
            MixRole::Mix => {
                (Place::Entry, Place::Mix { layer: 1 }, Place::Mix { layer: 2 }, Place::Mix { layer: 3 })
            }
            MixRole::Entry => {
                (Place::Mix { layer: 3 }, Place::Entry, Place::Mix { layer: 1 }, Place::Mix { layer: 2 })
            }
        };
        let clock = Clock::system();
        let ends = Shutdown::new();
        let secret = NodeSecret::generate(&mut OsRng);
        let mut sources = Vec::new();
        let mut others = Vec::new();
        for _ in 0..cast.sources.max(1) {
            let source = Source::new();
            others.push(listed(&source.secret, before, "127.0.0.1:9", &HopSecret::generate(&mut OsRng)));
            sources.push(source);
        }
        let mut sinks = Vec::new();
        for _ in 0..cast.sinks.max(1) {
            let sink = Sink::start(&clock).await?;
            others.push(listed(&sink.secret, behind, &sink.address, &sink.hop_secret));
            sinks.push(sink);
        }
        // Whatever becomes of the node, every layer has somebody in it.
        for place in [place, rest, Place::Mailbox] {
            let (node, key) = (NodeSecret::generate(&mut OsRng), HopSecret::generate(&mut OsRng));
            others.push(listed(&node, place, "127.0.0.1:9", &key));
        }
        let params = Params {
            epoch_s: cast.epoch_s,
            grace_s: cast.epoch_s,
            // Nothing but the packets of the stage.
            mix_loop_interval_ms_mean: 3_600_000,
            link_dummy_interval_ms_mean: 3_600_000,
            ..params
        };
        // Refused here, they would not be missed before the node finds no consensus.
        params.validate()?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(StageError::system("listen"))?;
        let address = listener.local_address().map_err(StageError::system("listen"))?.to_string();
        let authorities = vec![AuthorityEntry { key: secret.id(), address, onion_address: None }];
        let network =
            NetworkInfo { network: NETWORK.to_owned(), authorities, threshold: 1, epoch_s: cast.epoch_s };
        let acceptor = LinkAcceptor::new(&secret, LinkTimes::default())?;
        let (descriptor_in, descriptor) = watch::channel(None);
        let authority =
            Arc::new(Authority { secret, place, others, params, descriptor: descriptor_in, clock });
        let on_link = move |link| Arc::clone(&authority).serve(link);
        tokio::spawn(serve_links(
            listener,
            acceptor,
            Arc::new(LinkFailures::default()),
            ListenPolicy::fixed(ListenLimits { loopback_exempt: true, ..ListenLimits::default() }),
            ends.clone(),
            on_link,
        ));
        Ok(Self { role, network, sources, sinks, descriptor, ends })
    }

    /// The configuration of a node in `dir` that is to play here.
    #[must_use]
    pub fn config(&self, dir: &Path) -> NodeConfig {
        NodeConfig {
            dir: dir.to_owned(),
            role: self.role,
            listen: "127.0.0.1:0".to_owned(),
            announce: None,
            network: self.network.clone(),
            log: LogFormat::Human,
            log_filter: None,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
            metrics: None,
            metrics_public: false,
            x25519: None,
            limits: Limits::default(),
        }
    }

    /// The node as a hop, once it has announced itself.
    ///
    /// # Errors
    /// [`StageError::Late`] if it has not announced a key for the present epoch.
    pub async fn hop(&self) -> Result<Hop, StageError> {
        self.hop_in(self.epoch()).await
    }

    /// The epoch that it is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        epoch_of(Clock::system().now(), self.network.epoch_s)
    }

    /// The node as a hop of packets for `epoch`, once it has announced a key for that.
    ///
    /// # Errors
    /// As [`Stage::hop`].
    pub async fn hop_in(&self, epoch: u64) -> Result<Hop, StageError> {
        let mut announced = self.descriptor.clone();
        let hop = announced
            .wait_for(|descriptor| descriptor.as_ref().is_some_and(|it| key_of(it, epoch).is_some()))
            .await
            .ok()
            .and_then(|descriptor| descriptor.as_ref().and_then(|it| key_of(it, epoch)));
        hop.ok_or_else(|| StageError::Late {
            what: "the announcement of a key",
            wait_s: 0,
            log: "its directory".to_owned(),
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ends.trigger();
    }
}

impl Authority {
    async fn serve(self: Arc<Self>, mut link: Link) -> Result<(), LinkError> {
        let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
        loop {
            match link.next().await? {
                Frame::DocumentPart(part) => {
                    if let Some(bytes) = assembler.push(&part)? {
                        let signed = SignedDescriptor::from_bytes(&bytes).and_then(|it| it.verify(NETWORK));
                        let Ok(descriptor) = signed else {
                            link.refuse("descriptor", "this is no descriptor of the stage's network");
                            return Ok(());
                        };
                        self.descriptor.send_replace(Some(Arc::new(descriptor)));
                        link.send(&Frame::Accepted).await?;
                    }
                }
                Frame::ConsensusGet => {
                    let consensus = self.consensus().ok().flatten();
                    for frame in ConsensusAnswer::new(consensus.map(Arc::new)) {
                        link.send(&frame).await?;
                    }
                }
                _ => return Err(LinkError::Unexpected("descriptors and requests for the consensus")),
            }
        }
    }

    /// The consensus of the present epoch, once the node has announced itself.
    fn consensus(&self) -> Result<Option<Vec<u8>>, StageError> {
        let Some(descriptor) = self.descriptor.borrow().clone() else { return Ok(None) };
        let epoch = epoch_of(self.clock.now(), self.params.epoch_s);
        let mut nodes = self.others.clone();
        for node in &mut nodes {
            let keys = node.hop_keys.iter().map(|key| key.key);
            node.hop_keys =
                keys.flat_map(|key| [epoch, epoch + 1].map(|epoch| EpochKey { epoch, key })).collect();
        }
        // As an authority does: who has no key for an epoch is not in its consensus.
        if key_of(&descriptor, epoch).is_some() {
            nodes.push(ConsensusNode {
                node: descriptor.node,
                place: self.place,
                address: descriptor.address.clone(),
                onion_address: None,
                hop_keys: descriptor.hop_keys.iter().filter(|key| key.epoch >= epoch).copied().collect(),
            });
        }
        nodes.sort_by_key(|node| node.node);
        let consensus = Consensus {
            network: NETWORK.to_owned(),
            epoch,
            valid_after: epoch_start(epoch, self.params.epoch_s),
            valid_until: epoch_start(epoch + 1, self.params.epoch_s),
            randomness: [0; 32],
            params: self.params.clone(),
            nodes,
        };
        Ok(Some(consensus.sign(&[&self.secret])?.to_bytes()?))
    }
}

fn listed(node: &NodeSecret, place: Place, address: &str, key: &HopSecret) -> ConsensusNode {
    ConsensusNode {
        node: node.id(),
        place,
        address: address.to_owned(),
        onion_address: None,
        // The same key in every epoch; the authority fills the epochs in.
        hop_keys: vec![EpochKey { epoch: 0, key: key.public() }],
    }
}

fn key_of(descriptor: &Descriptor, epoch: u64) -> Option<Hop> {
    let key = descriptor.hop_keys.iter().find(|key| key.epoch == epoch)?;
    Some(Hop { node: descriptor.node, key: key.key })
}
