//! Dials onion services, and nothing else.

use std::fmt;
use std::io;
use std::time::Duration;

use super::error::TorError;
use super::isolation::Isolation;
use super::onion_address::OnionAddress;
use super::status::{TorBlockage, TorStage, TorStatus};
use super::{Backend, Tor};
use crate::dial::{BoxFuture, BoxStream, Dialer};

/// How long a dial may take, with the time until Tor is ready. A first connection to an onion service takes seconds,
/// a first fetch of Tor's directory up to a minute on a slow line.
pub const DIAL_MAX: Duration = Duration::from_secs(60);

/// Dials onion services over Tor. Clones are the same.
#[derive(Clone)]
pub struct TorDialer {
    tor: Tor,
    isolation: Isolation,
}

impl TorDialer {
    pub(super) const fn new(tor: Tor, isolation: Isolation) -> Self {
        Self { tor, isolation }
    }

    async fn dial_onion(&self, address: &str) -> Result<BoxStream, TorError> {
        let address = OnionAddress::parse(address)?;
        tokio::select! {
            () = self.tor.shutdown.triggered() => Err(TorError::Ended),
            dialed = tokio::time::timeout(DIAL_MAX, self.dial_when_ready(&address)) => match dialed {
                Ok(dialed) => dialed,
                Err(_) => Err(self.too_late()),
            },
        }
    }

    async fn dial_when_ready(&self, address: &OnionAddress) -> Result<BoxStream, TorError> {
        let mut status = self.tor.status();
        // A way that was lost is tried all the same: an attempt that works is the best sign of its return.
        let may_work = |status: &TorStatus| matches!(status.stage, TorStage::Ready | TorStage::Lost);
        status.wait_for(may_work).await.map_err(|_| TorError::Ended)?;
        match &self.tor.backend {
            #[cfg(feature = "tor")]
            Backend::Embedded(embedded) => embedded.connect(address, &self.isolation).await,
            Backend::Socks(socks) => socks.connect(address, &self.isolation).await,
        }
    }

    /// The error for a dial that took too long: what is in Tor's way, if that is known.
    fn too_late(&self) -> TorError {
        let status = self.tor.status.borrow().clone();
        let blockage = match status {
            TorStatus { stage: TorStage::Ready, .. } => None,
            TorStatus { blocked: Some(blockage), .. } => Some(blockage),
            TorStatus { percent, summary, .. } => Some(TorBlockage {
                label: "tor-not-ready",
                text: format!("Tor is at {percent} % ({summary}): wait, and try again"),
            }),
        };
        if blockage.is_none() {
            self.tor.backend.note_failure();
        }
        blockage.map_or(TorError::TimedOut(DIAL_MAX.as_secs()), TorError::NotReady)
    }
}

impl Backend {
    /// A dial failed: is it Tor itself?
    fn note_failure(&self) {
        match self {
            #[cfg(feature = "tor")]
            Self::Embedded(embedded) => embedded.note_failure(),
            Self::Socks(socks) => socks.note_failure(),
        }
    }
}

impl Dialer for TorDialer {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move { self.dial_onion(address).await.map_err(TorError::into_io) })
    }
}

impl fmt::Debug for TorDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorDialer").finish_non_exhaustive()
    }
}
