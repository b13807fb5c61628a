//! Puts a running node together from its configuration, and takes it down in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::sphinx::fast::X25519;
use sotto_transport::clock::Clock;
use sotto_transport::dial::Listener;
use sotto_transport::link::LinkTimes;
use sotto_transport::listen::ListenLimits;
use sotto_transport::node::log::LogHandle;
use sotto_transport::node::reload::{self, ReloadRequest};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{Listening, Member, NodeError, NodePlan, Running};
use tokio::sync::{mpsc, watch};

use super::asking::Asker;
use super::committer::Committer;
use super::config::NodeConfig;
use super::engine::{EVENTS_MAX, Engine, Event};
use super::links::LinkContext;
use super::metrics::{self, MetricsServer};
use super::outlets::Outlets;
use super::reload::Reloader;
use super::systemd;
use super::workers::Workers;
use crate::core::{DropLabel, Mix, MixReport};

/// How long an incoming link may be silent. Nodes send dummies and clients cover all the time, so
/// one that is silent for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// The name of the program.
pub(super) const PROGRAM: &str = "sotto-mix";

/// Name and version as descriptor and status tell them.
const SOFTWARE: &str = concat!("sotto-mix ", env!("CARGO_PKG_VERSION"));

/// A mix that runs until the shutdown it was started with.
pub type RunningMix = Running<MixReport>;

/// Starts a node. When this returns, it listens, and its control socket answers.
///
/// After `shutdown` the node accepts no link, has its neighbours close theirs and takes what they had sent, keeps the
/// delays of what it holds for [`crate::core::FLUSH_MAX`] at most, sends the rest and ends.
///
/// # Errors
/// [`NodeError`], before anything was told to the network.
pub async fn start(config: &NodeConfig, shutdown: Shutdown) -> Result<RunningMix, NodeError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let listening = Listening::open(&plan).await?;
    run(config, &plan, listening, None, shutdown)
}

/// What a node needs that reads its configuration again while it runs.
#[derive(Debug)]
pub struct Reloading {
    /// The file that the configuration was read from.
    pub path: PathBuf,
    /// The log that its filter acts on.
    pub log: LogHandle,
}

/// Starts a node that reads its configuration again at SIGHUP and at `reload` on its control socket.
///
/// # Errors
/// As [`start`]; [`NodeError::System`] if the system does not let the process listen for the signal.
pub async fn start_reloading(
    config: &NodeConfig,
    reloading: Reloading,
    shutdown: Shutdown,
) -> Result<RunningMix, NodeError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let (reloads, requests) = reload::channel();
    reloads.on_sighup().map_err(NodeError::system("listen for SIGHUP"))?;
    let listening = Listening::open(&plan).await?.with_reloads(Some(reloads));
    run(config, &plan, listening, Some((reloading, requests)), shutdown)
}

/// Starts a node whose onion service `onion` stands in for: for tests without Tor. Nobody is told of an address.
///
/// # Errors
/// As [`start`].
pub async fn start_with_onion_stand_in(
    config: &NodeConfig,
    onion: Box<dyn Listener>,
    shutdown: Shutdown,
) -> Result<RunningMix, NodeError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let listening = Listening::open(&plan).await?.with_onion_stand_in(onion);
    run(config, &plan, listening, None, shutdown)
}

fn plan<'a>(config: &'a NodeConfig, control_socket: &'a Path) -> NodePlan<'a> {
    NodePlan {
        program: PROGRAM,
        software: SOFTWARE,
        dir: &config.dir,
        control_socket,
        listen: &config.listen,
        announce: config.announce.as_deref(),
        times: LinkTimes { silence_max: Some(SILENCE_MAX), ..LinkTimes::default() },
        onion: config.onion_plan(),
    }
}

fn run(
    config: &NodeConfig,
    plan: &NodePlan<'_>,
    listening: Listening,
    reloading: Option<(Reloading, mpsc::Receiver<ReloadRequest>)>,
    shutdown: Shutdown,
) -> Result<RunningMix, NodeError> {
    let listen_limits = listening.limits.clone();
    listen_limits.send_replace(config.limits.for_listener(config.role));
    let clock = Clock::system();
    let member = Member::join(&listening, plan, &config.network, config.role.into(), &clock, &shutdown)?;
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (topology, topology_out) = watch::channel(0);
    let (restored_in, restored) = mpsc::unbounded_channel();
    let (node_links_in, node_links) = watch::channel(0);
    let context = LinkContext {
        events: events_in.clone(),
        consensus: member.membership.consensus.clone(),
        topology: topology_out,
        failures: Arc::clone(&listening.failures),
        clock: clock.clone(),
        stopping: shutdown.clone(),
        node_links: node_links_in,
    };
    let workers = Workers::start(config.limits.workers, config.x25519.unwrap_or_else(X25519::detect))?;
    let committer = Committer::start(member.membership.tag_logs.clone())?;
    let metrics = MetricsServer::new(config.metrics);
    let config_path = reloading.as_ref().map(|(reloading, _)| reloading.path.clone());
    serve_operator(config, reloading, &events_in, &metrics, listen_limits, &clock, &shutdown);
    let engine = Engine {
        mix: Mix::new(config.limits.for_core(listening.secret.id())),
        role: config.role,
        epoch_s: config.network.epoch_s,
        member,
        clock,
        events,
        topology,
        shutdown: shutdown.clone(),
        node_links,
        outlets: Outlets::default(),
        workers,
        committer,
        config: config_path,
        metrics,
        inbox: Vec::new(),
        restored,
        restored_in,
        estimates: Arc::default(),
    };
    // The links outlive the signal, so that clients get what the node still holds.
    let links_end = Shutdown::new();
    let running = {
        let links_end = links_end.clone();
        async move {
            let report = engine.run().await;
            links_end.trigger();
            let ledger = &report.ledger;
            tracing::info!(
                balanced = ledger.balanced(),
                received = ledger.received,
                forwarded = ledger.forwarded,
                delivered = ledger.delivered_total(),
                dropped = ledger.dropped_total(),
                stopped = ledger.dropped.get(DropLabel::Stopped.label()).copied().unwrap_or_default(),
                lost_on_link = ledger.links.lost_on_link,
                held = ledger.held,
                "ended"
            );
            report
        }
    };
    // A client's session is the same by whichever way its link came.
    let on_link = move |link, _arrival| context.clone().serve(link);
    Ok(listening.serve(running, events_in, on_link, links_end, shutdown))
}

/// Starts what serves the operator and its service manager, until `shutdown`: metrics, reloads, signs of life.
fn serve_operator(
    config: &NodeConfig,
    reloading: Option<(Reloading, mpsc::Receiver<ReloadRequest>)>,
    events: &mpsc::Sender<Event>,
    metrics: &MetricsServer,
    listen_limits: watch::Sender<ListenLimits>,
    clock: &Clock,
    shutdown: &Shutdown,
) {
    let asker = Asker::new(events.clone());
    let source = metrics::Source {
        asker: asker.clone(),
        clock: clock.clone(),
        started: clock.now(),
        epoch_s: config.network.epoch_s,
        dir: config.dir.clone(),
    };
    let metrics = metrics.clone();
    tokio::spawn(metrics::serve(metrics.clone(), source, shutdown.clone()));
    tokio::spawn(systemd::give_signs_of_life(asker.clone(), shutdown.clone()));
    tokio::spawn(systemd::tell_stop(shutdown.clone()));
    if let Some((Reloading { path, log }, requests)) = reloading {
        let reloader = Reloader { path, config: config.clone(), log, asker, metrics, listen_limits };
        tokio::spawn(reloader.run(requests));
    }
}
