//! A SOCKS5 proxy that passes for a running Tor: it knows onion addresses of the test's nodes, and notes who asked for
//! what.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_transport::tor::{OnionKey, TorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The onion address of node `number`.
pub(crate) fn onion(number: u8) -> String {
    OnionKey::generate(&mut ChaCha20Rng::seed_from_u64(number.into())).address()
}

/// One stream that was asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Asked {
    /// User name and password: streams with the same may share circuits.
    pub(crate) isolation: (String, String),
    /// `host:port`.
    pub(crate) target: String,
}

type Known = Arc<Mutex<BTreeMap<String, String>>>;

/// The proxy. Dropped, it is gone, and the streams through it with it.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    known: Known,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// At an address where one was before.
    pub(crate) async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (asked, known) = (Arc::<Mutex<Vec<Asked>>>::default(), Known::default());
        let address = listener.local_addr().unwrap();
        let (noted, names) = (Arc::clone(&asked), Arc::clone(&known));
        let task = tokio::spawn(async move {
            // Within this task, so that they end with it.
            let mut streams = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        streams.spawn(serve(stream, Arc::clone(&noted), Arc::clone(&names)));
                    }
                    Some(_) = streams.join_next() => {}
                }
            }
        });
        Self { address, asked, known, task }
    }

    /// The onion address `onion` leads to `address`.
    pub(crate) fn knows(&self, onion: &str, address: &str) {
        self.known.lock().unwrap().insert(onion.to_owned(), address.to_owned());
    }

    /// Everything that was asked for so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn config(&self) -> TorConfig {
        TorConfig { socks: Some(self.address), ..TorConfig::default() }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, noted: Arc<Mutex<Vec<Asked>>>, known: Known) -> std::io::Result<()> {
    let [_version, methods] = array(&mut stream).await?;
    bytes(&mut stream, methods).await?;
    stream.write_all(&[5, 2]).await?;
    let [_version, len] = array(&mut stream).await?;
    let user = text(&mut stream, len).await?;
    let [len] = array(&mut stream).await?;
    let password = text(&mut stream, len).await?;
    stream.write_all(&[1, 0]).await?;
    let [_version, _connect, _reserved, kind, len] = array(&mut stream).await?;
    assert_eq!(kind, 3, "a name, and no address that somebody has looked up");
    let host = text(&mut stream, len).await?;
    let port = u16::from_be_bytes(array(&mut stream).await?);
    let target = format!("{host}:{port}");
    noted.lock().unwrap().push(Asked { isolation: (user, password), target: target.clone() });
    let address = known.lock().unwrap().get(&target).cloned();
    let reached = match address {
        Some(address) => TcpStream::connect(address).await.ok(),
        None => None,
    };
    let Some(mut service) = reached else {
        return stream.write_all(&[5, 0xf0, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    };
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut service).await.map(|_| ())
}

async fn array<const LEN: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; LEN]> {
    let mut array = [0; LEN];
    stream.read_exact(&mut array).await?;
    Ok(array)
}

async fn bytes(stream: &mut TcpStream, len: u8) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; len.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn text(stream: &mut TcpStream, len: u8) -> std::io::Result<String> {
    Ok(String::from_utf8(bytes(stream, len).await?).unwrap())
}
