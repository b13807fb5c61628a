//! The one task that owns the core: packets come in by a bounded queue, batches go to the store, answers to
//! the links.
//!
//! It never waits for a peer, for a client or for the disk. What a link does not take at once is not sent, and the
//! core is told; who sent the command will ask again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Packet;
use sotto_transport::clock::Clock;
use sotto_transport::node::Member;
use sotto_transport::node::control::ControlRequest;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use tokio::sync::{mpsc, oneshot};

use super::direct::{DirectLinks, OpenedDirect};
use super::status::MailboxStatus;
use super::store_jobs::{Done, Job, StoreJobs};
use crate::core::{Action, Mailbox, MailboxReport, Source};
use crate::store::Store;

/// Events that wait for the core. Beyond that the links' tasks wait, and with them their peers.
pub(super) const EVENTS_MAX: usize = 1024;
/// How long the end may take once everything has been answered.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// The label of an answer whose direct link has ended.
const DIRECT_LINK_GONE: &str = "direct-link-gone";

/// What happened.
pub(super) enum Event {
    /// A packet came from a node or on a direct link.
    Packet { from: Source, packet: Packet },
    /// A client wants to send packets over its link: nothing if there is no room.
    OpenDirect { reply: oneshot::Sender<Option<OpenedDirect>> },
    /// The operator asks.
    Control(ControlRequest),
}

impl From<ControlRequest> for Event {
    fn from(request: ControlRequest) -> Self {
        Self::Control(request)
    }
}

/// The core with everything that its actions act on.
pub(super) struct Engine<S> {
    pub(super) mailbox: Mailbox,
    pub(super) store: StoreJobs<S>,
    pub(super) member: Member,
    pub(super) direct: DirectLinks,
    pub(super) clock: Clock,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) shutdown: Shutdown,
}

impl<S: Store> Engine<S> {
    /// Runs until the mailbox is told to end and has answered what it held; returns the last report.
    pub(super) async fn run(mut self) -> MailboxReport {
        while let Ok((epoch, key)) = self.member.membership.keys.try_recv() {
            self.mailbox.install_key(epoch, key);
        }
        self.take_consensus();
        while self.turn().await {}
        self.stop().await;
        self.report()
    }

    /// Waits for one thing to happen and does what follows. `false` when the mailbox is to end.
    async fn turn(&mut self) -> bool {
        tokio::select! {
            () = self.shutdown.triggered() => return false,
            done = self.store.done() => self.take_done(done),
            Some(event) = self.events.recv() => self.take_event(event),
            Some((epoch, key)) = self.member.membership.keys.recv() => {
                self.mailbox.install_key(epoch, key);
            }
            Ok(()) = self.member.membership.consensus.changed() => self.take_consensus(),
            () = self.clock.sleep_until(self.mailbox.poll_timeout()) => {
                self.mailbox.handle_timeout(self.clock.now(), &mut OsRng);
            }
        }
        self.perform();
        true
    }

    /// Answers what has arrived, then closes the links.
    async fn stop(&mut self) {
        self.mailbox.quiesce();
        self.events.close();
        while let Some(event) = self.events.recv().await {
            self.take_event(event);
            self.perform();
        }
        while !self.store.is_idle() {
            let done = self.store.done().await;
            self.take_done(done);
            self.perform();
        }
        tokio::join!(self.member.pool.close(CLOSE_MAX), self.direct.close(CLOSE_MAX));
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Packet { from, packet } => {
                let now = self.clock.now();
                if let Err(reason) = self.mailbox.handle_packet(now, from, packet) {
                    tracing::debug!(label = reason.label(), "packet dropped");
                }
            }
            // Whoever asked may have left meanwhile.
            Event::OpenDirect { reply } => drop(reply.send(self.direct.open())),
            Event::Control(ControlRequest::Status { reply }) => drop(reply.send(self.status())),
            // A mailbox keeps what others fetch for days: there is no moment at which nobody needs it.
            Event::Control(ControlRequest::Drain { .. }) => {}
            Event::Control(ControlRequest::Quiesce { reply }) => {
                self.mailbox.quiesce();
                let _told = reply.send(());
            }
        }
    }

    fn take_done(&mut self, done: Option<Done>) {
        match done {
            Some(Done::Applied(id, results)) => self.mailbox.handle_results(id, results),
            // A failed collection is tried again after the usual pause.
            Some(Done::Collected(records)) => {
                self.mailbox.handle_garbage(self.clock.now(), records.unwrap_or(0));
            }
            None => {
                tracing::error!(label = "store-panicked", "the store's work panicked; ending");
                self.shutdown.trigger();
            }
        }
    }

    fn take_consensus(&mut self) {
        let Some(adopted) = self.member.membership.consensus.borrow_and_update().clone() else {
            return;
        };
        let now = self.clock.now();
        let consensus = Arc::new(adopted.consensus.clone());
        self.mailbox.handle_consensus(now, consensus, &mut OsRng);
        self.member.pool.set_peers(self.mailbox.links(now).into_iter().collect());
    }

    /// Hands batches to the store and packets to the links.
    fn perform(&mut self) {
        while let Some(action) = self.mailbox.poll_action() {
            match action {
                Action::Send { to, packet } => match self.member.pool.try_send(&to, Frame::Packet(packet)) {
                    Ok(()) => self.mailbox.handle_sent(),
                    Err(refusal) => self.mailbox.handle_unsent(refusal.label()),
                },
                Action::Deliver { to, surb_id, payload } => {
                    if self.direct.try_deliver(to, Frame::Delivery { surb_id, payload }) {
                        self.mailbox.handle_delivered();
                    } else {
                        self.mailbox.handle_unsent(DIRECT_LINK_GONE);
                    }
                }
                Action::Unanswered { to } => self.direct.unanswered(to),
                // A link that is down or behind has nothing to hide at the moment.
                Action::Dummy { to } => drop(self.member.pool.try_send(&to, Frame::Dummy)),
                Action::CollectGarbage { records_max } => {
                    self.store.ask(Job::Collect(self.clock.now(), records_max));
                }
            }
        }
        if let Some(batch) = self.mailbox.take_batch() {
            self.store.ask(Job::Apply(self.clock.now(), batch));
        }
    }

    fn report(&mut self) -> MailboxReport {
        self.mailbox.handle_lost_on_link(self.member.newly_lost());
        self.mailbox.handle_lost_on_direct_link(self.direct.newly_lost());
        self.mailbox.report(self.clock.now())
    }

    fn status(&mut self) -> Value {
        let status = MailboxStatus {
            role: "mailbox".to_owned(),
            report: self.report(),
            member: self.member.status(self.clock.now()),
            direct_links: self.direct.len(),
            store: self.store.usage().map(Into::into),
            store_failure: self.store.failure().map(ToOwned::to_owned),
        };
        serde_json::to_value(status).unwrap_or_default()
    }
}
