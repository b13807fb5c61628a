//! What happens next: a queue of events by time, and of equal times by the order of entering.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path problem", J. ACM 37(2), 1990) of base
//! 256: an event waits in a slot by the highest byte in which its time differs from the present one. A slot that comes near
//! is spread over finer slots, or, when it holds few events, handed to a small heap at once. So entering costs one write,
//! and an event moves a few times however many wait. Not here: what an event means.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::SimTime;

/// Slots of a level, one for each value of a byte.
const SLOTS: usize = 256;
/// Bits of a level.
const LEVEL_BITS: u32 = 8;
/// Bytes of a time.
const LEVELS: usize = 8;
/// A slot of at most so many events is not spread any further.
const NEAR_MAX: u32 = 48;

/// Entries of a chunk, so that it has 512 bytes.
const CHUNK: usize = 31;
/// No chunk.
const NONE: u32 = u32::MAX;

/// Some of the entries of a slot. Slots share all chunks, so that memory grows with what waits and not with the most that
/// each of them ever held.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    entries: [u128; CHUNK],
    len: u32,
    next: u32,
}

const EMPTY: Chunk = Chunk { entries: [0; CHUNK], len: 0, next: NONE };

/// A slot: its first chunk, which is the only one that may not be full, and how many entries there are.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u32,
    len: u32,
}

const VACANT: Slot = Slot { first: NONE, len: 0 };

/// Events that wait. An event is a number, whose meaning is the caller's.
#[derive(Debug)]
pub(super) struct Queue {
    /// Nothing before this time waits in a slot.
    base: u64,
    /// Events before this time are in `near`.
    near_end: u64,
    /// The next events: time, order of entering, event, from the highest bits down.
    near: BinaryHeap<Reverse<u128>>,
    /// Level by level.
    slots: Vec<Slot>,
    chunks: Vec<Chunk>,
    /// The first chunk that nobody uses.
    free: u32,
    /// Which slots hold something: a bit each.
    filled: [[u64; SLOTS / 64]; LEVELS],
    /// How many have entered.
    entered: u32,
    /// Events at or after this time are not wanted.
    until: u64,
}

const fn time_of(entry: u128) -> u64 {
    (entry >> 64) as u64
}

/// The byte of a time at this level.
#[inline]
const fn byte_of(at: u64, level: u32) -> usize {
    ((at >> (level * LEVEL_BITS)) & 0xff) as usize
}

impl Queue {
    /// An empty queue, which forgets at once what is for `until` or later.
    pub(super) fn new(until: SimTime) -> Self {
        Self {
            base: 0,
            near_end: 0,
            near: BinaryHeap::new(),
            slots: vec![VACANT; SLOTS * LEVELS],
            chunks: Vec::new(),
            free: NONE,
            filled: [[0; SLOTS / 64]; LEVELS],
            entered: 0,
            until: until.as_nanos(),
        }
    }

    /// Enters an event. A time in the past is taken for the present.
    #[inline]
    pub(super) fn push(&mut self, at: SimTime, event: u32) {
        let at = at.as_nanos().max(self.base);
        if at >= self.until {
            return;
        }
        let entry = u128::from(at) << 64 | u128::from(self.entered) << 32 | u128::from(event);
        self.entered = self.entered.wrapping_add(1);
        if at < self.near_end {
            self.near.push(Reverse(entry));
        } else {
            self.place(entry);
        }
    }

    /// Takes the next event.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(SimTime, u32)> {
        loop {
            if let Some(Reverse(entry)) = self.near.pop() {
                #[expect(clippy::cast_possible_truncation, reason = "the lowest 32 bits are the event")]
                let event = entry as u32;
                return Some((SimTime::from_nanos(time_of(entry)), event));
            }
            self.refill()?;
        }
    }

    /// Puts an entry into its slot.
    #[inline]
    fn place(&mut self, entry: u128) {
        let at = time_of(entry);
        let level = ((at ^ self.base) | 1).ilog2() / LEVEL_BITS;
        let slot = byte_of(at, level);
        let level = level as usize;
        if let Some(filled) = self.filled.get_mut(level).and_then(|words| words.get_mut(slot / 64)) {
            *filled |= 1 << (slot % 64);
        }
        let Some(slot) = self.slots.get_mut(level * SLOTS + slot) else { return };
        slot.len += 1;
        if let Some(chunk) = self.chunks.get_mut(slot.first as usize)
            && let Some(entry_of_chunk) = chunk.entries.get_mut(chunk.len as usize)
        {
            *entry_of_chunk = entry;
            chunk.len += 1;
            return;
        }
        let mut chunk = Chunk { len: 1, next: slot.first, ..EMPTY };
        if let Some(first) = chunk.entries.first_mut() {
            *first = entry;
        }
        if let Some(vacant) = self.chunks.get_mut(self.free as usize) {
            slot.first = self.free;
            self.free = std::mem::replace(vacant, chunk).next;
        } else if let Ok(number) = u32::try_from(self.chunks.len()) {
            slot.first = number;
            self.chunks.push(chunk);
        }
    }

    /// The first slot that holds something: its level and its place there.
    fn first(&self) -> Option<(usize, usize)> {
        self.filled.iter().enumerate().find_map(|(level, words)| {
            words
                .iter()
                .enumerate()
                .find(|(_, word)| **word != 0)
                .map(|(index, word)| (level, index * 64 + word.trailing_zeros() as usize))
        })
    }

    /// Brings the first slot nearer: into `near` or into finer slots. `None` if nothing waits.
    fn refill(&mut self) -> Option<()> {
        let (level, slot) = self.first()?;
        let waiting = std::mem::replace(self.slots.get_mut(level * SLOTS + slot)?, VACANT);
        *self.filled.get_mut(level)?.get_mut(slot / 64)? &= !(1 << (slot % 64));
        #[expect(clippy::cast_possible_truncation, reason = "at most 56")]
        let shift = level as u32 * LEVEL_BITS;
        let above = self.base.checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        self.base = above.checked_shl(shift + LEVEL_BITS).unwrap_or(0) | (slot as u64) << shift;
        self.near_end = self.base;
        let is_near = level == 0 || waiting.len <= NEAR_MAX;
        if is_near {
            self.near_end = self.base.saturating_add(1 << shift);
        }
        let mut next = waiting.first;
        while let Some(place) = self.chunks.get_mut(next as usize) {
            let chunk = *place;
            // Free before its entries are placed, which may need it.
            place.next = std::mem::replace(&mut self.free, next);
            let entries = chunk.entries.iter().take(chunk.len as usize);
            if is_near {
                self.near.extend(entries.copied().map(Reverse));
            } else {
                for entry in entries {
                    self.place(*entry);
                }
            }
            next = chunk.next;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    /// Against a plain sorted list, with times from nanoseconds to hours and many equal ones.
    #[test]
    fn events_come_by_time_and_then_in_the_order_of_entering() {
        let mut draws = Seed::new(11).draws(Purpose::Delay, 0);
        let mut queue = Queue::new(SimTime::from_nanos(u64::MAX - 1));
        let mut model: std::collections::BTreeMap<(u64, u32), u32> = std::collections::BTreeMap::new();
        let (mut now, mut event) = (0, 0);
        for round in 0..200_000_u32 {
            if draws.below(2) == 0 || model.is_empty() {
                let shift = draws.below(44);
                let mut at = now + u64::from(draws.below(8) << draws.below(4));
                at += u64::from(draws.below(1 << 16)) << shift >> 16;
                queue.push(SimTime::from_nanos(at), event);
                model.insert((at, round), event);
                event += 1;
            } else {
                let ((at, _), expected) = model.pop_first().unwrap();
                assert_eq!(queue.pop(), Some((SimTime::from_nanos(at), expected)));
                now = at;
            }
        }
        while let Some(((at, _), expected)) = model.pop_first() {
            assert_eq!(queue.pop(), Some((SimTime::from_nanos(at), expected)));
        }
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn memory_grows_with_what_waits_and_not_with_what_has_passed() {
        let mut draws = Seed::new(12).draws(Purpose::Delay, 0);
        let mut queue = Queue::new(SimTime::from_nanos(u64::MAX - 1));
        let mut gap = || SimTime::from_secs_f64(draws.exponential(0.2));
        for event in 0..2000 {
            queue.push(gap(), event);
        }
        let room = |queue: &Queue| queue.chunks.len() * CHUNK + queue.near.capacity();
        let mut after = Vec::new();
        for _ in 0..2 {
            for _ in 0..400_000 {
                let (now, event) = queue.pop().unwrap();
                queue.push(now + gap(), event);
            }
            after.push(room(&queue));
        }
        assert!(after[1] < 2 * 2000 + SLOTS * CHUNK, "{after:?}");
    }

    #[test]
    fn what_is_too_late_is_not_kept_and_what_is_past_comes_at_once() {
        let mut queue = Queue::new(SimTime::from_nanos(1000));
        queue.push(SimTime::from_nanos(1000), 1);
        queue.push(SimTime::from_nanos(999), 2);
        assert_eq!(queue.pop(), Some((SimTime::from_nanos(999), 2)));
        queue.push(SimTime::from_nanos(3), 3);
        assert_eq!(queue.pop().map(|(_, event)| event), Some(3));
        assert_eq!(queue.pop(), None);
    }
}
