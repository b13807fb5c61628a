//! The one task that owns the core: events come in by a bounded queue, actions go out at once.
//!
//! It never waits for a peer. Whatever cannot be handed on at once has failed, and the core is told. Packets are
//! unwrapped by other threads; while those have enough to do, no event is taken, so that the links wait, and their
//! peers with them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use sotto_protocol::directory::{epoch_of, epoch_start};
use sotto_protocol::frame::{Frame, ResumeToken};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::{HopSecret, Packet, ReplaySet, TagHashKey};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::Member;
use sotto_transport::node::control::ControlRequest;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::node::tag_log::TagLogs;
use sotto_transport::rng::OsRng;
use tokio::sync::{mpsc, oneshot, watch};

use super::asking::EngineRequest;
use super::committer::Committer;
use super::config::MixRole;
use super::metrics::MetricsServer;
use super::outlets::{OpenedSession, Outlets};
use super::status::MixStatus;
use super::workers::Workers;
use crate::core::{
    Action, DrainReport, FLUSH_MAX, LoopEstimates, Mix, MixReport, PeerRefusal, SessionRefusal, Source,
    Ticket, UnwrapDone,
};

/// Events that wait for the core. Beyond that the links' tasks wait, and with them their peers.
pub(crate) const EVENTS_MAX: usize = 256;
/// Events taken in one turn.
const TURN_EVENTS_MAX: usize = 64;
/// How old estimates from loops may be when they are told.
const ESTIMATES_AGE_MAX: Duration = Duration::from_secs(10);
/// Packets that are being unwrapped or wait for it. Beyond that no event is taken.
const UNWRAPPING_MAX: usize = 1_024;
/// How long the end may take once everything has been handed to the links.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// The label of the refusal to take back a drain that is not.
const NOT_DRAINING: &str = "not-draining";
/// The label of the refusal to take back a drain when the network has left the node out.
const DRAIN_TOO_LATE: &str = "drain-too-late";

/// What happened.
pub(crate) enum Event {
    /// Packets came together.
    Packets { from: Source, arrived: Timestamp, packets: Vec<Packet> },
    /// May this node link to us?
    CheckPeer { peer: NodeId, reply: oneshot::Sender<Result<(), PeerRefusal>> },
    /// A client asks for a session.
    OpenSession {
        class: u8,
        resume: Option<(SessionAddress, ResumeToken)>,
        reply: oneshot::Sender<Result<OpenedSession, SessionRefusal>>,
    },
    /// The connection of that number ended.
    SessionEnded { session: SessionAddress, connection: u64 },
    /// The operator asks.
    Control(ControlRequest),
    /// Another part of the program asks.
    Asked(EngineRequest),
}

impl From<ControlRequest> for Event {
    fn from(request: ControlRequest) -> Self {
        Self::Control(request)
    }
}

/// The core with everything that its actions act on.
pub(crate) struct Engine {
    pub(crate) mix: Mix,
    pub(crate) role: MixRole,
    /// The length of an epoch, in seconds.
    pub(crate) epoch_s: u32,
    pub(crate) member: Member,
    pub(crate) clock: Clock,
    pub(crate) events: mpsc::Receiver<Event>,
    /// Counts the changes of who may link to whom, so that links' tasks know when to ask again.
    pub(crate) topology: watch::Sender<u64>,
    pub(crate) shutdown: Shutdown,
    /// Links on which nodes send.
    pub(crate) node_links: watch::Receiver<usize>,
    pub(crate) outlets: Outlets,
    pub(crate) workers: Workers,
    pub(crate) committer: Committer,
    /// The file that a reload reads, if there is one.
    pub(crate) config: Option<PathBuf>,
    pub(crate) metrics: MetricsServer,
    /// The events of one turn.
    pub(crate) inbox: Vec<Event>,
    /// Keys whose tags have been read.
    pub(crate) restored: mpsc::UnboundedReceiver<Restored>,
    pub(crate) restored_in: mpsc::UnboundedSender<Restored>,
    /// The last estimates from loops, and when they were asked for.
    pub(crate) estimates: Arc<Mutex<Option<(Timestamp, LoopEstimates)>>>,
}

impl Engine {
    /// Runs until the node is told to end and has flushed what it held; returns the last report.
    pub(crate) async fn run(mut self) -> MixReport {
        self.take_keys().await;
        self.take_consensus();
        while self.turn().await {}
        // Of a node that ends by itself the other tasks hear it here.
        self.shutdown.trigger();
        self.stop().await;
        self.report()
    }

    /// Waits for one thing to happen and does what follows. `false` when the node is to end.
    async fn turn(&mut self) -> bool {
        self.perform();
        let has_room = self.mix.unwrapping() < UNWRAPPING_MAX;
        let drain_ends = self.drain_ends();
        tokio::select! {
            // What is rare and what ends work comes first, so that no flood of packets keeps it waiting.
            biased;
            () = self.shutdown.triggered() => return false,
            Some((epoch, key)) = self.member.membership.keys.recv() => self.restore_key(epoch, key),
            Some(restored) = self.restored.recv() => self.take_key(restored),
            Ok(()) = self.member.membership.consensus.changed() => self.take_consensus(),
            // The end of a drain may depend on it.
            Ok(()) = self.member.membership.report.changed() => {}
            () = self.clock.sleep_until(drain_ends) => {
                tracing::info!("drained");
                return false;
            }
            committed = self.committer.next() => {
                let Some((id, durable)) = committed else { return broken("commits replay tags") };
                self.mix.handle_committed(self.clock.now(), id, durable);
            }
            done = self.workers.next() => {
                let Some(done) = done else { return broken("unwraps packets") };
                self.take_unwrapped(done);
            }
            count = self.events.recv_many(&mut self.inbox, TURN_EVENTS_MAX), if has_room => {
                // With no sender left nothing comes any more; the node is about to end.
                if count == 0 {
                    return false;
                }
                self.take_inbox();
            }
            () = self.clock.sleep_until(self.mix.poll_timeout()) => {}
        }
        // Also after an event: a busy link must not make the others' packets late.
        self.advance();
        true
    }

    /// Takes what neighbours had sent when they were told of the end, lets held packets keep their delays for a while,
    /// sends the rest, closes.
    async fn stop(&mut self) {
        let deadline = self.clock.now() + FLUSH_MAX;
        self.mix.begin_stop(self.clock.now());
        self.perform();
        while self.clock.now() < deadline {
            let has_links = *self.node_links.borrow_and_update() > 0;
            // A link that has ended has put all of its packets into the queue of events before.
            if !has_links && self.events.is_empty() && self.mix.held() == 0 {
                break;
            }
            let has_room = self.mix.unwrapping() < UNWRAPPING_MAX;
            tokio::select! {
                Some((id, durable)) = self.committer.next() => {
                    self.mix.handle_committed(self.clock.now(), id, durable);
                }
                Some(done) = self.workers.next() => self.take_unwrapped(done),
                Some(event) = self.events.recv(), if has_room => self.take(event),
                Ok(()) = self.node_links.changed(), if has_links => {}
                () = self.clock.sleep_until(self.mix.poll_timeout().min(deadline)) => {}
            }
            self.advance();
            self.perform();
        }
        self.mix.end_stop(self.clock.now());
        // What nobody came round to is accounted for.
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.perform();
        self.member.pool.close(CLOSE_MAX).await;
        let connections_end = async {
            while !self.outlets.is_empty() {
                match self.events.recv().await {
                    Some(event) => self.take(event),
                    None => return,
                }
            }
        };
        // A connection that takes its last frames no faster is cut off.
        let _ended = tokio::time::timeout(CLOSE_MAX, connections_end).await;
    }

    fn take(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Packets { from, arrived, packets } => self.mix.handle_packets(arrived, from, packets),
            Event::CheckPeer { peer, reply } => {
                // A link that is gone needs no answer.
                let _answered = reply.send(self.mix.check_peer(&peer));
            }
            Event::OpenSession { class, resume, reply } => {
                let grant = self.mix.open_session(now, class, resume.as_ref(), &mut OsRng);
                let opened = grant.map(|grant| self.outlets.open(grant));
                if let Err(Ok(opened)) = reply.send(opened) {
                    self.session_ended(now, &opened.grant.session, opened.connection);
                }
            }
            Event::SessionEnded { session, connection } => self.session_ended(now, &session, connection),
            Event::Asked(request) => request.perform(&mut self.mix),
            Event::Control(ControlRequest::Status { reply }) => {
                self.answer_status(now, reply);
            }
            Event::Control(ControlRequest::Drain { cancel, reply }) => {
                let _answered = reply.send(self.drain(now, cancel));
            }
            Event::Control(ControlRequest::Quiesce { reply }) => {
                self.mix.quiesce();
                let _answered = reply.send(());
            }
        }
    }

    fn take_inbox(&mut self) {
        let mut inbox = std::mem::take(&mut self.inbox);
        for event in inbox.drain(..) {
            self.take(event);
        }
        self.inbox = inbox;
    }

    /// Takes a job that is done, and those that have been done meanwhile.
    fn take_unwrapped(&mut self, done: UnwrapDone) {
        let now = self.clock.now();
        self.mix.handle_unwrapped(now, done);
        while let Some(done) = self.workers.try_next() {
            self.mix.handle_unwrapped(now, done);
        }
    }

    /// Does what is due by now.
    fn advance(&mut self) {
        let now = self.clock.now();
        if self.mix.poll_timeout() <= now {
            self.mix.handle_timeout(now, &mut OsRng);
        }
    }

    /// Does everything that the core asks for.
    fn perform(&mut self) {
        while let Some(action) = self.mix.poll_action() {
            match action {
                Action::Unwrap(job) => {
                    if let Some(done) = self.workers.submit(job) {
                        self.mix.handle_unwrapped(self.clock.now(), done);
                    }
                }
                Action::CommitTags(commit) => {
                    if let Err(id) = self.committer.submit(commit) {
                        self.mix.handle_committed(self.clock.now(), id, false);
                    }
                }
                Action::Send { to, packet, ticket } => {
                    let sent = self.member.pool.try_send(&to, Frame::Packet(packet)).is_ok();
                    self.settle(ticket, sent);
                }
                Action::Dummy { to } => {
                    // A link that is down or busy needs no dummy.
                    let _sent = self.member.pool.try_send(&to, Frame::Dummy);
                }
                Action::Deliver { session, frame, ticket } => {
                    let sent = self.outlets.try_send(&session, frame);
                    self.settle(ticket, sent);
                    if !sent {
                        self.outlets.close(&session, "downlink-stalled");
                    }
                }
                Action::CloseSession { session, label } => self.outlets.close(&session, label),
                Action::RetireKeys { before } => {
                    // The membership wipes the files, by the same calendar.
                    tracing::info!(before, "keys of earlier epochs are no longer used");
                }
                Action::LinksChanged => {
                    let links = self.mix.links().into_iter().map(|link| (link.node, link.address));
                    self.member.pool.set_peers(links.collect());
                    self.topology.send_modify(|version| *version = version.wrapping_add(1));
                }
            }
        }
    }

    fn settle(&mut self, ticket: Ticket, sent: bool) {
        if sent {
            self.mix.handle_sent(ticket);
        } else {
            self.mix.handle_send_failed(self.clock.now(), ticket);
        }
    }

    /// Forgets a connection, and lets its session wait, unless another connection has taken it over.
    fn session_ended(&mut self, now: Timestamp, session: &SessionAddress, connection: u64) {
        if self.outlets.ended(session, connection) {
            self.mix.session_disconnected(now, session);
        }
    }

    /// Takes the keys that there are at the start, with their tags, before anything else.
    async fn take_keys(&mut self) {
        while let Ok((epoch, key)) = self.member.membership.keys.try_recv() {
            let restored = restore(self.member.membership.tag_logs.clone(), epoch, key).await;
            self.take_key(restored);
        }
    }

    /// Reads a new key's tags, of which there should be none, while the node goes on: a log may wait for the disk.
    fn restore_key(&self, epoch: u64, key: HopSecret) {
        let (logs, restored_in) = (self.member.membership.tag_logs.clone(), self.restored_in.clone());
        tokio::spawn(async move {
            // A node that has ended needs no key.
            let _taken = restored_in.send(restore(logs, epoch, key).await);
        });
    }

    fn take_key(&mut self, restored: Restored) {
        let Some((epoch, key, seen)) = restored else { return };
        if !self.mix.install_key(epoch, key, seen) {
            tracing::debug!(epoch, "key not taken: its epoch is over");
        }
    }

    fn take_consensus(&mut self) {
        let Some(adopted) = self.member.membership.consensus.borrow_and_update().clone() else { return };
        let adopted = self.mix.handle_consensus(self.clock.now(), adopted.consensus.clone(), &mut OsRng);
        match adopted {
            Ok(()) => tracing::info!(
                epoch = self.mix.consensus_epoch(),
                place = self.mix.report_in_brief().place,
                "working by this consensus"
            ),
            Err(refusal) => tracing::warn!(label = refusal.label(), "{refusal}"),
        }
    }

    /// Begins a drain, or takes it back.
    fn drain(&mut self, now: Timestamp, cancel: bool) -> Result<Value, (&'static str, String)> {
        if cancel {
            let left = self.withdrawn().is_some_and(|epoch| epoch_of(now, self.epoch_s) > epoch);
            if !self.mix.is_draining() {
                return Err((NOT_DRAINING, "the node is not draining".to_owned()));
            }
            if left {
                let text = "the network goes on without this node: let it end, then start it again";
                return Err((DRAIN_TOO_LATE, text.to_owned()));
            }
        }
        let is_change = self.mix.is_draining() == cancel;
        self.mix.set_draining(!cancel);
        self.member.membership.leaves.send_if_modified(|leaves| std::mem::replace(leaves, !cancel) == cancel);
        if is_change {
            tracing::info!(
                draining = !cancel,
                "asked to {}",
                if cancel { "stay" } else { "leave the network" }
            );
        }
        Ok(json!({ "draining": !cancel, "ends_s": self.drain_report().and_then(|drain| drain.ends_s) }))
    }

    /// When a drain is over, [`Timestamp::NEVER`] without one, and as long as no authority has heard of it: until then
    /// each further consensus may list the node. One that is in none may still get into that of an epoch for which it
    /// has announced a key.
    fn drain_ends(&self) -> Timestamp {
        let Some(epoch) = self.withdrawn().filter(|_| self.mix.is_draining()) else {
            return Timestamp::NEVER;
        };
        let unlisted_from = epoch_start(epoch.saturating_add(1), self.epoch_s);
        self.mix.drain_ends().map_or(unlisted_from, |ends| ends.max(unlisted_from))
    }

    /// The epoch in which the authorities heard that the node leaves.
    fn withdrawn(&self) -> Option<u64> {
        self.member.membership.report.borrow().withdrawn
    }

    fn drain_report(&self) -> Option<DrainReport> {
        let ends = Some(self.drain_ends()).filter(|ends| *ends != Timestamp::NEVER);
        self.mix.is_draining().then(|| DrainReport { ends_s: ends.map(Timestamp::as_secs) })
    }

    fn report(&mut self) -> MixReport {
        self.mix.handle_lost_on_link(self.member.newly_lost());
        let mut report = self.mix.report_in_brief();
        report.pipeline.x25519 = self.workers.backend().name().to_owned();
        report.pipeline.workers = self.workers.count();
        report.drain = self.drain_report();
        report
    }

    /// Answers with the node's state. The estimates from loops take long: another thread makes them, at most once in
    /// [`ESTIMATES_AGE_MAX`], and answers.
    fn answer_status(&mut self, now: Timestamp, reply: oneshot::Sender<Value>) {
        let report = self.report();
        let mut status = MixStatus {
            role: self.role,
            epoch_s: self.epoch_s,
            config: self.config.clone(),
            metrics: self.metrics.status(),
            member: self.member.status(now),
            report,
        };
        let estimates = Arc::clone(&self.estimates);
        let is_recent = |(made, _): &(Timestamp, LoopEstimates)| now.since(*made) < ESTIMATES_AGE_MAX;
        let recent = lock(&estimates).clone().filter(is_recent);
        let evidence = recent.is_none().then(|| self.mix.loop_evidence());
        tokio::task::spawn_blocking(move || {
            let made = evidence.map(|evidence| evidence.estimate());
            if let Some(made) = &made {
                *lock(&estimates) = Some((now, made.clone()));
            }
            let of_loops = made.or(recent.map(|(_, recent)| recent)).unwrap_or_default();
            status.report.loops.complete(of_loops);
            // Who asked may have given up.
            let _answered = reply.send(json!(status));
        });
    }
}

/// A key with the tags that were seen under it; `None` if they cannot be read.
pub(crate) type Restored = Option<(u64, HopSecret, ReplaySet)>;

/// Reads the tags of a key from its log.
async fn restore(logs: TagLogs, epoch: u64, key: HopSecret) -> Restored {
    let reading = tokio::task::spawn_blocking(move || {
        let mut seen = ReplaySet::new(TagHashKey::derive(&key), REPLAY_TAGS_MAX);
        match logs.restore(epoch, &mut seen) {
            Ok(_) => Some((epoch, key, seen)),
            Err(error) => {
                tracing::error!(
                    label = error.label(),
                    epoch,
                    %error,
                    "the key is not used: what it opened before would pass again, since its replay tags are not known"
                );
                None
            }
        }
    });
    reading.await.ok().flatten()
}

/// A thread has ended that no program can do without. `false`: the node ends, to be started again.
fn broken(thread: &str) -> bool {
    tracing::error!(
        label = "thread-lost",
        "the thread that {thread} has ended: the node ends as well; please report this"
    );
    false
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics with the lock held; if it did, the estimates would still be estimates.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
