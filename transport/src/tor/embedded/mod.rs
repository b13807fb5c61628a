//! A Tor client within this process: arti.
//!
//! Here is all that names arti's types. Its cryptography is of an older family than Sotto's own: between the two
//! there are bytes only.

mod bootstrap;
mod config;
mod connect;
mod host;
mod report;
mod status;
mod threads;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arti_client::{ErrorKind, HasKind, HsId, KeystoreSelector, TorClient, TorClientConfig};
use tokio::sync::watch as latest;
use tor_rtcompat::PreferredRuntime;

use self::bootstrap::Keeper;
use self::threads::Threads;
use super::config::TorConfig;
use super::error::{TorError, causes};
use super::onion_address::OnionAddress;
use super::status::TorStatus;
use super::watch::Failures;
use crate::node::shutdown::Shutdown;
use crate::private;

type ArtiClient = TorClient<PreferredRuntime>;
type Client = Arc<ArtiClient>;

/// A client within this process, until the shutdown. Dropped, it ends.
pub(super) struct Embedded {
    maker: Maker,
    /// The client at a time: another after one that did not get on, none in between and after the end.
    current: latest::Receiver<Option<Client>>,
    status: latest::Receiver<TorStatus>,
    failures: Failures,
    /// Ends the task that keeps the client, when this is dropped.
    _ended: latest::Sender<()>,
}

/// What clients are made from.
#[derive(Clone)]
struct Maker {
    config: TorClientConfig,
    state_dir: PathBuf,
}

impl Maker {
    /// A client, and what it runs on.
    fn make(&self) -> Result<(Client, Threads), TorError> {
        let threads = Threads::start().map_err(|error| TorError::Start(error.to_string()))?;
        let runtime = threads.runtime()?;
        let client = TorClient::with_runtime(runtime)
            .config(self.config.clone())
            .create_unbootstrapped()
            .map_err(|error| unusable(&self.state_dir, &error))?;
        Ok((client, threads))
    }
}

impl Embedded {
    /// Makes the client and starts to bootstrap it.
    pub(super) fn start(
        config: &TorConfig,
        state_dir: &Path,
        shutdown: Shutdown,
    ) -> Result<(Self, latest::Receiver<TorStatus>), TorError> {
        let is_disguised = config::is_disguised(config);
        let config = config::client_config(config, state_dir)?;
        private::create_dir(state_dir)?;
        install_tls_provider();
        let maker = Maker { config, state_dir: state_dir.to_owned() };
        let (client, threads) = maker.make()?;
        let (current, client) = latest::channel(Some(client));
        let (told, status) = latest::channel(TorStatus::starting());
        let (ended, end) = latest::channel(());
        let failures = Failures::default();
        let keeper = Keeper { maker: maker.clone(), is_disguised, current, told, failures: failures.clone() };
        tokio::spawn(keeper.run(threads, shutdown, end));
        let embedded = Self { maker, current: client, status: status.clone(), failures, _ended: ended };
        Ok((embedded, status))
    }

    /// A dial failed in a way that only its caller has seen.
    pub(super) fn note_failure(&self) {
        self.failures.note();
    }

    /// The public key for restricted discovery of `address`, made at the first call.
    pub(super) fn service_discovery_key(&self, address: &OnionAddress) -> Result<String, TorError> {
        service_discovery_key(&self.maker.config, &self.maker.state_dir, address)
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
    let config = config::client_config(config, state_dir)?;
    private::create_dir(state_dir)?;
    service_discovery_key(&config, state_dir, address)
}

/// Makes or finds the key in the files: the running client looks there for each connection.
fn service_discovery_key(
    config: &TorClientConfig,
    state_dir: &Path,
    address: &OnionAddress,
) -> Result<String, TorError> {
    let failed = |error: arti_client::Error| unusable(state_dir, &error);
    let client = TorClient::builder().config(config.clone()).create_inert().map_err(failed)?;
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
