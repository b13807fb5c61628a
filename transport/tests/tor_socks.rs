//! Onion services by a SOCKS proxy: a stand-in on loopback takes the place of tor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sotto_transport::dial::Dialer;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::{
    DialFailed, Isolation, OnionKey, OnionServiceConfig, Tor, TorConfig, TorDialer, TorStage, TorStatus,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:4774";

/// Bounds every wait: far more than any takes.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What one client asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Request {
    user: String,
    password: String,
    target: String,
}

/// A SOCKS5 proxy that grants or refuses everything, and echoes what comes behind a granted request.
struct StandIn {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    async fn start(address: SocketAddr, method: u8, reply: u8) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let task = tokio::spawn({
            let requests = Arc::clone(&requests);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, method, reply, Arc::clone(&requests)));
                }
            }
        });
        Self { address, requests, task }
    }

    async fn granting() -> Self {
        Self::start(anywhere(), 2, 0).await
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    async fn stop(self) -> SocketAddr {
        self.task.abort();
        drop(self.task.await);
        self.address
    }
}

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn serve(
    mut stream: TcpStream,
    method: u8,
    reply: u8,
    requests: Arc<Mutex<Vec<Request>>>,
) -> Option<()> {
    let [_version, count] = read(&mut stream).await?;
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await.ok()?;
    stream.write_all(&[5, method]).await.ok()?;
    let [_version] = read(&mut stream).await?;
    let (user, password) = (text(&mut stream).await?, text(&mut stream).await?);
    stream.write_all(&[1, 0]).await.ok()?;
    let [_version, _connect, _reserved, _name] = read(&mut stream).await?;
    let host = text(&mut stream).await?;
    let port = u16::from_be_bytes(read(&mut stream).await?);
    requests.lock().unwrap().push(Request { user, password, target: format!("{host}:{port}") });
    stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    let (mut from, mut to) = stream.split();
    tokio::io::copy(&mut from, &mut to).await.ok()?;
    Some(())
}

async fn read<const LEN: usize>(stream: &mut TcpStream) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn text(stream: &mut TcpStream) -> Option<String> {
    let [len] = read(stream).await?;
    let mut bytes = vec![0; usize::from(len)];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}

fn tor(proxy: SocketAddr, shutdown: &Shutdown) -> Tor {
    let config = TorConfig { socks: Some(proxy), ..TorConfig::default() };
    let nowhere = std::path::Path::new("/nonexistent");
    Tor::start(&config, nowhere, shutdown.clone()).unwrap()
}

async fn wait_for(tor: &Tor, stage: TorStage) -> TorStatus {
    let mut status = tor.status();
    let reached = status.wait_for(|status| status.stage == stage);
    tokio::time::timeout(WAIT_MAX, reached).await.expect("the stage is reached").unwrap().clone()
}

/// Sends four bytes through a new stream and back.
async fn echo(dialer: &TorDialer) {
    let mut stream = dialer.dial(ONION).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}

async fn label_of_dial(dialer: &TorDialer, address: &str) -> &'static str {
    let dialed = tokio::time::timeout(WAIT_MAX, dialer.dial(address)).await.expect("an answer in time");
    let error = dialed.err().expect("no stream");
    error.get_ref().and_then(|inner| inner.downcast_ref::<DialFailed>()).expect("a labelled error").0.label()
}

#[tokio::test]
async fn each_isolation_has_a_name_of_its_own_and_clones_share_it() {
    let (proxy, shutdown) = (StandIn::granting().await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    let (first, second) = (Isolation::new(), Isolation::new());
    for isolation in [first.clone(), first.clone(), second] {
        echo(&tor.dialer(isolation)).await;
    }
    let dialer = tor.dialer(first);
    echo(&dialer.clone()).await;
    echo(&dialer).await;
    let requests = proxy.requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.target == ONION));
    let same = &requests[0];
    assert_eq!(&requests[1], same);
    assert_eq!(&requests[3], same);
    assert_eq!(&requests[4], same);
    assert_ne!(requests[2].user, same.user);
    assert_ne!(requests[2].password, same.password);
    assert!(!same.user.is_empty() && !same.password.is_empty());
}

#[tokio::test]
async fn nothing_but_an_onion_service_is_dialed() {
    let (proxy, shutdown) = (StandIn::granting().await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    let dialer = tor.dialer(Isolation::new());
    for address in ["127.0.0.1:80", "[::1]:80", "example.org:443", "x.onion:80", &format!("www.{ONION}"), ""]
    {
        assert_eq!(label_of_dial(&dialer, address).await, "tor-not-onion", "{address}");
    }
    echo(&dialer).await;
    assert_eq!(proxy.requests().len(), 1, "the echo alone has reached the proxy");
}

#[tokio::test]
async fn a_proxy_that_goes_is_told_and_one_that_comes_back_is_used_again() {
    let (proxy, shutdown) = (StandIn::granting().await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    let dialer = tor.dialer(Isolation::new());
    wait_for(&tor, TorStage::Ready).await;
    let address = proxy.stop().await;
    assert_eq!(label_of_dial(&dialer, ONION).await, "tor-proxy-unreachable");
    let lost = wait_for(&tor, TorStage::Lost).await;
    let blockage = lost.blocked.unwrap();
    assert_eq!(blockage.label, "tor-proxy-unreachable");
    assert!(blockage.text.contains("start tor"), "{}", blockage.text);
    let _again = StandIn::start(address, 2, 0).await;
    wait_for(&tor, TorStage::Ready).await;
    echo(&dialer).await;
}

#[tokio::test]
async fn a_proxy_that_is_absent_from_the_start_is_told_and_waited_for() {
    let address = StandIn::granting().await.stop().await;
    let shutdown = Shutdown::new();
    let tor = tor(address, &shutdown);
    let status = wait_for(&tor, TorStage::Blocked).await;
    assert_eq!(status.blocked.unwrap().label, "tor-proxy-unreachable");
    let dialer = tor.dialer(Isolation::new());
    let waiting = tokio::spawn(async move { echo(&dialer).await });
    let _late = StandIn::start(address, 2, 0).await;
    tokio::time::timeout(WAIT_MAX, waiting).await.expect("the dial waits for the proxy").unwrap();
}

#[tokio::test]
async fn a_proxy_that_does_without_names_is_not_used() {
    let (proxy, shutdown) = (StandIn::start(anywhere(), 0, 0).await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    let status = wait_for(&tor, TorStage::Blocked).await;
    assert_eq!(status.blocked.unwrap().label, "tor-proxy-unusable");
    assert_eq!(proxy.requests(), []);
}

#[tokio::test]
async fn what_the_proxy_says_of_a_service_becomes_a_label() {
    for (reply, label) in [
        (0x01, "tor-failed"),
        (0x04, "tor-onion-unreachable"),
        (0x05, "tor-onion-refused"),
        (0x06, "tor-onion-unreachable"),
        (0xf0, "tor-onion-not-found"),
        (0xf4, "tor-onion-locked"),
        (0x77, "tor-failed"),
    ] {
        let (proxy, shutdown) = (StandIn::start(anywhere(), 2, reply).await, Shutdown::new());
        let tor = tor(proxy.address, &shutdown);
        assert_eq!(label_of_dial(&tor.dialer(Isolation::new()), ONION).await, label, "{reply:#x}");
        wait_for(&tor, TorStage::Ready).await;
    }
}

#[tokio::test]
async fn after_the_shutdown_nothing_is_dialed() {
    let (proxy, shutdown) = (StandIn::granting().await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    wait_for(&tor, TorStage::Ready).await;
    shutdown.trigger();
    assert_eq!(label_of_dial(&tor.dialer(Isolation::new()), ONION).await, "tor-ended");
    assert_eq!(proxy.requests(), []);
}

#[tokio::test]
async fn what_needs_the_built_in_client_is_refused_by_a_proxy() {
    let (proxy, shutdown) = (StandIn::granting().await, Shutdown::new());
    let tor = tor(proxy.address, &shutdown);
    let key = OnionKey::generate(&mut OsRng);
    let error = tor.host(&key, &OnionServiceConfig::default()).map(drop).unwrap_err();
    assert_eq!(error.label(), "tor-not-embedded");
    assert_eq!(tor.service_discovery_key(ONION).unwrap_err().label(), "tor-not-embedded");
}
