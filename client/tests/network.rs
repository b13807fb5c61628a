//! The client's network task against an authority and an entry that the test plays itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sotto_client::core::{Engine, EngineSettings};
use sotto_client::shell::net::{self, NetworkAccess, Running};
use sotto_client::shell::service::Call;
use sotto_client::shell::ways::WayMakers;
use sotto_client::store::MemoryStore;
use sotto_protocol::directory::{
    AuthorityEntry, Consensus, ConsensusNode, CoverClass, EpochKey, NetworkInfo, Params, Place, epoch_of,
    epoch_start,
};
use sotto_protocol::frame::{DocumentKind, Frame, ResumeToken, split_document};
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::sphinx::HopSecret;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{Listener, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkTimes};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::tor::TorConfig;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

const PATIENCE: Duration = Duration::from_secs(20);

fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

/// A node that the test plays: each link that a client makes arrives here.
struct Played {
    address: String,
    links: mpsc::Receiver<Link>,
    task: tokio::task::JoinHandle<()>,
}

impl Played {
    async fn start(number: u8, address: &str) -> Self {
        let mut listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_address().unwrap().to_string();
        let acceptor = LinkAcceptor::new(&secret(number), LinkTimes::default()).unwrap();
        let (arrived, links) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap();
                if let Ok(link) = acceptor.accept(stream).await {
                    let _taken = arrived.send(link).await;
                }
            }
        });
        Self { address, links, task }
    }

    async fn link(&mut self) -> Link {
        tokio::time::timeout(PATIENCE, self.links.recv()).await.expect("nobody came").unwrap()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A consensus with one real entry; the other nodes are only names.
fn consensus(entry_address: &str) -> Consensus {
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
            onion_address: None,
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
async fn serve_consensus(authority: &mut Played, consensus: &Consensus) {
    let mut link = authority.link().await;
    assert_eq!(link.next().await.unwrap(), Frame::ConsensusGet);
    let bytes = consensus.sign(&[&secret(1)]).unwrap().to_bytes().unwrap();
    for part in split_document(DocumentKind::Consensus, &bytes).unwrap() {
        link.send(&Frame::DocumentPart(part)).await.unwrap();
    }
    // Until the client has everything and closes.
    let _closed = link.next().await;
}

type Resume = Option<(SessionAddress, ResumeToken)>;

/// Grants a session and gives back the link and what the client asked for.
async fn grant(entry: &mut Played, session: u8) -> (Link, u8, Resume) {
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

async fn packets(link: &mut Link, count: usize) {
    for _ in 0..count {
        let frame = tokio::time::timeout(PATIENCE, link.next()).await.expect("no cover").unwrap();
        assert!(matches!(frame, Frame::Packet(_)), "{frame:?}");
    }
}

/// A client with an empty store, in a directory that keeps its consensus.
fn client(authority: &Played, directory: &Path, cover_class: &str) -> Running {
    let clock = Clock::system();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let settings = EngineSettings::new(cover_class);
    let engine = Engine::open(MemoryStore::new(), settings, clock.now(), &mut rng).unwrap();
    let authorities =
        vec![AuthorityEntry { key: secret(1).id(), address: authority.address.clone(), onion_address: None }];
    let access = NetworkAccess {
        network: NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 },
        makers: WayMakers::system(TorConfig::default(), directory, Shutdown::new()),
        consensus_file: directory.join("consensus.bin"),
        cover_class: cover_class.to_owned(),
    };
    net::start(engine, clock, None, Some(access), Shutdown::new()).unwrap()
}

async fn call(client: &Running, method: &str, params: Value) -> Value {
    client.service().call(Call::parse(method, &params).unwrap()).await.unwrap()
}

/// Looks at the status until it is as wanted.
async fn until(client: &Running, mut is_wanted: impl FnMut(&Value) -> bool) -> Value {
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

fn entry_id() -> NodeId {
    secret(10).id()
}

#[tokio::test]
async fn a_client_finds_its_entry_keeps_up_cover_and_sends_what_is_queued() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    call(&client, "invite", json!({ "name": "Bob" })).await;
    let mut events = client.service().subscribe();
    call(&client, "send", json!({ "contact": "Bob", "text": "hello" })).await;
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, class, resume) = grant(&mut entry, 1).await;
    assert_eq!((class, resume), (0, None));
    packets(&mut link, 30).await;
    let status = until(&client, |status| status["counters"]["sent_write"].as_u64() > Some(0)).await;
    assert_eq!(status["routes"][0]["state"], "connected");
    assert_eq!(status["routes"][0]["entry"], entry_id().to_string());
    assert_eq!(status["routes"][0]["cover"]["running"], true);
    assert_eq!(status["troubles"], json!([]));
    for kind in ["sent_loop", "sent_drop"] {
        assert!(status["counters"][kind].as_u64() > Some(0), "{kind}: {status}");
    }
    let event = serde_json::to_value(events.recv().await.unwrap()).unwrap();
    assert_eq!((event["event"].as_str(), event["state"].as_str()), (Some("message-state"), Some("released")));
    client.stop().await;
    while link.next().await.is_ok() {}
}

#[tokio::test]
async fn a_broken_link_is_taken_up_again_with_the_same_session() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 3).await;
    drop(link);
    let (mut link, _, resume) = grant(&mut entry, 1).await;
    assert_eq!(resume, Some((SessionAddress::from_bytes([1; 32]), ResumeToken::from_bytes([9; 32]))));
    packets(&mut link, 3).await;
    until(&client, |status| status["routes"][0]["state"] == "connected" && status["troubles"] == json!([]))
        .await;
    client.stop().await;
}

#[tokio::test]
async fn a_kept_consensus_makes_a_start_without_an_authority() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let first = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    drop(grant(&mut entry, 1).await);
    first.stop().await;
    let second = client(&authority, directory.path(), "fast");
    let (mut link, _, resume) = grant(&mut entry, 2).await;
    assert_eq!(resume, None, "a session is not carried over a restart");
    packets(&mut link, 3).await;
    second.stop().await;
    assert!(authority.links.try_recv().is_err(), "nobody asked the authority again");
}

#[tokio::test]
async fn a_damaged_or_forged_kept_consensus_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let entry = Played::start(10, "127.0.0.1:0").await;
    let forged = consensus(&entry.address).sign(&[&secret(2)]).unwrap().to_bytes().unwrap();
    for kept in [forged.as_slice(), &forged[..100], b""] {
        sotto_transport::private::replace(&directory.path().join("consensus.bin"), kept).unwrap();
        let client = client(&authority, directory.path(), "fast");
        // It asks, and does not go by what it has.
        let asked = authority.link().await;
        assert_eq!(call(&client, "status", json!({})).await["consensus"], "missing");
        drop(asked);
        client.stop().await;
    }
}

#[tokio::test]
async fn an_entry_that_refuses_is_named_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let mut link = entry.link().await;
    assert!(matches!(link.next().await.unwrap(), Frame::SessionOpen { .. }));
    link.refuse("sessions-full", "as many sessions as this entry serves are open");
    let status = until(&client, |status| status["troubles"][0]["label"] == "refused").await;
    let text = status["troubles"][0]["text"].as_str().unwrap();
    assert!(text.contains("sessions-full"), "{text}");
    assert_eq!(
        (status["routes"][0]["state"].as_str(), status["routes"][0]["cover"]["running"].as_bool()),
        (Some("disconnected"), Some(false))
    );
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 1).await;
    client.stop().await;
}

#[tokio::test]
async fn frames_that_have_no_place_in_a_session_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    for unwelcome in [Frame::ConsensusGet, Frame::Accepted, Frame::SessionOpen { class: 0, resume: None }] {
        let (mut link, _, _) = grant(&mut entry, 1).await;
        link.send(&unwelcome).await.unwrap();
        until(&client, |status| status["troubles"][0]["label"] == "unexpected-frame").await;
    }
    client.stop().await;
}

#[tokio::test]
async fn a_cover_class_that_the_network_lacks_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "luxurious");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let status = until(&client, |status| status["troubles"][0]["label"] == "cover-class").await;
    let text = status["troubles"][0]["text"].as_str().unwrap();
    assert!(text.contains("luxurious") && text.contains("fast"), "{text}");
    client.stop().await;
}
