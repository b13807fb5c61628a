//! Starting an authority from its configuration, and waiting for its end.

use std::net::SocketAddr;
use std::sync::Arc;

use sotto_protocol::ident::NodeId;
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpListener;
use sotto_transport::link::{LinkAcceptor, LinkTimes};
use sotto_transport::listen::{LinkFailures, serve_links};
use sotto_transport::node::control::ControlServer;
use sotto_transport::node::identity_file;
use sotto_transport::node::shutdown::Shutdown;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::config::DirectoryConfig;
use super::control::Control;
use super::engine::{EVENTS_MAX, Engine, Identity};
use super::error::ShellError;
use super::links::Links;
use super::state::{Kept, State};
use crate::core::{Authority, AuthorityReport};

/// Name and version, for the status.
const SOFTWARE: &str = concat!("sotto-directory ", env!("CARGO_PKG_VERSION"));

/// An authority that runs until the shutdown it was started with.
#[derive(Debug)]
pub struct RunningDirectory {
    key: NodeId,
    address: SocketAddr,
    running: JoinHandle<Result<AuthorityReport, ShellError>>,
}

impl RunningDirectory {
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> NodeId {
        self.key
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the authority's end, and returns its last report.
    ///
    /// # Errors
    ///
    /// Why it ended, if it was not told to.
    pub async fn ended(self) -> Result<AuthorityReport, ShellError> {
        self.running.await.map_err(|error| ShellError::system("end in order")(error.into()))?
    }
}

/// Starts an authority. When this returns, it listens, and its control socket answers.
///
/// # Errors
///
/// When its directory does not hold a whole authority, another process uses it, or the port is taken.
pub async fn start(config: &DirectoryConfig, shutdown: Shutdown) -> Result<RunningDirectory, ShellError> {
    // Taken first: it fails if this authority runs already.
    let control = ControlServer::bind(&config.control_socket())?;
    let secret = identity_file::read(&config.identity_file())?;
    let (key, acceptor) = (secret.id(), LinkAcceptor::new(&secret, LinkTimes::default())?);
    let mut authority = Authority::new(config.authority(), secret)?;
    let state = State::open(&config.dir)?;
    let kept = state.load()?;
    let consensus = restore(&mut authority, kept)?;

    let listen = |reason| ShellError::Listen { address: config.listen.clone(), reason };
    let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
    let address = listener.local_address().map_err(listen)?;
    let network_info = config.network_info(key);
    let clock = Clock::system();
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (consensus_in, consensus_out) = watch::channel(consensus);
    let failures = Arc::new(LinkFailures::default());
    let engine = Engine {
        authority,
        state,
        identity: Identity {
            address: config.announce.clone().unwrap_or_else(|| config.listen.clone()),
            software: SOFTWARE.to_owned(),
            network_link: network_info.to_link()?,
        },
        started: clock.now(),
        clock,
        events,
        consensus: consensus_in,
        failures: Arc::clone(&failures),
        shutdown: shutdown.clone(),
    };
    tracing::info!(%key, %address, network = network_info.network, "listening");
    let links = Arc::new(Links { events: events_in.clone(), consensus: consensus_out });
    let serving_links =
        tokio::spawn(serve_links(listener, acceptor, failures, shutdown.clone(), move |link| {
            let links = Arc::clone(&links);
            async move { links.serve(link).await }
        }));
    let serving_control = tokio::spawn(control.serve(Arc::new(Control { events: events_in }), shutdown));
    let running = tokio::spawn(async move {
        let outcome = engine.run().await;
        for serving in [serving_links, serving_control] {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a part of the authority did not end by itself");
            }
        }
        outcome
    });
    Ok(RunningDirectory { key, address, running })
}

/// Gives the core back what was kept, and returns the consensus to serve.
fn restore(authority: &mut Authority, kept: Kept) -> Result<Option<Arc<Vec<u8>>>, ShellError> {
    if let Some(bytes) = &kept.consensus {
        authority.restore_consensus(bytes)?;
    }
    for bytes in &kept.descriptors {
        // A node that is not admitted any more, or a damaged file: the node publishes again, or not.
        if let Err(refusal) = authority.restore_descriptor(bytes) {
            tracing::warn!(label = refusal.label(), "a kept descriptor does not count any more: {refusal}");
        }
    }
    Ok(kept.consensus.map(Arc::new))
}
