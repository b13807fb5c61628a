//! Onion services of Tor: reaching those of other nodes, and hosting a node's own.
//!
//! Tor is either a client within this process (arti, the feature `tor`), or one that runs already and is used by
//! SOCKS5. Both are behind one handle, [`Tor`], and one kind of dialer.
//!
//! What is deliberately not here: any way to a host that is not an onion service. A dialer refuses other addresses
//! before anything is sent, and there is no fallback from Tor to TCP. Who answers at an onion address is not decided
//! here either: a [`Link`](crate::link::Link) checks the node's identity key on top.

mod config;
mod dialer;
#[cfg(feature = "tor")]
mod embedded;
mod error;
mod isolation;
mod listener;
mod onion_address;
mod onion_key;
mod service;
mod socks;
mod status;
mod watch;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch as latest;

pub use config::{BRIDGES_MAX, PluggableTransport, TorConfig};
pub use dialer::{DIAL_MAX, TorDialer};
pub use error::{DialFailed, TorError};
pub use isolation::Isolation;
pub use listener::OnionListener;
pub use onion_address::{ONION_PORT, OnionAddress};
pub use onion_key::{ONION_KEY_FILE, OnionKey};
pub use service::{CLIENTS_MAX, OnionServiceConfig, OnionState, OnionStatus};
pub use status::{TorBlockage, TorStage, TorStatus};

use crate::node::shutdown::Shutdown;

/// A way into Tor. Clones share one Tor client; the last one that is dropped, and the shutdown, end it.
#[derive(Clone, Debug)]
pub struct Tor {
    backend: Backend,
    status: latest::Receiver<TorStatus>,
    shutdown: Shutdown,
}

/// Which Tor client.
#[derive(Clone, Debug)]
enum Backend {
    #[cfg(feature = "tor")]
    Embedded(Arc<embedded::Embedded>),
    Socks(Arc<socks::Socks>),
}

impl Tor {
    /// Returns at once, and connects in the background: again and again until it works, or `shutdown`.
    ///
    /// The embedded client keeps what it learns below `state_dir`, which is made with mode 0700 if it is not there.
    /// With a SOCKS address nothing is kept. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the configuration is not usable (see [`TorConfig::check`]), the directory is not, or the embedded
    /// client is needed and not built in.
    pub fn start(config: &TorConfig, state_dir: &Path, shutdown: Shutdown) -> Result<Self, TorError> {
        config.check()?;
        if let Some(proxy) = config.socks {
            let (socks, status) = socks::Socks::start(proxy, shutdown.clone());
            return Ok(Self { backend: Backend::Socks(Arc::new(socks)), status, shutdown });
        }
        Self::start_embedded(config, state_dir, shutdown)
    }

    #[cfg(feature = "tor")]
    fn start_embedded(config: &TorConfig, state_dir: &Path, shutdown: Shutdown) -> Result<Self, TorError> {
        let (embedded, status) = embedded::Embedded::start(config, state_dir, shutdown.clone())?;
        Ok(Self { backend: Backend::Embedded(Arc::new(embedded)), status, shutdown })
    }

    #[cfg(not(feature = "tor"))]
    fn start_embedded(_config: &TorConfig, _state_dir: &Path, _shutdown: Shutdown) -> Result<Self, TorError> {
        Err(TorError::NotBuilt)
    }

    /// How far it is, and what it waits for. The latest value is always there; it changes when something does.
    #[must_use]
    pub fn status(&self) -> latest::Receiver<TorStatus> {
        self.status.clone()
    }

    /// A dialer whose streams share circuits only with those of the same isolation.
    #[must_use]
    pub fn dialer(&self, isolation: Isolation) -> TorDialer {
        TorDialer::new(self.clone(), isolation)
    }

    /// Hosts an onion service within this process: that of `key`, for one listener at a time.
    ///
    /// Returns at once; the service becomes reachable as [`OnionListener::status`] tells, and ends when the
    /// listener is dropped or at the shutdown. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`TorError::NotEmbedded`] when Tor is used by SOCKS; [`TorError::OnionKeyDiffers`] when the directory has
    /// hosted another key; when a client's key is malformed; or when the service cannot be launched.
    pub fn host(&self, key: &OnionKey, service: &OnionServiceConfig) -> Result<OnionListener, TorError> {
        service.check()?;
        match &self.backend {
            #[cfg(feature = "tor")]
            Backend::Embedded(embedded) => embedded.host(key, service, &self.shutdown),
            Backend::Socks(_) => {
                let _ = key;
                Err(TorError::NotEmbedded("an onion service can be hosted"))
            }
        }
    }

    /// Restricted discovery, the client's side: the public key to hand to the operator of the onion service
    /// `onion_host` (`<56 characters>.onion`, with or without a port).
    ///
    /// It is made once for each service, and kept in the directory that [`start`](Self::start) was given. Has the
    /// form `descriptor:x25519:<52 base32 characters>`.
    ///
    /// # Errors
    ///
    /// [`TorError::NotEmbedded`] when Tor is used by SOCKS, [`TorError::NotOnion`], or when the key cannot be kept.
    pub fn service_discovery_key(&self, onion_host: &str) -> Result<String, TorError> {
        let address = OnionAddress::parse_host(onion_host)?;
        match &self.backend {
            #[cfg(feature = "tor")]
            Backend::Embedded(embedded) => embedded.service_discovery_key(&address),
            Backend::Socks(_) => {
                let _ = address;
                Err(TorError::NotEmbedded("a key for restricted discovery can be made"))
            }
        }
    }

    /// As [`service_discovery_key`](Self::service_discovery_key), without a running Tor client: for a command line
    /// that makes a key and ends. May be called while another process uses `state_dir`.
    ///
    /// # Errors
    ///
    /// As there, and as [`start`](Self::start).
    pub fn make_service_discovery_key(
        config: &TorConfig,
        state_dir: &Path,
        onion_host: &str,
    ) -> Result<String, TorError> {
        config.check()?;
        let address = OnionAddress::parse_host(onion_host)?;
        if config.socks.is_some() {
            return Err(TorError::NotEmbedded("a key for restricted discovery can be made"));
        }
        #[cfg(feature = "tor")]
        return embedded::make_service_discovery_key(config, state_dir, &address);
        #[cfg(not(feature = "tor"))]
        {
            let _ = (state_dir, address);
            Err(TorError::NotBuilt)
        }
    }
}
