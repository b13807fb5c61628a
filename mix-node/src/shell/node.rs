//! Puts a running node together from its configuration, and takes it down in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_transport::clock::Clock;
use sotto_transport::dial::Listener;
use sotto_transport::link::LinkTimes;
use sotto_transport::listen::ListenLimits;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{Listening, Member, NodeError, NodePlan, Running};
use tokio::sync::{mpsc, watch};

use super::config::{MixRole, NodeConfig};
use super::engine::{EVENTS_MAX, Engine};
use super::links::LinkContext;
use super::outlets::Outlets;
use crate::core::{Mix, MixConfig, MixReport};

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
/// After `shutdown` the node takes nothing new, keeps the delays of what it holds for
/// [`crate::core::FLUSH_MAX`] at most, sends the rest and ends.
///
/// # Errors
/// [`NodeError`], before anything was told to the network.
pub async fn start(config: &NodeConfig, shutdown: Shutdown) -> Result<RunningMix, NodeError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let listening = Listening::open(&plan).await?;
    run(config, &plan, listening, shutdown)
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
    run(config, &plan, listening, shutdown)
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
    shutdown: Shutdown,
) -> Result<RunningMix, NodeError> {
    if config.role == MixRole::Mix {
        listening.limits.send_replace(ListenLimits::without_clients());
    }
    let clock = Clock::system();
    let member = Member::join(&listening, plan, &config.network, config.role.into(), &clock, &shutdown)?;
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (topology, topology_out) = watch::channel(0);
    let context = LinkContext {
        events: events_in.clone(),
        consensus: member.membership.consensus.clone(),
        topology: topology_out,
        failures: Arc::clone(&listening.failures),
    };
    let engine = Engine {
        mix: Mix::new(MixConfig::new(listening.secret.id())),
        role: config.role,
        member,
        clock,
        events,
        topology,
        shutdown: shutdown.clone(),
        outlets: Outlets::default(),
    };
    // The links outlive the signal, so that clients get what the node still holds.
    let links_end = Shutdown::new();
    let running = {
        let links_end = links_end.clone();
        async move {
            let report = engine.run().await;
            links_end.trigger();
            tracing::info!(balanced = report.ledger.balanced(), held = report.ledger.held, "ended");
            report
        }
    };
    // A client's session is the same by whichever way its link came.
    let on_link = move |link, _arrival| context.clone().serve(link);
    Ok(listening.serve(running, events_in, on_link, links_end, shutdown))
}
