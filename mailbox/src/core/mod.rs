//! The mailbox as a state machine: packets in, batches for the store and answers out.
//!
//! ```text
//! handle_packet -> take_batch -> (store) -> handle_results -> poll_action: Send to a node,
//!      |                                         |                         Deliver on a direct link
//!      +-- dropped, with a label                 +-- delivered, by kind of command
//! ```
//!
//! Every command but `drop` is answered by exactly one packet, made along its reply block, in the order
//! of arrival and no sooner than its batch is durable. Found, not found, stored and refused differ in
//! nothing but the sealed text: every command costs one lookup in a batch, every batch one durable commit.
//!
//! What is not here: sockets, files, the time, key generation, and fetching the consensus.

mod action;
mod answer;
mod direct;
mod intake;
pub mod limits;
mod neighbours;
mod queue;
mod refusal;
mod report;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, epoch_of};
use sotto_protocol::ident::NodeId;
use sotto_protocol::ledger::{Ledger, Outcome, PeerKind};
use sotto_protocol::sphinx::{HopPublic, HopSecret, KeyRing, Packet};
use sotto_protocol::time::Timestamp;

pub use action::Action;
pub use direct::{DirectId, Source};
pub use queue::{Batch, BatchId};
pub use refusal::DropReason;
pub use report::MailboxReport;

use crate::store::{StoreError, StoreResult};
use limits::{GC_BATCH_MAX, GC_INTERVAL, GC_PAUSE};
use neighbours::Neighbours;
use queue::Queue;

/// The kind under which the ledger counts the packets that answer commands.
pub const ORIGIN_REPLY: &str = "reply";

/// One mailbox.
#[derive(Debug)]
pub struct Mailbox {
    node: NodeId,
    keys: KeyRing,
    neighbours: Neighbours,
    queue: Queue,
    ledger: Ledger,
    answers: BTreeMap<&'static str, u64>,
    actions: VecDeque<Action>,
    garbage_due: Timestamp,
    collected: u64,
}

impl Mailbox {
    /// A mailbox with the identity `node`, without keys and without a consensus: it drops everything.
    #[must_use]
    pub fn new(node: NodeId, now: Timestamp) -> Self {
        Self::with_keys(node, KeyRing::new(), now)
    }

    /// As [`new`](Self::new), with keys that are there already.
    #[must_use]
    pub fn with_keys(node: NodeId, keys: KeyRing, now: Timestamp) -> Self {
        Self {
            node,
            keys,
            neighbours: Neighbours::default(),
            queue: Queue::default(),
            ledger: Ledger::new(),
            answers: BTreeMap::new(),
            actions: VecDeque::new(),
            garbage_due: now,
            collected: 0,
        }
    }

    /// Adds the hop key of an epoch. `false` if that epoch has one or is over.
    pub fn install_key(&mut self, epoch: u64, secret: HopSecret) -> bool {
        self.keys.install(epoch, secret)
    }

    /// The epochs with a key, and the public keys, for the descriptor.
    #[must_use]
    pub fn public_keys(&self) -> Vec<(u64, HopPublic)> {
        self.keys.public_keys()
    }

    /// Takes up a consensus that the caller has verified. An older one than the one held changes nothing.
    pub fn handle_consensus(&mut self, now: Timestamp, consensus: Arc<Consensus>, rng: &mut impl CryptoRng) {
        self.neighbours.update(now, consensus, rng);
        self.retire_keys(now);
    }

    /// The nodes to keep links to, with their addresses: the first layer of the consensus, and of the one before it
    /// while clients may still make reply blocks from that.
    #[must_use]
    pub fn links(&self, now: Timestamp) -> BTreeMap<NodeId, String> {
        self.neighbours.links(now)
    }

    /// A packet came over a link, from a node whose identity the link has checked or from a direct link.
    ///
    /// # Errors
    ///
    /// The reason for which it was dropped. The ledger has counted it; the caller may log it.
    pub fn handle_packet(&mut self, now: Timestamp, from: Source, packet: Packet) -> Result<(), DropReason> {
        self.ledger.record_received(match from {
            Source::Node(_) => PeerKind::Node,
            Source::Direct(_) => PeerKind::Client,
        });
        match self.take_in(now, from, packet) {
            Ok(intake::Taken::Waiting) => Ok(()),
            Ok(intake::Taken::Cover) => {
                self.ledger.record(Outcome::Delivered("drop"));
                self.end_unanswered(from);
                Ok(())
            }
            Err(reason) => {
                self.ledger.record(Outcome::Dropped(reason.label()));
                self.end_unanswered(from);
                Err(reason)
            }
        }
    }

    /// The next batch for the store, if commands wait and no batch is in flight.
    pub fn take_batch(&mut self) -> Option<Batch> {
        self.queue.take_batch()
    }

    /// The store has applied the batch `id`, durably, or has failed.
    pub fn handle_results(&mut self, id: BatchId, results: Result<Vec<StoreResult>, StoreError>) {
        let waiting = self.queue.finish(id);
        let mut results = results.map(Vec::into_iter).ok();
        for command in waiting {
            let result = results.as_mut().and_then(Iterator::next);
            self.answer(command, result);
        }
    }

    /// The store has forgotten `records` records.
    pub fn handle_garbage(&mut self, now: Timestamp, records: usize) {
        self.collected += u64::try_from(records).unwrap_or(u64::MAX);
        self.garbage_due = now + if records < GC_BATCH_MAX { GC_INTERVAL } else { GC_PAUSE };
    }

    /// A link took the answer of an [`Action::Send`].
    pub fn handle_sent(&mut self) {
        self.ledger.record_originated(ORIGIN_REPLY);
    }

    /// A direct link took the answer of an [`Action::Deliver`].
    pub fn handle_delivered(&mut self) {
        self.ledger.record_originated_to_client(ORIGIN_REPLY);
    }

    /// No link took the answer of an [`Action::Send`] or [`Action::Deliver`], for the reason that the label names. The
    /// sender of the command will ask again.
    pub fn handle_unsent(&mut self, label: &'static str) {
        self.ledger.record_unsent(label);
    }

    /// A link that had taken `packets` answers broke before it had sent them.
    pub fn handle_lost_on_link(&mut self, packets: u64) {
        self.ledger.record_lost_on_link(packets);
    }

    /// A direct link that had taken `answers` answers broke before it had written them.
    pub const fn handle_lost_on_direct_link(&mut self, answers: u64) {
        self.ledger.record_lost_to_clients(answers);
    }

    /// The time that [`Self::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.retire_keys(now);
        for to in self.neighbours.due_dummies(now, rng) {
            self.actions.push_back(Action::Dummy { to });
        }
        if self.garbage_due <= now {
            // Set anew when the store has answered.
            self.garbage_due = Timestamp::NEVER;
            self.actions.push_back(Action::CollectGarbage { records_max: GC_BATCH_MAX });
        }
    }

    /// When [`Self::handle_timeout`] has to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        self.garbage_due.min(self.neighbours.next_dummy())
    }

    /// The next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Stops originating dummies. Commands are still answered.
    pub fn quiesce(&mut self) {
        self.neighbours.quiesce();
    }

    /// The counts as they stand. What waits for the store is held.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> MailboxReport {
        MailboxReport {
            consensus_epoch: self.neighbours.consensus(now).map(|consensus| consensus.epoch).ok(),
            ledger: self.ledger.report(u64::try_from(self.queue.len()).unwrap_or(u64::MAX)),
            answers: self.answers.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect(),
            batches: self.queue.batches(),
            collected: self.collected,
        }
    }

    /// Keys before the previous epoch are wiped.
    fn retire_keys(&mut self, now: Timestamp) {
        if let Ok(consensus) = self.neighbours.consensus(now) {
            let epoch = epoch_of(now, consensus.params.epoch_s);
            self.keys.retire_before(epoch.saturating_sub(1));
        }
    }
}
