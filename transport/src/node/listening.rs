//! A node that listens: its key, its port, its onion service and its control socket, then the tasks that serve them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::is_address;
use sotto_protocol::ident::{NodeId, NodeSecret};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::control::{ControlRequest, ControlServer};
use super::error::NodeError;
use super::layout;
use super::onion::{Arrival, Hosted, OnionPlan, OnionWatch};
use super::reload::Reloads;
use super::shutdown::Shutdown;
use crate::dial::{Listener, TcpListener};
use crate::link::{Link, LinkAcceptor, LinkError, LinkTimes};
use crate::listen::{LinkFailures, ListenLimits, ListenPolicy, Members, serve_links};

/// What a node of any kind is started with.
#[derive(Clone, Debug)]
pub struct NodePlan<'a> {
    /// The program that makes such nodes.
    pub program: &'static str,
    /// Name and version of the software, as descriptor and status tell them.
    pub software: &'static str,
    /// The node's directory.
    pub dir: &'a Path,
    /// Where the control socket goes.
    pub control_socket: &'a Path,
    /// `ip:port`; with port 0 the system chooses one.
    pub listen: &'a str,
    /// Where others reach it, `host:port`, if not where it listens.
    pub announce: Option<&'a str>,
    /// How long its incoming links wait.
    pub times: LinkTimes,
    /// Its onion service, if it is to have one.
    pub onion: Option<OnionPlan>,
}

/// How long a handshake may take that comes by the onion service. A round trip over Tor takes a second or two, and a
/// circuit that stalls gets a chance.
const ONION_HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// A node that has its key, its port and its control socket, and serves none of them yet.
pub struct Listening {
    /// Its key.
    pub secret: Arc<NodeSecret>,
    /// Where it listens, with the port that the system chose.
    pub local_address: SocketAddr,
    /// Counts the incoming links that fail.
    pub failures: Arc<LinkFailures>,
    /// The limits of its listeners. What is sent here counts from then on, also while the node is being served; whoever
    /// sends has [checked](ListenLimits::check) it.
    pub limits: watch::Sender<ListenLimits>,
    /// The nodes that find room among others.
    pub(super) members: Members,
    control: ControlServer,
    reloads: Option<Reloads>,
    listener: TcpListener,
    acceptor: LinkAcceptor,
    onion_acceptor: LinkAcceptor,
    onion: Option<Hosted>,
}

impl Listening {
    /// Reads the key, takes the control socket and the port, and starts Tor, if there is to be an onion service. Nothing
    /// waits for Tor.
    ///
    /// # Errors
    ///
    /// When there is no key, the node runs already, the port is taken, or Tor cannot be started.
    pub async fn open(plan: &NodePlan<'_>) -> Result<Self, NodeError> {
        let secret = Arc::new(layout::read_identity(plan.dir, plan.program)?);
        // Before anything that changes the node's files: it fails if the node runs already.
        let control = ControlServer::bind(plan.control_socket)?;
        let listen = |reason| NodeError::Listen { address: plan.listen.to_owned(), reason };
        let listener = TcpListener::bind(plan.listen).await.map_err(listen)?;
        let local_address = listener.local_address().map_err(listen)?;
        let acceptor = LinkAcceptor::new(&secret, plan.times)?;
        let onion_times = LinkTimes { handshake_max: ONION_HANDSHAKE_MAX, ..plan.times };
        let onion_acceptor = LinkAcceptor::new(&secret, onion_times)?;
        let onion = match &plan.onion {
            Some(onion) => Some(Hosted::start(onion, plan.dir, plan.program)?),
            None => None,
        };
        Ok(Self {
            secret,
            local_address,
            failures: Arc::default(),
            limits: watch::Sender::default(),
            members: Members::default(),
            control,
            reloads: None,
            listener,
            acceptor,
            onion_acceptor,
            onion,
        })
    }

    /// Lets the control socket ask for another reading of the configuration.
    #[must_use]
    pub fn with_reloads(self, reloads: Option<Reloads>) -> Self {
        Self { reloads, ..self }
    }

    /// Lets `listener` stand in for the onion service: its links count as such, and no address is told to anybody. For
    /// tests, which need no Tor then.
    #[must_use]
    pub fn with_onion_stand_in(mut self, listener: Box<dyn Listener>) -> Self {
        self.onion = Some(Hosted::stand_in(listener));
        self
    }

    /// The onion service's address, if there is one.
    #[must_use]
    pub fn onion_address(&self) -> Option<&str> {
        self.onion.as_ref()?.service.as_ref().map(|(address, _)| address.as_str())
    }

    /// How the onion service is doing, if there is one.
    #[must_use]
    pub fn onion_watch(&self) -> Option<OnionWatch> {
        self.onion.as_ref()?.service.as_ref().map(|(_, watch)| watch.clone())
    }

    /// Where others are told to reach the node: at `announce`, or where it listens.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoAnnounce`] if it listens on all addresses and was not told by which others reach it.
    pub fn announced(&self, announce: Option<&str>) -> Result<String, NodeError> {
        if let Some(announce) = announce {
            return Ok(announce.to_owned());
        }
        let address = self.local_address.to_string();
        if self.local_address.ip().is_unspecified() || !is_address(&address) {
            return Err(NodeError::NoAnnounce { address });
        }
        Ok(address)
    }

    /// Starts the node's tasks: `engine`, which owns the core; one for every link, by `on_link`, which is told by which
    /// way it came, until `links_end`; the control socket, until `shutdown`, whose requests join the other `events`. After `shutdown` no
    /// link is accepted that was not there before.
    pub fn serve<E, R, F, L, Fut>(
        self,
        engine: F,
        events: mpsc::Sender<E>,
        on_link: L,
        links_end: Shutdown,
        shutdown: Shutdown,
    ) -> Running<R>
    where
        E: From<ControlRequest> + Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
        L: Fn(Link, Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), LinkError>> + Send + 'static,
    {
        let policy = ListenPolicy::new(self.limits.subscribe(), self.members).closing(shutdown.clone());
        let Self {
            secret,
            local_address,
            failures,
            control,
            reloads,
            listener,
            acceptor,
            onion_acceptor,
            onion,
            ..
        } = self;
        let ends = [links_end.trigger_on_drop(), shutdown.trigger_on_drop()];
        let on_link = Arc::new(on_link);
        let onion_links = onion.map(|Hosted { listener, tor: (tor, tor_end), .. }| {
            let (on_link, failures, policy, links_end) =
                (Arc::clone(&on_link), Arc::clone(&failures), policy.clone(), links_end.clone());
            tokio::spawn(async move {
                let on_link = move |link| on_link(link, Arrival::Onion);
                let tor_end = tor_end.trigger_on_drop();
                serve_links(listener, onion_acceptor, failures, policy, links_end, on_link).await;
                drop((tor_end, tor));
            })
        });
        let on_link = move |link| on_link(link, Arrival::Tcp);
        let links = tokio::spawn(serve_links(listener, acceptor, failures, policy, links_end, on_link));
        let control = tokio::spawn(control.serve(events, reloads, shutdown));
        let running = tokio::spawn(async move {
            let outcome = engine.await;
            // Dropped here, or by a panic of the engine: nothing is served without it.
            drop(ends);
            for serving in [Some(links), Some(control), onion_links].into_iter().flatten() {
                if let Err(error) = serving.await {
                    tracing::warn!(%error, "a part of the node did not end by itself");
                }
            }
            outcome
        });
        Running { node: secret.id(), address: local_address, running }
    }
}

/// A node that runs until the shutdown it was started with.
#[derive(Debug)]
pub struct Running<R> {
    node: NodeId,
    address: SocketAddr,
    running: JoinHandle<R>,
}

impl<R> Running<R> {
    /// Its name, which is its key.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the node's end, and returns what its engine returned: its last report.
    ///
    /// # Errors
    ///
    /// [`NodeError::System`] if the node's task did not end by itself.
    pub async fn ended(self) -> Result<R, NodeError> {
        self.running.await.map_err(|error| NodeError::system("end in order")(error.into()))
    }
}
