//! Starting an authority from its configuration, and waiting for its end.

use std::path::Path;
use std::sync::Arc;

use sotto_transport::clock::Clock;
use sotto_transport::dial::Listener;
use sotto_transport::link::LinkTimes;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{Listening, NodeError, NodePlan, Running};
use tokio::sync::{mpsc, watch};

use super::config::DirectoryConfig;
use super::engine::{EVENTS_MAX, Engine, Identity};
use super::error::ShellError;
use super::links::Links;
use super::refusals::Refusals;
use super::state::{Kept, State};
use crate::core::{Authority, AuthorityReport};

/// The name of the program.
pub(super) const PROGRAM: &str = "sotto-directory";

/// Name and version, for the status.
const SOFTWARE: &str = concat!("sotto-directory ", env!("CARGO_PKG_VERSION"));

/// An authority that runs until the shutdown it was started with. If it ends otherwise, it says why.
pub type RunningDirectory = Running<Result<AuthorityReport, ShellError>>;

/// Starts an authority. When this returns, it listens, and its control socket answers.
///
/// # Errors
///
/// When its directory does not hold a whole authority, another process uses it, or the port is taken.
pub async fn start(config: &DirectoryConfig, shutdown: Shutdown) -> Result<RunningDirectory, ShellError> {
    let control_socket = config.control_socket();
    let listening = Listening::open(&plan(config, &control_socket)).await?;
    run(config, listening, shutdown)
}

/// Starts an authority whose onion service `onion` stands in for: for tests without Tor. Nobody is told of an address.
///
/// # Errors
///
/// As [`start`].
pub async fn start_with_onion_stand_in(
    config: &DirectoryConfig,
    onion: Box<dyn Listener>,
    shutdown: Shutdown,
) -> Result<RunningDirectory, ShellError> {
    let control_socket = config.control_socket();
    let listening = Listening::open(&plan(config, &control_socket)).await?.with_onion_stand_in(onion);
    run(config, listening, shutdown)
}

fn plan<'a>(config: &'a DirectoryConfig, control_socket: &'a Path) -> NodePlan<'a> {
    NodePlan {
        program: PROGRAM,
        software: SOFTWARE,
        dir: &config.dir,
        control_socket,
        listen: &config.listen,
        announce: config.announce.as_deref(),
        times: LinkTimes::default(),
        onion: config.onion_plan(),
    }
}

fn run(
    config: &DirectoryConfig,
    listening: Listening,
    shutdown: Shutdown,
) -> Result<RunningDirectory, ShellError> {
    let key = listening.secret.id();
    let mut authority = Authority::new(config.authority(), Arc::clone(&listening.secret))?;
    let state = State::open(&config.dir)?;
    let kept = state.load()?;
    let consensus = restore(&mut authority, kept)?;
    let clock = Clock::system();
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let (consensus_in, consensus_out) = watch::channel(consensus);
    let engine = Engine {
        authority,
        state,
        identity: Identity {
            address: config.announce.clone().unwrap_or_else(|| config.listen.clone()),
            software: SOFTWARE.to_owned(),
            network_link: config.network_info(key)?.to_link().map_err(NodeError::from)?,
        },
        started: clock.now(),
        clock,
        events,
        consensus: consensus_in,
        failures: Arc::clone(&listening.failures),
        onion: listening.onion_watch(),
        refusals: Refusals::default(),
        shutdown: shutdown.clone(),
    };
    tracing::info!(%key, address = %listening.local_address, network = config.network, "listening");
    let links = Arc::new(Links { events: events_in.clone(), consensus: consensus_out });
    // What is signed is worth the same by whichever way it comes.
    let on_link = move |link, _arrival| {
        let links = Arc::clone(&links);
        async move { links.serve(link).await }
    };
    Ok(listening.serve(engine.run(), events_in, on_link, shutdown.clone(), shutdown))
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
