//! Commands on their way through the store: those that wait for the next batch and those in flight.
//!
//! One batch is in flight at a time; what arrives meanwhile makes up the next one. So the more there is
//! to do, the more commands share one wait for the disk.

use std::collections::VecDeque;

use sotto_protocol::mailbox::RefusalCode;
use sotto_protocol::sphinx::Surb;

use super::Source;
use super::limits::{BATCH_OPS_MAX, DIRECT_PENDING_MAX, PENDING_MAX};
use crate::store::StoreOp;

/// Names a batch, so that results find the commands they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId(u64);

/// Operations to apply to the store as one durable step.
#[derive(Debug)]
pub struct Batch {
    /// Names the batch when its results come back.
    pub id: BatchId,
    /// What to apply, in order.
    pub ops: Vec<StoreOp>,
}

/// Who waits for the result of one operation.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Who sent the command.
    pub(super) from: Source,
    /// When it came.
    pub(super) epoch: u64,
    /// Along which to answer.
    pub(super) surb: Surb,
    /// The command's kind, for the ledger.
    pub(super) kind: &'static str,
    /// The answer, if it does not depend on the store. The operation is then a lookup for nothing, which
    /// makes a refusal take the same path, and as long, as any other answer.
    pub(super) refused: Option<RefusalCode>,
}

impl Waiting {
    const fn is_direct(&self) -> bool {
        matches!(self.from, Source::Direct(_))
    }
}

/// The commands between arrival and answer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    next: VecDeque<(StoreOp, Waiting)>,
    in_flight: Option<(BatchId, Vec<Waiting>)>,
    /// Of the commands held, those from direct links.
    direct: usize,
    batches: u64,
}

impl Queue {
    /// Commands held.
    pub(super) fn len(&self) -> usize {
        self.next.len() + self.in_flight.as_ref().map_or(0, |(_, waiting)| waiting.len())
    }

    /// Whether no further command is taken from there.
    pub(super) fn is_full(&self, from: Source) -> bool {
        let is_direct = matches!(from, Source::Direct(_));
        self.len() >= PENDING_MAX || (is_direct && self.direct >= DIRECT_PENDING_MAX)
    }

    /// Batches handed out so far.
    pub(super) const fn batches(&self) -> u64 {
        self.batches
    }

    pub(super) fn push(&mut self, op: StoreOp, waiting: Waiting) {
        self.direct += usize::from(waiting.is_direct());
        self.next.push_back((op, waiting));
    }

    /// The next batch, if something waits and none is in flight.
    pub(super) fn take_batch(&mut self) -> Option<Batch> {
        if self.in_flight.is_some() || self.next.is_empty() {
            return None;
        }
        self.batches += 1;
        let id = BatchId(self.batches);
        let (ops, waiting) = self.next.drain(..self.next.len().min(BATCH_OPS_MAX)).unzip();
        self.in_flight = Some((id, waiting));
        Some(Batch { id, ops })
    }

    /// Who waits for the batch `id`; nobody if that batch is not in flight.
    pub(super) fn finish(&mut self, id: BatchId) -> Vec<Waiting> {
        match self.in_flight.take() {
            Some((held, waiting)) if held == id => {
                self.direct -= waiting.iter().filter(|waiting| waiting.is_direct()).count();
                waiting
            }
            other => {
                self.in_flight = other;
                Vec::new()
            }
        }
    }
}
