//! Nodes, an authority and a way into Tor that a test plays itself, and a client in the same process.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod proxy;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sotto_client::core::{Engine, EngineSettings};
use sotto_client::shell::locking::LockAccess;
use sotto_client::shell::net::{self, NetworkAccess, Running};
use sotto_client::shell::service::Call;
use sotto_client::shell::ways::WayMakers;
use sotto_client::store::{Change, Lockable, MemoryStore, Record, RecordKey, Store, StoreError};
use sotto_protocol::directory::{
    AuthorityEntry, Consensus, ConsensusNode, CoverClass, EpochKey, NetworkInfo, Params, Place, epoch_of,
    epoch_start,
};
use sotto_protocol::frame::{DocumentKind, Frame, ResumeToken, split_document};
use sotto_protocol::ident::{NodeSecret, SessionAddress};
use sotto_protocol::sphinx::HopSecret;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{Listener, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkTimes};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::tor::TorConfig;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use proxy::onion;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

/// A node that the test plays: each link that a client makes arrives here.
pub(crate) struct Played {
    pub(crate) address: String,
    pub(crate) links: mpsc::Receiver<Link>,
    task: tokio::task::JoinHandle<()>,
}

impl Played {
    pub(crate) async fn start(number: u8, address: &str) -> Self {
        let mut listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_address().unwrap().to_string();
        let acceptor = LinkAcceptor::new(&secret(number), LinkTimes::default()).unwrap();
        let (arrived, links) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(link) = acceptor.accept(stream).await {
                    let _taken = arrived.send(link).await;
                }
            }
        });
        Self { address, links, task }
    }

    pub(crate) async fn link(&mut self) -> Link {
        tokio::time::timeout(PATIENCE, self.links.recv()).await.expect("nobody came").unwrap()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A consensus with one real entry; the other nodes are only names.
pub(crate) fn consensus(entry_address: &str) -> Consensus {
    let params = Params {
        classes: vec![CoverClass {
            name: "fast".to_owned(),
            payload_interval_ms_mean: 20,
            loop_interval_ms_mean: 50,
            drop_interval_ms_mean: 50,
            downlink_interval_ms_mean: 5,
        }],
        ..Params::default()
    };
    let epoch = epoch_of(Clock::system().now(), params.epoch_s);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let places = [
        Place::Entry,
        Place::Mix { layer: 1 },
        Place::Mix { layer: 2 },
        Place::Mix { layer: 3 },
        Place::Mailbox,
        Place::Mailbox,
    ];
    let mut nodes: Vec<ConsensusNode> = places
        .iter()
        .zip(10..)
        .map(|(place, number)| ConsensusNode {
            node: secret(number).id(),
            place: *place,
            address: if number == 10 { entry_address.to_owned() } else { format!("127.0.0.1:{number}") },
            onion_address: (number == 10 || *place == Place::Mailbox).then(|| onion(number)),
            hop_keys: (epoch..epoch + 2)
                .map(|epoch| EpochKey { epoch, key: HopSecret::generate(&mut rng).public() })
                .collect(),
        })
        .collect();
    nodes.sort_unstable_by_key(|node| node.node);
    Consensus {
        network: "test".to_owned(),
        epoch,
        valid_after: epoch_start(epoch, params.epoch_s),
        valid_until: epoch_start(epoch + 1, params.epoch_s),
        randomness: [7; 32],
        params,
        nodes,
    }
}

/// Answers one request for the consensus.
pub(crate) async fn serve_consensus(authority: &mut Played, consensus: &Consensus) {
    let mut link = authority.link().await;
    assert_eq!(link.next().await.unwrap(), Frame::ConsensusGet);
    let bytes = consensus.sign(&[&secret(1)]).unwrap().to_bytes().unwrap();
    for part in split_document(DocumentKind::Consensus, &bytes).unwrap() {
        link.send(&Frame::DocumentPart(part)).await.unwrap();
    }
    // Until the client has everything and closes.
    let _closed = link.next().await;
}

pub(crate) type Resume = Option<(SessionAddress, ResumeToken)>;

/// Grants a session and gives back the link and what the client asked for.
pub(crate) async fn grant(entry: &mut Played, session: u8) -> (Link, u8, Resume) {
    let mut link = entry.link().await;
    let Frame::SessionOpen { class, resume } = link.next().await.unwrap() else {
        panic!("no session asked for")
    };
    link.send(&Frame::Dummy).await.unwrap();
    let session = SessionAddress::from_bytes([session; 32]);
    let token = ResumeToken::from_bytes([9; 32]);
    link.send(&Frame::SessionOpened { session, token, resumable_s: 300 }).await.unwrap();
    (link, class, resume)
}

pub(crate) async fn packets(link: &mut Link, count: usize) {
    for _ in 0..count {
        let frame = tokio::time::timeout(PATIENCE, link.next()).await.expect("no cover").unwrap();
        assert!(matches!(frame, Frame::Packet(_)), "{frame:?}");
    }
}

/// Records that outlive the engine that uses them, as a file does.
#[derive(Clone, Default)]
pub(crate) struct SharedStore(Arc<Mutex<MemoryStore>>);

impl Store for SharedStore {
    fn load(&self) -> Result<Vec<Record>, StoreError> {
        self.0.lock().unwrap().load()
    }

    fn read(&self, key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.0.lock().unwrap().read(key)
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.0.lock().unwrap().commit(changes)
    }
}

/// A client with an empty store, in a directory that keeps its consensus.
pub(crate) fn client(authority: &Played, directory: &Path, cover_class: &str) -> Running {
    client_over(&SharedStore::default(), None, authority, directory, cover_class)
}

/// The same over this store, with a lock.
pub(crate) fn client_over(
    store: &SharedStore,
    lock: Option<LockAccess<SharedStore>>,
    authority: &Played,
    directory: &Path,
    cover_class: &str,
) -> Running {
    let clock = Clock::system();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let settings = EngineSettings::new(cover_class);
    let engine = Engine::open(Lockable::Open(store.clone()), settings, clock.now(), &mut rng).unwrap();
    let authorities =
        vec![AuthorityEntry { key: secret(1).id(), address: authority.address.clone(), onion_address: None }];
    let access = NetworkAccess {
        network: NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 },
        makers: WayMakers::system(TorConfig::default(), directory, Shutdown::new()),
        consensus_file: directory.join("consensus.bin"),
        cover_class: cover_class.to_owned(),
    };
    net::start(engine, clock, None, Some(access), lock, Shutdown::new()).unwrap()
}

pub(crate) async fn call(client: &Running, method: &str, params: Value) -> Value {
    client.service().call(Call::parse(method, &params).unwrap()).await.unwrap()
}

/// Looks at the status until it is as wanted.
pub(crate) async fn until(client: &Running, mut is_wanted: impl FnMut(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let status = call(client, "status", json!({})).await;
            if is_wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the status never became as wanted")
}
