//! A tor or arti that runs already, used by SOCKS5.
//!
//! Each isolation has a user name and a password of its own, which Tor takes as a sign to keep circuits apart (the
//! default of tor's `IsolateSOCKSAuth` and of arti). The name of the service goes to the proxy as it is: nothing is
//! resolved here.

mod handshake;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch as latest;

use self::handshake::SocksError;
use super::error::TorError;
use super::isolation::Isolation;
use super::onion_address::OnionAddress;
use super::status::{Blocking, TorBlockage, TorStage, TorStatus};
use super::watch::Failures;
use crate::dial::BoxStream;
use crate::node::shutdown::Shutdown;

/// How long the proxy may take to answer a greeting: it is near.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// The proxy.
#[derive(Debug)]
pub(super) struct Socks {
    proxy: SocketAddr,
    failures: Failures,
}

impl Socks {
    /// Starts to watch whether the proxy answers.
    pub(super) fn start(proxy: SocketAddr, shutdown: Shutdown) -> (Self, latest::Receiver<TorStatus>) {
        let failures = Failures::default();
        failures.note();
        let (told, status) = latest::channel(TorStatus::starting());
        tokio::spawn({
            let failures = failures.clone();
            async move {
                let watching = failures.watch(|| probe(proxy), |outcome| tell(&told, outcome));
                tokio::select! {
                    () = shutdown.triggered() => {}
                    () = told.closed() => {}
                    () = watching => {}
                }
            }
        });
        (Self { proxy, failures }, status)
    }

    /// A stream to `address`.
    pub(super) async fn connect(
        &self,
        address: &OnionAddress,
        isolation: &Isolation,
    ) -> Result<BoxStream, TorError> {
        let connected = self.connect_socks(address, isolation).await;
        connected.inspect_err(|_| self.failures.note())
    }

    async fn connect_socks(
        &self,
        address: &OnionAddress,
        isolation: &Isolation,
    ) -> Result<BoxStream, TorError> {
        let mut stream = greeted(self.proxy).await.map_err(TorError::Proxy)?;
        let connecting = handshake::connect(&mut stream, isolation.credentials(), address);
        connecting.await.map_err(|error| refusal(self.proxy, &error))?;
        Ok(Box::new(stream))
    }

    /// A dial failed in a way that only its caller has seen.
    pub(super) fn note_failure(&self) {
        self.failures.note();
    }
}

fn tell(told: &latest::Sender<TorStatus>, outcome: Result<(), TorBlockage>) {
    told.send_if_modified(|status| {
        let worked = matches!(status.stage, TorStage::Ready | TorStage::Lost);
        let next = match outcome {
            Ok(()) => TorStatus {
                stage: TorStage::Ready,
                percent: 100,
                summary: "the SOCKS proxy answers".to_owned(),
                blocked: None,
            },
            Err(blockage) => TorStatus {
                stage: if worked { TorStage::Lost } else { TorStage::Blocked },
                percent: 0,
                summary: "the SOCKS proxy cannot be used".to_owned(),
                blocked: Some(blockage),
            },
        };
        let is_news = next != *status;
        if is_news {
            tracing::info!(stage = ?next.stage, "Tor by SOCKS");
            *status = next;
        }
        is_news
    });
}

async fn reach(proxy: SocketAddr) -> Result<TcpStream, TorBlockage> {
    let unreachable = |why: String| {
        Blocking::ProxyUnreachable.told(&format!("the SOCKS proxy {proxy} does not answer ({why})"))
    };
    match tokio::time::timeout(PROBE_MAX, TcpStream::connect(proxy)).await {
        Err(_) => Err(unreachable(format!("nothing within {} s", PROBE_MAX.as_secs()))),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
            Ok(stream)
        }
    }
}

async fn probe(proxy: SocketAddr) -> Result<(), TorBlockage> {
    greeted(proxy).await.map(drop)
}

/// A stream to the proxy, which has said that it is one and takes user names.
async fn greeted(proxy: SocketAddr) -> Result<TcpStream, TorBlockage> {
    let mut stream = reach(proxy).await?;
    match tokio::time::timeout(PROBE_MAX, handshake::greet(&mut stream)).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(error)) => Err(blockage(proxy, &error)),
        Err(_) => Err(Blocking::ProxyUnreachable
            .told(&format!("the SOCKS proxy {proxy} said nothing within {} s", PROBE_MAX.as_secs()))),
    }
}

fn blockage(proxy: SocketAddr, error: &SocksError) -> TorBlockage {
    match error {
        SocksError::Io(error) => {
            Blocking::ProxyUnreachable.told(&format!("the SOCKS proxy {proxy} broke off ({error})"))
        }
        _ => Blocking::ProxyUnusable.told(&format!("{proxy} is no SOCKS5 proxy that takes user names")),
    }
}

/// What a failure behind the greeting means. The codes from 0xf0 on are those of Tor's proposal 304, which tor sends
/// if it is set to (`ExtendedErrors`).
fn refusal(proxy: SocketAddr, error: &SocksError) -> TorError {
    let said = || format!("the SOCKS proxy says: {error}");
    match error {
        SocksError::Io(_) | SocksError::Unusable => TorError::Proxy(blockage(proxy, error)),
        SocksError::Refused(code) => match code {
            0x05 => TorError::OnionRefused,
            0xf0 | 0xf6 => TorError::OnionNotFound,
            0xf4 | 0xf5 => TorError::OnionLocked,
            0x03 | 0x04 | 0x06 | 0xf1 | 0xf2 | 0xf3 | 0xf7 => TorError::OnionUnreachable(said()),
            _ => TorError::Failed(said()),
        },
    }
}
