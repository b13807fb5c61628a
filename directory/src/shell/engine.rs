//! The one task that owns the core: descriptors come in by a bounded queue, consensuses go out.
//!
//! Whatever the core accepts or signs is on disk before anybody hears of it. If a new consensus cannot
//! be kept, the authority ends: started again, it would sign the epoch a second time, and differently.

use std::sync::Arc;

use serde_json::Value;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::listen::LinkFailures;
use sotto_transport::node::control::ControlRequest;
use sotto_transport::node::memory::rss_kib;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::{NodeError, OnionWatch};
use sotto_transport::private::PrivateFileError;
use sotto_transport::rng::OsRng;
use tokio::sync::{mpsc, oneshot, watch};

use super::error::ShellError;
use super::refusals::Refusals;
use super::state::State;
use super::status::DirectoryStatus;
use crate::core::{Authority, AuthorityError, AuthorityReport};

/// Events that wait for the core. Beyond that the links' tasks wait, and with them their peers.
pub(super) const EVENTS_MAX: usize = 64;

/// What happened.
pub(super) enum Event {
    /// Somebody brought a descriptor.
    Descriptor { bytes: Vec<u8>, reply: oneshot::Sender<Verdict> },
    /// The operator asks.
    Control(ControlRequest),
}

impl From<ControlRequest> for Event {
    fn from(request: ControlRequest) -> Self {
        Self::Control(request)
    }
}

/// What became of a descriptor.
pub(super) enum Verdict {
    Accepted,
    Refused { label: &'static str, text: String },
}

/// What the status tells and the core does not know.
pub(super) struct Identity {
    pub(super) address: String,
    pub(super) software: String,
    pub(super) network_link: String,
}

/// The core with everything that it needs around it.
pub(super) struct Engine {
    pub(super) authority: Authority,
    pub(super) state: State,
    pub(super) identity: Identity,
    pub(super) clock: Clock,
    pub(super) started: Timestamp,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) consensus: watch::Sender<Option<Arc<Vec<u8>>>>,
    pub(super) failures: Arc<LinkFailures>,
    pub(super) onion: Option<OnionWatch>,
    pub(super) refusals: Refusals,
    pub(super) shutdown: Shutdown,
}

impl Engine {
    /// Runs until the authority is told to end or cannot go on.
    pub(super) async fn run(mut self) -> Result<AuthorityReport, ShellError> {
        loop {
            tokio::select! {
                () = self.shutdown.triggered() => return Ok(self.authority.report()),
                Some(event) = self.events.recv() => self.take(event).await,
                () = self.clock.sleep_until(self.authority.poll_timeout()) => {
                    if let Err(error) = self.advance().await {
                        tracing::error!(label = error.label(), "{error}");
                        self.shutdown.trigger();
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            // Whoever asked may have left meanwhile.
            Event::Descriptor { bytes, reply } => drop(reply.send(self.judge(bytes).await)),
            Event::Control(ControlRequest::Status { reply }) => drop(reply.send(self.status())),
            // An authority is part of the network link: it cannot leave.
            Event::Control(ControlRequest::Drain { .. }) => {}
            // An authority originates nothing.
            Event::Control(ControlRequest::Quiesce { reply }) => drop(reply.send(())),
        }
    }

    async fn judge(&mut self, bytes: Vec<u8>) -> Verdict {
        let node = match self.authority.handle_descriptor(self.clock.now(), &bytes) {
            Ok(node) => node,
            Err(refusal) => {
                let (label, signer) = (refusal.label(), self.authority.signer(&bytes));
                let node = signer.map(tracing::field::display);
                if self.refusals.is_news(signer, label) {
                    tracing::info!(label, node, "descriptor refused: {refusal}; told once for each epoch");
                } else {
                    tracing::debug!(label, node, "descriptor refused again: {refusal}");
                }
                return Verdict::Refused { label: refusal.label(), text: refusal.to_string() };
            }
        };
        self.refusals.forget(node);
        match self.on_disk(move |state| state.keep_descriptor(&node, &bytes)).await {
            Ok(()) => Verdict::Accepted,
            Err(error) => {
                tracing::error!(label = error.label(), "{error}");
                let text = "the authority cannot keep the descriptor: publish it again later".to_owned();
                Verdict::Refused { label: "storage-failed", text }
            }
        }
    }

    /// Signs if it is time to, keeps what was signed, and lets it be seen.
    async fn advance(&mut self) -> Result<(), ShellError> {
        let progress = self.authority.handle_timeout(self.clock.now(), &mut OsRng);
        for node in progress.departed {
            tracing::info!(node = %node, "node left: it has not published for {} epochs", crate::core::EPOCHS_KEPT);
            self.forget(node).await;
        }
        match self.authority.unsigned() {
            Some(unsigned) if self.authority.consensus().is_some() => {
                tracing::warn!(label = unsigned.label(), "no consensus for this epoch: {unsigned}");
            }
            Some(unsigned) => tracing::info!(label = unsigned.label(), "waiting for nodes: {unsigned}"),
            None => {}
        }
        if progress.signed {
            self.refusals.clear();
            self.publish().await?;
        }
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), ShellError> {
        let Some(signed) = self.authority.consensus() else {
            return Ok(());
        };
        let bytes = Arc::new(signed.to_bytes().map_err(AuthorityError::Consensus)?);
        let kept = Arc::clone(&bytes);
        self.on_disk(move |state| state.keep_consensus(&kept)).await?;
        self.consensus.send_replace(Some(bytes));
        if let Some(consensus) = self.authority.document() {
            tracing::info!(epoch = consensus.epoch, nodes = consensus.nodes.len(), "consensus signed");
        }
        Ok(())
    }

    async fn forget(&self, node: NodeId) {
        // A file that stays is refused as too old, or replaced, when the authority next looks at it.
        if let Err(error) = self.on_disk(move |state| state.forget_descriptor(&node)).await {
            tracing::warn!(label = error.label(), "{error}");
        }
    }

    /// Runs `work` on a thread that may block.
    async fn on_disk(
        &self,
        work: impl FnOnce(&State) -> Result<(), PrivateFileError> + Send + 'static,
    ) -> Result<(), ShellError> {
        let state = self.state.clone();
        let worked = tokio::task::spawn_blocking(move || work(&state)).await;
        Ok(worked.map_err(|error| NodeError::system("work on the disk")(error.into()))??)
    }

    fn status(&self) -> Value {
        let status = DirectoryStatus {
            role: "directory".to_owned(),
            node: self.authority.id().to_string(),
            address: self.identity.address.clone(),
            software: self.identity.software.clone(),
            uptime_s: self.clock.now().since(self.started).as_secs(),
            rss_kib: rss_kib(),
            report: self.authority.report(),
            network_link: self.identity.network_link.clone(),
            onion: self.onion.as_ref().map(OnionWatch::status),
            link_failures: self.failures.snapshot(),
        };
        serde_json::to_value(status).unwrap_or_default()
    }
}
