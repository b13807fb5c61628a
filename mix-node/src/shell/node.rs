//! Puts a running node together from its configuration, and takes it down in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::is_address;
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
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::config::NodeConfig;
use super::control::Control;
use super::engine::{EVENTS_MAX, Engine, Identity};
use super::error::ShellError;
use super::links::LinkContext;
use super::outlets::Outlets;
use crate::core::{Mix, MixConfig, MixReport};

/// How long an incoming link may be silent. Nodes send dummies and clients cover all the time, so
/// one that is silent for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Name and version as descriptor and status tell them.
const SOFTWARE: &str = concat!("sotto-mix ", env!("CARGO_PKG_VERSION"));

/// A node that runs until the shutdown it was started with.
#[derive(Debug)]
pub struct RunningMix {
    node: NodeId,
    address: SocketAddr,
    running: JoinHandle<MixReport>,
}

impl RunningMix {
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

    /// Waits for the node's end, and returns its last report.
    ///
    /// # Errors
    /// [`ShellError::System`] if the node's task did not end by itself.
    pub async fn ended(self) -> Result<MixReport, ShellError> {
        let ended = self.running.await;
        ended.map_err(|error| ShellError::System { what: "end in order", reason: error.into() })
    }
}

/// Starts a node. When this returns, it listens, and its control socket answers.
///
/// After `shutdown` the node takes nothing new, keeps the delays of what it holds for
/// [`crate::core::FLUSH_MAX`] at most, sends the rest and ends.
///
/// # Errors
/// [`ShellError`], before anything was told to the network.
pub async fn start(config: &NodeConfig, shutdown: Shutdown) -> Result<RunningMix, ShellError> {
    let secret = Arc::new(identity_file::read(&config.identity_file())?);
    let node = secret.id();
    // Taken first: it fails if this node runs already.
    let control = ControlServer::bind(&config.control_socket())?;
    let listen = |reason| ShellError::Listen { address: config.listen.clone(), reason };
    let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
    let local_address = listener.local_address().map_err(listen)?;
    let address = announced(config, local_address)?;
    let acceptor =
        LinkAcceptor::new(&secret, LinkTimes { silence_max: Some(SILENCE_MAX), ..LinkTimes::default() })?;
    let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, LinkTimes::default())?;
    let keys = EpochKeys::open(&config.hop_keys_dir())?;
    let clock = Clock::system();
    let membership_config = MembershipConfig {
        network: config.network.clone(),
        role: config.role.into(),
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
    tracing::info!(node = %node, role = config.role.name(), address, "listening");

    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (topology, topology_out) = watch::channel(0);
    let failures = Arc::new(LinkFailures::default());
    let context = LinkContext {
        events: events_in.clone(),
        consensus: membership.consensus.clone(),
        topology: topology_out,
        failures: Arc::clone(&failures),
    };
    let engine = Engine {
        mix: Mix::new(MixConfig::new(node)),
        identity: Identity {
            role: config.role,
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
        failures: Arc::clone(&failures),
        topology,
        shutdown: shutdown.clone(),
        outlets: Outlets::default(),
        lost_reported: 0,
    };
    // The links outlive the signal, so that clients get what the node still holds.
    let links_end = Shutdown::new();
    let serving_links =
        tokio::spawn(serve_links(listener, acceptor, failures, links_end.clone(), move |link| {
            context.clone().serve(link)
        }));
    let serving_control = tokio::spawn(control.serve(Arc::new(Control { events: events_in }), shutdown));
    let running = tokio::spawn(async move {
        let report = engine.run().await;
        links_end.trigger();
        for serving in [serving_links, serving_control] {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a part of the node did not end by itself");
            }
        }
        tracing::info!(balanced = report.ledger.balanced(), held = report.ledger.held, "ended");
        report
    });
    Ok(RunningMix { node, address: local_address, running })
}

/// Where others are told to reach the node.
fn announced(config: &NodeConfig, local: SocketAddr) -> Result<String, ShellError> {
    if let Some(announce) = &config.announce {
        return Ok(announce.clone());
    }
    let address = local.to_string();
    if local.ip().is_unspecified() || !is_address(&address) {
        return Err(ShellError::NoAnnounce { address });
    }
    Ok(address)
}
