//! The mix itself: every received packet goes in here and ends in exactly one labelled outcome.
//!
//! The parts (queues, sessions, loops, dummies, topology) each keep their own state; this module alone
//! joins them, keeps the ledger and decides what becomes of a packet. It performs nothing.

mod drain;
mod events;
mod limits;
mod receive;
mod sent;
mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use sotto_protocol::directory::{Place, epoch_of};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::ledger::{Ledger, LedgerReport, Outcome};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys};
use sotto_protocol::sphinx::{HopPublic, Packet, ReplaySet};
use sotto_protocol::time::Timestamp;

use super::action::Action;
use super::commits::Commits;
use super::config::{MixConfig, waiting_max};
use super::delay_queue::DelayQueue;
use super::dummies::Dummies;
use super::freezing::Freezing;
use super::histogram::Histogram;
use super::loops::{LoopEvidence, Loops};
use super::refusal::{DropLabel, PeerRefusal};
use super::report::{HeldReport, MixReport, PipelineReport, SessionReport};
use super::session::Delivery;
use super::sessions::Sessions;
use super::topology::{OutgoingLink, Topology};

/// The kind under which the mix's own loops stand in the ledger.
const MIX_LOOP: &str = "mix-loop";

/// A packet that waits for the end of its delay.
struct Delayed {
    /// When the delay is over.
    release: Timestamp,
    to: NodeId,
    packet: Packet,
}

/// A packet that was unwrapped and goes on once its tag is durable.
enum Accepted {
    Forward(Delayed),
    ForClient(SessionAddress, Delivery),
}

/// One mix or entry.
///
/// Call the `handle_*` and other methods as things happen, [`Mix::handle_timeout`] when
/// [`Mix::poll_timeout`] says so, and after each of these take [`Mix::poll_action`] until it is empty.
pub struct Mix {
    config: MixConfig,
    topology: Topology,
    keys: HopKeys,
    /// The replay tags seen under each key.
    seen: BTreeMap<u64, ReplaySet>,
    keys_retired_before: u64,
    freezing: Freezing,
    /// Packets to be unwrapped, with the times of their arrival.
    admitted: VecDeque<(Timestamp, Packet)>,
    /// Packets that are in a job of unwrapping.
    unwrapping: usize,
    /// For a caller that leaves the unwrapping to the core; made when it is first needed.
    unwrapper: Option<BatchUnwrapper>,
    commits: Commits<Accepted>,
    commit_began: Timestamp,
    delays: DelayQueue<Delayed>,
    sessions: Sessions,
    loops: Loops,
    dummies: Dummies,
    ledger: Ledger,
    actions: VecDeque<Action>,
    /// Received packets that are in an action or with the caller, outcome unknown.
    sending: usize,
    session_counts: SessionReport,
    delays_clamped: u64,
    excess: Histogram,
    downlink_late: Histogram,
    commit_times: Histogram,
    commits_failed: u64,
    commits_failing: bool,
    dummies_sent: u64,
    quiesced: bool,
    draining: bool,
    stopping: bool,
    /// When the last held packet leaves: without a stop, never.
    flush_by: Timestamp,
    ended: bool,
}

impl Mix {
    /// A mix that knows no consensus and no key yet and drops every packet.
    #[must_use]
    pub fn new(config: MixConfig) -> Self {
        Self {
            topology: Topology::new(config.node),
            keys: HopKeys::new(),
            seen: BTreeMap::new(),
            keys_retired_before: 0,
            freezing: Freezing::new(),
            admitted: VecDeque::new(),
            unwrapping: 0,
            unwrapper: None,
            commits: Commits::new(config.commit_interval),
            commit_began: Timestamp::NEVER,
            delays: DelayQueue::new(),
            sessions: Sessions::new(config.sessions_max, waiting_max(config.held_max)),
            loops: Loops::new(),
            dummies: Dummies::new(),
            ledger: Ledger::new(),
            actions: VecDeque::new(),
            sending: 0,
            session_counts: SessionReport::default(),
            delays_clamped: 0,
            excess: Histogram::new(),
            downlink_late: Histogram::new(),
            commit_times: Histogram::new(),
            commits_failed: 0,
            commits_failing: false,
            dummies_sent: 0,
            quiesced: false,
            draining: false,
            stopping: false,
            flush_by: Timestamp::NEVER,
            ended: false,
            config,
        }
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.next_job().map(Action::Unwrap))
    }

    /// Whether a node may link to this one. Before a consensus is known every node may: its packets are
    /// dropped under `no-consensus`, and its link need not be made again when the consensus comes.
    ///
    /// # Errors
    /// [`PeerRefusal`], to be told to the peer before its link is closed.
    pub fn check_peer(&self, peer: &NodeId) -> Result<(), PeerRefusal> {
        if self.topology.current().is_none() {
            return Ok(());
        }
        self.topology.check_source(peer)
    }

    /// The nodes to keep links to.
    #[must_use]
    pub fn links(&self) -> Vec<OutgoingLink> {
        self.topology.links()
    }

    /// The place in the newest consensus, `None` if not listed.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.topology.place()
    }

    /// The newest consensus' epoch.
    #[must_use]
    pub fn consensus_epoch(&self) -> Option<u64> {
        self.topology.current().map(|consensus| consensus.epoch)
    }

    /// The public halves of the installed Sphinx keys by epoch, for the descriptor.
    #[must_use]
    pub fn hop_keys(&self) -> Vec<(u64, HopPublic)> {
        self.keys.public_keys()
    }

    /// Received packets whose outcome is not known yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.admitted.len()
            + self.unwrapping
            + self.commits.len()
            + self.delays.len()
            + self.sessions.waiting()
            + self.sending
    }

    /// Packets that wait for being unwrapped or are in a job: what tells a caller to take no more for a while.
    #[must_use]
    pub fn unwrapping(&self) -> usize {
        self.admitted.len() + self.unwrapping
    }

    /// What became of every packet so far.
    #[must_use]
    pub fn ledger(&self) -> LedgerReport {
        self.ledger.report(u64::try_from(self.held()).unwrap_or(u64::MAX))
    }

    /// What the mix tells about itself.
    #[must_use]
    pub fn report(&self) -> MixReport {
        let mut report = self.report_in_brief();
        report.loops.complete(self.loop_evidence().estimate());
        report
    }

    /// What the estimates about links and nodes are made from, which [`Mix::report_in_brief`] leaves out: making them
    /// takes long, and is for another thread.
    #[must_use]
    pub fn loop_evidence(&self) -> LoopEvidence {
        self.loops.evidence()
    }

    /// As [`Mix::report`], but for the estimates from loops.
    #[must_use]
    pub fn report_in_brief(&self) -> MixReport {
        let (connected, resumable) = self.sessions.count();
        MixReport {
            place: self.place().map(place_name),
            consensus_epoch: self.consensus_epoch(),
            key_epochs: self.hop_keys().into_iter().map(|(epoch, _)| epoch).collect(),
            ledger: self.ledger(),
            held: HeldReport {
                unwrapping: self.unwrapping(),
                committing: self.commits.len(),
                delayed: self.delays.len(),
                downlink: self.sessions.waiting(),
                sending: self.sending,
            },
            delays_clamped: self.delays_clamped,
            sessions: SessionReport {
                connected,
                resumable,
                expired_remembered: self.sessions.expired_remembered(),
                ..self.session_counts
            },
            loops: self.loops.report(),
            dummies: self.dummies_sent,
            pipeline: self.pipeline_report(),
            quiesced: self.quiesced,
            limits: self.limits(),
            drain: self.drain_report(),
        }
    }

    fn pipeline_report(&self) -> PipelineReport {
        let tags: usize = self.seen.values().map(ReplaySet::len).sum();
        let tags_bytes: usize = self.seen.values().map(ReplaySet::memory_bytes).sum();
        PipelineReport {
            excess: self.excess.report(),
            downlink: self.downlink_late.report(),
            commit: self.commit_times.report(),
            commits_failed: self.commits_failed,
            commits_failing: self.commits_failing,
            tags: u64::try_from(tags).unwrap_or(u64::MAX),
            tags_bytes: u64::try_from(tags_bytes).unwrap_or(u64::MAX),
            tags_max: self
                .seen
                .values()
                .map(ReplaySet::tags_max)
                .max()
                .map_or(0, |max| u64::try_from(max).unwrap_or(u64::MAX)),
            tags_fullest_key: self
                .seen
                .values()
                .map(ReplaySet::len)
                .max()
                .map_or(0, |most| u64::try_from(most).unwrap_or(u64::MAX)),
            ..PipelineReport::default()
        }
    }

    /// The epoch of `now` by the present consensus' calendar.
    fn epoch(&self, now: Timestamp) -> Option<u64> {
        self.topology.current().map(|consensus| epoch_of(now, consensus.params.epoch_s))
    }

    fn drop_packets(&mut self, label: DropLabel, packets: usize) {
        for _ in 0..packets {
            self.ledger.record(Outcome::Dropped(label.label()));
        }
    }
}

impl fmt::Debug for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mix")
            .field("node", &self.config.node)
            .field("place", &self.place())
            .field("consensus_epoch", &self.consensus_epoch())
            .field("keys", &self.keys)
            .field("held", &self.held())
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

fn place_name(place: Place) -> String {
    match place {
        Place::Entry => "entry".to_owned(),
        Place::Mix { layer } => format!("mix-{layer}"),
        Place::Mailbox => "mailbox".to_owned(),
    }
}
