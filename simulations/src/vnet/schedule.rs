//! The queue of what happens next in virtual time.
//!
//! Events at the same instant happen in the order in which they were scheduled, so that one seed always
//! gives one run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sotto_protocol::time::Timestamp;

/// Events in order of time, then of scheduling.
#[derive(Debug)]
pub(super) struct Schedule<E> {
    queue: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Timestamp,
    sequence: u64,
    event: E,
}

impl<E> Schedule<E> {
    /// An empty schedule.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { queue: BinaryHeap::new(), sequence: 0 }
    }

    /// Puts an event at a time. [`Timestamp::NEVER`] is dropped.
    pub(super) fn push(&mut self, at: Timestamp, event: E) {
        if at < Timestamp::NEVER {
            self.queue.push(Reverse(Entry { at, sequence: self.sequence, event }));
            self.sequence += 1;
        }
    }

    /// Takes the next event, if it is due by `until`.
    pub(super) fn pop_until(&mut self, until: Timestamp) -> Option<(Timestamp, E)> {
        if self.queue.peek()?.0.at > until {
            return None;
        }
        self.queue.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Entry<E> {
    fn key(&self) -> (Timestamp, u64) {
        (self.at, self.sequence)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_time_then_scheduling() {
        let mut schedule = Schedule::new();
        for (at, name) in [(5, "c"), (3, "a"), (5, "d"), (3, "b")] {
            schedule.push(Timestamp::from_micros(at), name);
        }
        schedule.push(Timestamp::NEVER, "never");
        let mut order = Vec::new();
        while let Some((_, name)) = schedule.pop_until(Timestamp::from_micros(5)) {
            order.push(name);
        }
        assert_eq!(order, ["a", "b", "c", "d"]);
    }

    #[test]
    fn later_events_wait() {
        let mut schedule = Schedule::new();
        schedule.push(Timestamp::from_micros(9), ());
        assert_eq!(schedule.pop_until(Timestamp::from_micros(8)), None);
        assert_eq!(schedule.pop_until(Timestamp::from_micros(9)), Some((Timestamp::from_micros(9), ())));
    }
}
