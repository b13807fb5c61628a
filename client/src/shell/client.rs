//! A connection to whoever owns the profile: the daemon, or this very process.
//!
//! A command is written once against [`Connection`] and need not know which of the two it talks to. If no daemon
//! answers, the process takes the lock, opens the vault and runs the engine itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_transport::clock::Clock;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::rpc::{RpcClient, RpcClientError};
use tokio::sync::{broadcast, watch};

use super::auto_lock::idle_max;
use super::config::Config;
use super::factors::{FactorSources, Given};
use super::home::Home;
use super::lock::{BUSY_PAUSE, BUSY_WAIT_MAX, LockError};
use super::locking::LockAccess;
use super::net::{self, NetworkAccess, Running};
use super::service::Call;
use super::settings;
use super::ways::WayMakers;
use super::{Failure, Profile, ProfileLock};
use crate::core::{Engine, Event};
use crate::store::Lockable;
use crate::vault::Vault;

/// Whether a command that runs alone needs the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Connect, keep up cover, send and receive.
    Network,
    /// Only look at what the vault holds.
    Vault,
    /// As `Network`, for long: the profile can be locked and unlocked meanwhile.
    Daemon,
}

/// A connection to the owner of the profile.
pub enum Connection {
    /// To the daemon.
    Daemon(DaemonConnection),
    /// To the tasks of this process.
    Alone(AloneConnection),
}

/// To the daemon.
pub struct DaemonConnection {
    client: RpcClient,
    /// Counts notifications. It closes with the connection.
    told: watch::Receiver<u64>,
}

/// To the tasks of this process.
pub struct AloneConnection {
    running: Running,
    events: broadcast::Receiver<Event>,
    _lock: ProfileLock,
}

/// Why a wait for news is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// Something happened since the last time: look what.
    Some,
    /// The connection has ended.
    Ended,
}

impl Connection {
    /// Connects to the daemon, or becomes the owner.
    ///
    /// # Errors
    /// Whatever keeps the vault shut, and `profile-busy` if another command keeps the profile for too long.
    pub async fn open(profile: &Profile, factors: &FactorSources, reach: Reach) -> Result<Self, Failure> {
        profile.require()?;
        let started = Clock::system();
        let give_up_at = started.now() + BUSY_WAIT_MAX;
        loop {
            if let Some(daemon) = DaemonConnection::open(profile).await? {
                return Ok(Self::Daemon(daemon));
            }
            match ProfileLock::take(profile) {
                Ok(lock) => {
                    let given = factors.get().map_err(|failure| match failure.label.as_str() {
                        "no-terminal" => Failure::new(
                            "no-terminal",
                            format!(
                                "no daemon is running for this profile, so it is opened here: {}",
                                failure.text
                            ),
                        ),
                        _ => failure,
                    })?;
                    let running = run(profile, &lock, &given, reach, Shutdown::new())?;
                    let events = running.service().subscribe();
                    return Ok(Self::Alone(AloneConnection { running, events, _lock: lock }));
                }
                Err(LockError::Busy { .. }) if started.now() < give_up_at => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether this process does the work itself.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        matches!(self, Self::Alone(_))
    }

    /// Calls a method of [`super::service`].
    ///
    /// # Errors
    /// The refusal, or why there is no answer.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, Failure> {
        match self {
            Self::Daemon(daemon) => daemon.call(method, &params).await,
            Self::Alone(alone) => alone.running.service().call(Call::parse(method, &params)?).await,
        }
    }

    /// The same for a call that takes its time.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn call_within(
        &self,
        wait_max: Duration,
        method: &str,
        params: Value,
    ) -> Result<Value, Failure> {
        let outcome = match self {
            Self::Daemon(daemon) => daemon.call_within(wait_max, method, &params).await,
            Self::Alone(alone) => match Call::parse(method, &params) {
                Ok(call) => alone.running.service().call(call).await,
                Err(error) => Err(error.into()),
            },
        };
        super::wipe(params);
        outcome
    }

    /// Waits until something happens. What has happened since the last wait counts.
    pub async fn news(&mut self) -> News {
        match self {
            Self::Daemon(daemon) => match daemon.told.changed().await {
                Ok(()) => News::Some,
                Err(_) => News::Ended,
            },
            Self::Alone(alone) => match alone.events.recv().await {
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => News::Some,
                Err(broadcast::error::RecvError::Closed) => News::Ended,
            },
        }
    }

    /// Ends the connection; a process that runs alone closes its vault.
    pub async fn close(self) {
        match self {
            Self::Daemon(_) => {}
            Self::Alone(alone) => alone.running.stop().await,
        }
    }
}

impl DaemonConnection {
    /// Connects and subscribes; `None` if no daemon answers.
    ///
    /// # Errors
    /// When something answers that does not behave like a daemon.
    pub async fn open(profile: &Profile) -> Result<Option<Self>, Failure> {
        let client = match RpcClient::connect(&profile.socket()).await {
            Ok(client) => client,
            Err(RpcClientError::Unreachable { .. }) => return Ok(None),
            Err(error) => return Err(rpc_failure(&error)),
        };
        let (tell, told) = watch::channel(0u64);
        let notifications = client.notifications();
        // Taken at once, whatever the command is doing: the client does not read on while they wait.
        tokio::spawn(async move {
            let Some(mut notifications) = notifications else { return };
            while notifications.recv().await.is_some() {
                tell.send_modify(|count| *count = count.wrapping_add(1));
            }
        });
        let daemon = Self { client, told };
        match daemon.call("subscribe", &json!({})).await {
            Ok(_) => Ok(Some(daemon)),
            // It ended just now: the profile will be free.
            Err(failure) if failure.label == "closed" || failure.label == "shutting-down" => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// The daemon's refusal, or why there is no answer.
    pub async fn call(&self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.client.call(method, params).await.map_err(|error| rpc_failure(&error))
    }

    /// The same for a call whose answer may take as long as `wait_max`.
    ///
    /// # Errors
    /// As with [`call`](Self::call).
    pub async fn call_within(
        &self,
        wait_max: Duration,
        method: &str,
        params: &Value,
    ) -> Result<Value, Failure> {
        self.client.call_within(wait_max, method, params).await.map_err(|error| rpc_failure(&error))
    }
}

fn rpc_failure(error: &RpcClientError) -> Failure {
    let text = match error.label() {
        "closed" => format!(
            "{error}; whether it was done is not known: start `sotto daemon`, look (`sotto contacts`, `sotto recv NAME --all`), \
             then do it again if it is missing"
        ),
        _ => error.to_string(),
    };
    Failure::new(error.label(), text)
}

/// Opens the vault of a profile.
///
/// # Errors
/// Whatever keeps the factors from being read or the vault from being opened.
pub fn open_vault(profile: &Profile, given: &Given) -> Result<Vault<OsRng>, Failure> {
    Ok(Vault::open(&profile.vault(), &mut given.credentials()?, OsRng)?)
}

/// Destroys the profile's vault without opening it. The caller holds the lock.
///
/// # Errors
/// What the file system refuses; whatever could be destroyed is.
pub fn wipe_vault(profile: &Profile) -> Result<(), Failure> {
    Ok(Vault::<OsRng>::wipe(&profile.vault())?)
}

/// Opens the vault and starts the engine. The caller holds the lock, and keeps it as long as the tasks run.
///
/// # Errors
/// Whatever keeps the vault or the settings from being read.
pub fn run(
    profile: &Profile,
    _lock: &ProfileLock,
    given: &Given,
    reach: Reach,
    shutdown: Shutdown,
) -> Result<Running, Failure> {
    let config = Config::read(profile)?;
    let network = settings::read_network(profile)?;
    let vault = open_vault(profile, given)?;
    let clock = Clock::system();
    let engine = Engine::open(Lockable::Open(vault), config.engine_settings(), clock.now(), &mut OsRng)?;
    let access = (reach != Reach::Vault).then(|| NetworkAccess {
        network: network.clone(),
        makers: WayMakers::system(config.tor.clone(), &profile.tor_dir(), shutdown.clone()),
        consensus_file: profile.consensus_file(),
        cover_class: config.cover_class.clone(),
    });
    let auto_lock_min = config.auto_lock_min;
    let locked = profile.clone();
    let lock = (reach == Reach::Daemon).then(|| LockAccess {
        reopen: Arc::new(move |given: &Given| open_vault(&locked, given)),
        idle_max: idle_max(auto_lock_min),
    });
    let home = Home::new(profile.clone(), config, network);
    net::start(engine, clock, Some(home), access, lock, shutdown)
        .map_err(|error| Failure::new("link-authorities", error.to_string()))
}
