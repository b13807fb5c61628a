//! Loops that are out, and the order in which their fates become known.
//!
//! A return is known within seconds, a loss only at the loop's deadline. Tests that look at loops in
//! the order in which these things become known would see the losses of a quiet minute in one row;
//! fates are therefore handed on in the order in which the loops were sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::super::config::LOOPS_OUTSTANDING_MAX;
use super::route::{Chances, LoopRoute};
use super::window::Fate;

/// A loop that was sent.
#[derive(Clone, Debug)]
pub(crate) struct SentLoop {
    pub(crate) sent_at: Timestamp,
    pub(crate) deadline: Timestamp,
    /// The sum of the delays that it asks for.
    pub(crate) delay_asked: Duration,
    pub(crate) route: LoopRoute,
    pub(crate) chances: Arc<Chances>,
}

/// The loops that are out or wait for the fates of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    by_id: BTreeMap<SurbId, (u64, SentLoop)>,
    deadlines: BTreeSet<(Timestamp, SurbId)>,
    /// By the order of sending; `None` if the loop never left.
    settled: BTreeMap<u64, Option<(SentLoop, Fate)>>,
    sequence_next: u64,
    sequence_handed_on: u64,
}

impl Outstanding {
    /// Loops that are out.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether this loop is out.
    pub(crate) fn contains(&self, id: &SurbId) -> bool {
        self.by_id.contains_key(id)
    }

    /// When the next loop is to be given up, [`Timestamp::NEVER`] if none is out.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadlines.first().map_or(Timestamp::NEVER, |(deadline, _)| *deadline)
    }

    /// The first loop whose deadline has come.
    pub(crate) fn overdue(&self, now: Timestamp) -> Option<SurbId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    /// Adds a loop that leaves.
    pub(crate) fn insert(&mut self, id: SurbId, sent: SentLoop) {
        self.deadlines.insert((sent.deadline, id));
        self.by_id.insert(id, (self.sequence_next, sent));
        self.sequence_next += 1;
    }

    /// Ends a loop; `None` if it is not out. `fate` is told the loop, and says `None` if it never left.
    pub(crate) fn settle(
        &mut self,
        id: &SurbId,
        fate: impl FnOnce(&SentLoop) -> Option<Fate>,
    ) -> Option<SentLoop> {
        let (sequence, sent) = self.by_id.remove(id)?;
        self.deadlines.remove(&(sent.deadline, *id));
        let fate = fate(&sent).map(|fate| (sent.clone(), fate));
        self.settled.insert(sequence, fate);
        Some(sent)
    }

    /// The next loop in the order of sending whose fate, and that of all before it, is known. At rates at
    /// which more loops wait than may be out, the order is given up rather than the bound.
    pub(crate) fn pop_settled(&mut self) -> Option<(SentLoop, Fate)> {
        while let Some(first) = self.settled.first_entry() {
            let sequence = *first.key();
            if sequence > self.sequence_handed_on && self.settled.len() <= LOOPS_OUTSTANDING_MAX {
                return None;
            }
            self.sequence_handed_on = self.sequence_handed_on.max(sequence + 1);
            let (_, settled) = self.settled.pop_first()?;
            if settled.is_some() {
                return settled;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::ident::NodeId;

    use super::*;

    fn id(index: u64) -> SurbId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&index.to_le_bytes());
        SurbId::from_bytes(bytes)
    }

    fn out(loops: u64) -> Outstanding {
        let mut outstanding = Outstanding::default();
        for index in 0..loops {
            let sent = SentLoop {
                sent_at: Timestamp::from_millis(index),
                deadline: Timestamp::from_millis(index + 50_000),
                delay_asked: Duration::ZERO,
                route: LoopRoute::new(NodeId::from_bytes([1; 32]), &[]),
                chances: Arc::default(),
            };
            outstanding.insert(id(index), sent);
        }
        outstanding
    }

    fn handed_on(outstanding: &mut Outstanding) -> Vec<u64> {
        std::iter::from_fn(|| outstanding.pop_settled()).map(|(sent, _)| sent.sent_at.as_millis()).collect()
    }

    #[test]
    fn fates_are_handed_on_in_the_order_of_sending() {
        let mut outstanding = out(5);
        for index in [1, 4] {
            outstanding.settle(&id(index), |_| Some(Fate::Tampered)).unwrap();
        }
        assert_eq!(handed_on(&mut outstanding), Vec::<u64>::new());
        outstanding.settle(&id(0), |_| Some(Fate::Lost)).unwrap();
        assert_eq!(handed_on(&mut outstanding), [0, 1]);
        outstanding.settle(&id(2), |_| None).unwrap();
        assert_eq!(handed_on(&mut outstanding), Vec::<u64>::new());
        outstanding.settle(&id(3), |_| Some(Fate::Lost)).unwrap();
        assert_eq!(handed_on(&mut outstanding), [3, 4]);
        assert_eq!((outstanding.len(), outstanding.deadline()), (0, Timestamp::NEVER));
        assert!(outstanding.settle(&id(3), |_| Some(Fate::Lost)).is_none(), "a loop has one fate");
    }

    #[test]
    fn no_more_fates_wait_than_loops_may_be_out() {
        let most = u64::try_from(LOOPS_OUTSTANDING_MAX).unwrap();
        let mut outstanding = out(most + 2);
        for index in 1..=most {
            outstanding.settle(&id(index), |_| Some(Fate::Lost)).unwrap();
        }
        assert_eq!(handed_on(&mut outstanding), Vec::<u64>::new());
        outstanding.settle(&id(most + 1), |_| Some(Fate::Lost)).unwrap();
        assert_eq!(handed_on(&mut outstanding).len(), LOOPS_OUTSTANDING_MAX + 1);
        outstanding.settle(&id(0), |_| Some(Fate::Lost)).unwrap();
        assert_eq!(handed_on(&mut outstanding), [0], "the late one is not forgotten");
    }
}
