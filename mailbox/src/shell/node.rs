//! Starting a mailbox from its configuration, and waiting for its end.

use std::net::SocketAddr;
use std::sync::Arc;

use sotto_protocol::directory::{Role, is_address};
use sotto_protocol::ident::NodeId;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{LinkAcceptor, LinkConnector, LinkTimes};
use sotto_transport::listen::{LinkFailures, serve_links};
use sotto_transport::node::control::ControlServer;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::identity_file;
use sotto_transport::node::membership::{Membership, MembershipConfig};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::peers::{PeerPool, PeerTimes};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::config::MailboxConfig;
use super::control::Control;
use super::engine::{EVENTS_MAX, Engine, Identity};
use super::error::ShellError;
use super::links::Links;
use super::store_jobs::StoreJobs;
use crate::core::{Mailbox, MailboxReport};
use crate::store::RedbStore;

/// Name and version, as descriptors state them.
const SOFTWARE: &str = concat!("sotto-mailbox ", env!("CARGO_PKG_VERSION"));

/// A mailbox that runs until the shutdown it was started with.
#[derive(Debug)]
pub struct RunningMailbox {
    node: NodeId,
    address: SocketAddr,
    running: JoinHandle<MailboxReport>,
}

impl RunningMailbox {
    /// Its name.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the mailbox's end, and returns its last report.
    ///
    /// # Errors
    ///
    /// [`ShellError::System`] if the mailbox's task did not end by itself.
    pub async fn ended(self) -> Result<MailboxReport, ShellError> {
        let ended = self.running.await;
        ended.map_err(|error| ShellError::system("end in order")(error.into()))
    }
}

/// Starts a mailbox. When this returns, it listens, and its control socket answers.
///
/// After `shutdown` it takes nothing new, answers what it holds and ends.
///
/// # Errors
///
/// [`ShellError`], before anything was told to the network.
pub async fn start(config: &MailboxConfig, shutdown: Shutdown) -> Result<RunningMailbox, ShellError> {
    // Taken first: it fails if this mailbox runs already.
    let control = ControlServer::bind(&config.control_socket())?;
    let secret = Arc::new(identity_file::read(&config.identity_file())?);
    let node = secret.id();
    let (path, quota) = (config.store_file(), config.quota_boxes);
    let opened = tokio::task::spawn_blocking(move || StoreJobs::new(RedbStore::open(&path, quota)?)).await;
    let store = opened.map_err(|error| ShellError::system("open the store")(error.into()))??;

    let listen = |reason| ShellError::Listen { address: config.listen.clone(), reason };
    let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
    let local_address = listener.local_address().map_err(listen)?;
    let address = announced(config, local_address)?;
    let acceptor = LinkAcceptor::new(&secret, LinkTimes::default())?;
    let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, LinkTimes::default())?;
    let keys = EpochKeys::open(&config.hop_keys_dir())?;
    let clock = Clock::system();
    let membership_config = MembershipConfig {
        network: config.network.clone(),
        role: Role::Mailbox,
        address: address.clone(),
        onion_address: None,
        software: SOFTWARE.to_owned(),
        consensus_file: config.consensus_file(),
    };
    let membership = Membership::start(
        membership_config,
        secret,
        keys,
        connector.clone(),
        clock.clone(),
        shutdown.clone(),
    )?;
    tracing::info!(%node, address, "listening");

    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let failures = Arc::new(LinkFailures::default());
    let links = Arc::new(Links { events: events_in.clone(), consensus: membership.consensus.clone() });
    let engine = Engine {
        mailbox: Mailbox::new(node, clock.now()),
        store,
        identity: Identity {
            node,
            network: config.network.network.clone(),
            address,
            software: SOFTWARE.to_owned(),
        },
        started: clock.now(),
        clock,
        events,
        membership,
        pool: PeerPool::new(connector, PeerTimes::default()),
        lost_reported: 0,
        failures: Arc::clone(&failures),
        shutdown: shutdown.clone(),
    };
    let serving_links =
        tokio::spawn(serve_links(listener, acceptor, failures, shutdown.clone(), move |link| {
            let links = Arc::clone(&links);
            async move { links.serve(link).await }
        }));
    let serving_control = tokio::spawn(control.serve(Arc::new(Control { events: events_in }), shutdown));
    let running = tokio::spawn(async move {
        let report = engine.run().await;
        for serving in [serving_links, serving_control] {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a part of the mailbox did not end by itself");
            }
        }
        tracing::info!(balanced = report.ledger.balanced(), held = report.ledger.held, "ended");
        report
    });
    Ok(RunningMailbox { node, address: local_address, running })
}

/// Where others are told to reach the mailbox.
fn announced(config: &MailboxConfig, local: SocketAddr) -> Result<String, ShellError> {
    if let Some(announce) = &config.announce {
        return Ok(announce.clone());
    }
    let address = local.to_string();
    if local.ip().is_unspecified() || !is_address(&address) {
        return Err(ShellError::NoAnnounce { address });
    }
    Ok(address)
}
