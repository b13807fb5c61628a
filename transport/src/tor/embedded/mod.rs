//! A Tor client within this process: arti.
//!
//! Here is all that names arti's types. Its cryptography is of an older family than Sotto's own: between the two
//! there are bytes only.

mod bootstrap;
mod config;
mod connect;
mod host;
mod status;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arti_client::{ErrorKind, HasKind, HsId, KeystoreSelector, TorClient, TorClientConfig};
use tokio::sync::watch as latest;
use tor_rtcompat::PreferredRuntime;

use super::config::TorConfig;
use super::error::{TorError, causes};
use super::onion_address::OnionAddress;
use super::status::TorStatus;
use super::watch::Failures;
use crate::node::shutdown::Shutdown;
use crate::private;

type ArtiClient = TorClient<PreferredRuntime>;
type Client = Arc<ArtiClient>;

/// The client, until the shutdown. Dropped, it ends.
pub(super) struct Embedded {
    client: Arc<Mutex<Option<Client>>>,
    /// What the client was made from.
    arti_config: TorClientConfig,
    state_dir: PathBuf,
    failures: Failures,
    /// Ends the tasks that watch the client, when this is dropped.
    _ended: latest::Sender<()>,
}

impl Embedded {
    /// Makes the client and starts to bootstrap it.
    pub(super) fn start(
        config: &TorConfig,
        state_dir: &Path,
        shutdown: Shutdown,
    ) -> Result<(Self, latest::Receiver<TorStatus>), TorError> {
        let arti_config = config::client_config(config, state_dir)?;
        private::create_dir(state_dir)?;
        install_tls_provider();
        let runtime = PreferredRuntime::current().map_err(|error| TorError::Start(error.to_string()))?;
        let client = TorClient::with_runtime(runtime)
            .config(arti_config.clone())
            .create_unbootstrapped()
            .map_err(|error| unusable(state_dir, &error))?;
        let failures = Failures::default();
        let (told, status) = latest::channel(TorStatus::starting());
        let (ended, end) = latest::channel(());
        let held = Arc::new(Mutex::new(Some(Arc::clone(&client))));
        tokio::spawn({
            let (held, failures) = (Arc::clone(&held), failures.clone());
            async move {
                bootstrap::run(client, told, failures, shutdown, end).await;
                // Whoever holds a handle still, holds no client: it ends now, and gives its files free.
                drop(held.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
        });
        let state_dir = state_dir.to_owned();
        Ok((Self { client: held, arti_config, state_dir, failures, _ended: ended }, status))
    }

    /// The client, unless it has been shut down.
    fn client(&self) -> Result<Client, TorError> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client.clone().ok_or(TorError::Ended)
    }

    /// A dial failed in a way that only its caller has seen.
    pub(super) fn note_failure(&self) {
        self.failures.note();
    }

    /// The public key for restricted discovery of `address`, made at the first call.
    pub(super) fn service_discovery_key(&self, address: &OnionAddress) -> Result<String, TorError> {
        let client = self.client()?;
        let service = HsId::from(address.key());
        let kept = client.get_service_discovery_key(service);
        let key = match kept.map_err(|error| unusable(&self.state_dir, &error))? {
            Some(key) => key,
            None => client
                .generate_service_discovery_key(KeystoreSelector::Primary, service)
                .map_err(|error| unusable(&self.state_dir, &error))?,
        };
        Ok(key.to_string())
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// Whether arti takes the configuration. Nothing is written.
pub(super) fn check(config: &TorConfig) -> Result<(), TorError> {
    // The directory is not looked at before the start.
    config::client_config(config, Path::new("/nonexistent")).map(drop)
}

/// See [`Tor::make_service_discovery_key`](super::Tor::make_service_discovery_key).
pub(super) fn make_service_discovery_key(
    config: &TorConfig,
    state_dir: &Path,
    address: &OnionAddress,
) -> Result<String, TorError> {
    let arti_config = config::client_config(config, state_dir)?;
    private::create_dir(state_dir)?;
    let failed = |error: arti_client::Error| unusable(state_dir, &error);
    let client = TorClient::builder().config(arti_config).create_inert().map_err(failed)?;
    let service = HsId::from(address.key());
    let key = match client.get_service_discovery_key(service).map_err(failed)? {
        Some(key) => key,
        None => client.generate_service_discovery_key(KeystoreSelector::Primary, service).map_err(failed)?,
    };
    Ok(key.to_string())
}

/// Arti takes the process's TLS provider: the one that the links use as well. Another that is installed already
/// stays.
fn install_tls_provider() {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
}

/// An error of the client about its files, or about anything else at its making.
fn unusable(state_dir: &Path, error: &arti_client::Error) -> TorError {
    let storage = |advice: &str| TorError::Storage {
        path: state_dir.to_owned(),
        reason: format!("{}; {advice}", causes(error)),
    };
    match error.kind() {
        ErrorKind::FsPermissions => storage(
            "it and the directories above must be writable for nobody else: correct their modes with chmod",
        ),
        ErrorKind::LocalResourceAlreadyInUse => storage("end the other program that uses it"),
        ErrorKind::PersistentStateAccessFailed
        | ErrorKind::CacheAccessFailed
        | ErrorKind::KeystoreAccessFailed => {
            storage("make room on the disk, and make it readable and writable")
        }
        ErrorKind::PersistentStateCorrupted | ErrorKind::CacheCorrupted | ErrorKind::KeystoreCorrupted => {
            storage("restore it from a backup, or remove `cache` in it, and if that does not help, all of it")
        }
        _ => TorError::Start(causes(error)),
    }
}
