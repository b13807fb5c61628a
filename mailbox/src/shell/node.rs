//! Starting a mailbox from its configuration, and waiting for its end.

use std::path::Path;
use std::sync::Arc;

use sotto_protocol::directory::Role;
use sotto_transport::clock::Clock;
use sotto_transport::dial::Listener;
use sotto_transport::link::LinkTimes;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{Listening, Member, NodeError, NodePlan, Running};
use tokio::sync::mpsc;

use super::config::MailboxConfig;
use super::direct::{DIRECT_SILENCE_MAX, DirectLinks};
use super::engine::{EVENTS_MAX, Engine};
use super::error::ShellError;
use super::links::Links;
use super::store_jobs::StoreJobs;
use crate::core::{Mailbox, MailboxReport};
use crate::store::RedbStore;

/// The name of the program.
pub(super) const PROGRAM: &str = "sotto-mailbox";

/// Name and version, as descriptors state them.
const SOFTWARE: &str = concat!("sotto-mailbox ", env!("CARGO_PKG_VERSION"));

/// A mailbox that runs until the shutdown it was started with.
pub type RunningMailbox = Running<MailboxReport>;

/// Starts a mailbox. When this returns, it listens, and its control socket answers.
///
/// After `shutdown` it takes nothing new, answers what it holds and ends.
///
/// # Errors
///
/// [`ShellError`], before anything was told to the network.
pub async fn start(config: &MailboxConfig, shutdown: Shutdown) -> Result<RunningMailbox, ShellError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let listening = Listening::open(&plan).await?;
    run(config, &plan, listening, shutdown).await
}

/// Starts a mailbox whose onion service `onion` stands in for: for tests without Tor. Nobody is told of an address.
///
/// # Errors
///
/// As [`start`].
pub async fn start_with_onion_stand_in(
    config: &MailboxConfig,
    onion: Box<dyn Listener>,
    shutdown: Shutdown,
) -> Result<RunningMailbox, ShellError> {
    let control_socket = config.control_socket();
    let plan = plan(config, &control_socket);
    let listening = Listening::open(&plan).await?.with_onion_stand_in(onion);
    run(config, &plan, listening, shutdown).await
}

fn plan<'a>(config: &'a MailboxConfig, control_socket: &'a Path) -> NodePlan<'a> {
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

async fn run(
    config: &MailboxConfig,
    plan: &NodePlan<'_>,
    listening: Listening,
    shutdown: Shutdown,
) -> Result<RunningMailbox, ShellError> {
    let (path, quota) = (config.store_file(), config.quota_boxes);
    let opened = tokio::task::spawn_blocking(move || StoreJobs::new(RedbStore::open(&path, quota)?)).await;
    let store = opened.map_err(|error| NodeError::system("open the store")(error.into()))??;
    let clock = Clock::system();
    let member = Member::join(&listening, plan, &config.network, Role::Mailbox, &clock, &shutdown)?;
    let (events_in, events) = mpsc::channel(EVENTS_MAX);
    let links = Arc::new(Links {
        events: events_in.clone(),
        consensus: member.membership.consensus.clone(),
        direct_silence_max: DIRECT_SILENCE_MAX,
    });
    let engine = Engine {
        mailbox: Mailbox::new(listening.secret.id(), clock.now()),
        store,
        member,
        direct: DirectLinks::new(),
        clock,
        events,
        shutdown: shutdown.clone(),
    };
    // The links outlive the signal, so that clients on direct links get what the mailbox still holds.
    let links_end = Shutdown::new();
    let running = async move {
        let report = engine.run().await;
        tracing::info!(balanced = report.ledger.balanced(), held = report.ledger.held, "ended");
        report
    };
    let on_link = move |link, arrival| {
        let links = Arc::clone(&links);
        async move { links.serve(link, arrival).await }
    };
    Ok(listening.serve(running, events_in, on_link, links_end, shutdown))
}
