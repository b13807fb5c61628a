//! Things that wait until their time has come, in the order of their times.
//!
//! The queue draws no delay: in Sotto the sender of a packet draws the delay of every hop.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use sotto_protocol::time::Timestamp;

/// A priority queue by release time. What has the same release time leaves in the order it came, so
/// that a run depends on nothing but its input.
pub(crate) struct DelayQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence_next: u64,
}

struct Entry<T> {
    release: Timestamp,
    sequence: u64,
    item: T,
}

impl<T> DelayQueue<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence_next: 0 }
    }

    /// Adds an item that leaves at `release`.
    pub(crate) fn push(&mut self, release: Timestamp, item: T) {
        let sequence = self.sequence_next;
        self.sequence_next = self.sequence_next.wrapping_add(1);
        self.heap.push(Reverse(Entry { release, sequence, item }));
    }

    /// When the first item leaves, [`Timestamp::NEVER`] if there is none.
    pub(crate) fn release_next(&self) -> Timestamp {
        self.heap.peek().map_or(Timestamp::NEVER, |Reverse(entry)| entry.release)
    }

    /// Takes the first item whose time has come, if any.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<T> {
        if self.release_next() > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.item)
    }

    /// Lets every item leave at `latest` or, if that is earlier, at its own time.
    pub(crate) fn release_all_by(&mut self, latest: Timestamp) {
        // Of those that leave together then, the one whose time would have come first goes first.
        let mut entries = std::mem::take(&mut self.heap).into_sorted_vec();
        entries.reverse();
        self.heap = (self.sequence_next..)
            .zip(entries)
            .map(|(sequence, Reverse(entry))| {
                Reverse(Entry { release: entry.release.min(latest), sequence, item: entry.item })
            })
            .collect();
        self.sequence_next =
            self.sequence_next.wrapping_add(u64::try_from(self.heap.len()).unwrap_or(u64::MAX));
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.release, self.sequence).cmp(&(other.release, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn nothing_leaves_before_its_time_and_then_at_once() {
        let mut queue = DelayQueue::new();
        queue.push(at(10), 'a');
        assert_eq!(queue.release_next(), at(10));
        assert_eq!(queue.pop_due(at(9)), None);
        assert_eq!(queue.pop_due(at(10)), Some('a'));
        assert_eq!(queue.release_next(), Timestamp::NEVER);
        assert_eq!(queue.pop_due(Timestamp::NEVER), None);
    }

    #[test]
    fn equal_times_leave_in_the_order_they_came() {
        let mut queue = DelayQueue::new();
        for item in 0..100 {
            queue.push(at(5), item);
        }
        let left: Vec<_> = std::iter::from_fn(|| queue.pop_due(at(5))).collect();
        assert_eq!(left, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_flush_moves_late_items_forward_and_leaves_early_ones() {
        let mut queue = DelayQueue::new();
        for (release, item) in [(900, "late"), (10, "early"), (500, "middle")] {
            queue.push(at(release), item);
        }
        queue.release_all_by(at(400));
        assert_eq!(queue.pop_due(at(10)), Some("early"));
        assert_eq!(queue.pop_due(at(399)), None);
        assert_eq!(queue.pop_due(at(400)), Some("middle"), "in the order of their own times");
        assert_eq!(queue.pop_due(at(400)), Some("late"));
        assert_eq!(queue.len(), 0);
    }

    proptest! {
        #[test]
        fn items_leave_ordered_by_release_and_arrival(releases in prop::collection::vec(0u64..50, 0..200)) {
            let mut queue = DelayQueue::new();
            for (arrival, &release) in releases.iter().enumerate() {
                queue.push(at(release), (release, arrival));
            }
            let left: Vec<_> = std::iter::from_fn(|| queue.pop_due(Timestamp::NEVER)).collect();
            let mut sorted = left.clone();
            sorted.sort_unstable();
            prop_assert_eq!(left.len(), releases.len());
            prop_assert_eq!(left, sorted);
        }
    }
}
