//! Entries in ascending order, none twice, 32 of their 46 bits stored and the others told by position
//! (Elias 1974; Fano 1971).
//!
//! The `i`-th entry, counted from 0, has its low 32 bits in place `i` and a one at bit `i + high` of a bit string.
//! So the ones of all entries with the same high bits stand together, and a zero ends them. Where each 64th of these
//! groups begins is kept as well, so a lookup counts zeros in a few words and compares a few entries.
//!
//! What is not here: adding a single entry. A run is written anew from end to end, in the memory that it has.

/// Bits of an entry that are stored.
const LOW_BITS: u32 = 32;
/// Bits of an entry that its position tells.
const HIGH_BITS: u32 = 14;
/// Bits of an entry.
pub(super) const ENTRY_BITS: u32 = HIGH_BITS + LOW_BITS;
/// Values that the high bits can have, each with a group of entries.
const GROUPS: usize = 1 << HIGH_BITS;
/// Groups between two whose beginning is kept.
const GROUPS_PER_START: usize = 64;
/// Entries in a piece of memory, which has 2 KiB: all pieces have one size, so what one set frees fits the next.
const PIECE_ENTRIES: usize = 512;
/// The words of the bit string are allocated by so many.
const WORDS_STEP: usize = 64;
const WORD_BITS: usize = u64::BITS as usize;

type Piece = [u32; PIECE_ENTRIES];

#[derive(Default)]
pub(super) struct Run {
    len: usize,
    #[expect(clippy::vec_box, reason = "growth adds pieces, and must not move or copy those that are there")]
    lows: Vec<Box<Piece>>,
    ones: Vec<u64>,
    /// The bit at which each group begins whose number is a multiple of [`GROUPS_PER_START`].
    starts: Box<[u32]>,
}

impl Run {
    pub(super) fn contains(&self, entry: u64) -> bool {
        let (high, low) = parts(entry);
        self.group_start(high).is_some_and(|start| {
            let ones = (start..).take_while(|bit| self.is_one(*bit));
            ones.filter_map(|bit| self.low(bit.checked_sub(high)?)).any(|there| there == low)
        })
    }

    /// Adds `new`, which are in ascending order and not in the run. `scratch` is for the caller to keep.
    pub(super) fn absorb(&mut self, new: &[u64], scratch: &mut Vec<u64>) {
        scratch.clear();
        scratch.reserve_exact(self.len);
        scratch.extend(self.entries());
        self.make_room(self.len.saturating_add(new.len()));
        let places = self.lows.iter_mut().flat_map(|piece| piece.iter_mut());
        let mut starts = self.starts.iter_mut().zip((0..).step_by(GROUPS_PER_START)).peekable();
        let mut index: usize = 0;
        for (entry, place) in merged(scratch, new).zip(places) {
            let (high, low) = parts(entry);
            *place = low;
            while let Some((start, group)) = starts.next_if(|(_, group)| *group <= high) {
                *start = bit_number(group, index);
            }
            let bit = high.saturating_add(index);
            if let Some(word) = self.ones.get_mut(bit / WORD_BITS) {
                *word |= 1 << (bit % WORD_BITS);
            }
            index = index.saturating_add(1);
        }
        for (start, group) in starts {
            *start = bit_number(group, index);
        }
        self.len = index;
    }

    /// Bytes of the heap that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let pieces = self.lows.len().saturating_mul(size_of::<Piece>());
        let pointers = self.lows.capacity().saturating_mul(size_of::<Box<Piece>>());
        let words = self.ones.capacity().saturating_mul(size_of::<u64>());
        pieces + pointers + words + size_of_val::<[u32]>(&self.starts)
    }

    /// Room for `len` entries, and no one in the bit string.
    fn make_room(&mut self, len: usize) {
        let pieces = len.div_ceil(PIECE_ENTRIES);
        self.lows.resize_with(pieces, || Box::new([0; PIECE_ENTRIES]));
        let words = len.saturating_add(GROUPS).div_ceil(WORD_BITS);
        self.ones.clear();
        self.ones.reserve_exact(words.next_multiple_of(WORDS_STEP));
        self.ones.resize(words, 0);
        if self.starts.is_empty() {
            self.starts = vec![0; GROUPS / GROUPS_PER_START].into();
        }
    }

    /// The bit at which the ones of group `high` begin.
    fn group_start(&self, high: usize) -> Option<usize> {
        let start = usize::try_from(*self.starts.get(high / GROUPS_PER_START)?).ok()?;
        let mut zeros = high % GROUPS_PER_START;
        if zeros == 0 {
            return Some(start);
        }
        let mut at = start / WORD_BITS;
        let mut left = !*self.ones.get(at)? & (u64::MAX << (start % WORD_BITS));
        loop {
            let here = left.count_ones() as usize;
            if here >= zeros {
                break;
            }
            zeros -= here;
            at += 1;
            left = !*self.ones.get(at)?;
        }
        for _ in 1..zeros {
            left &= left.wrapping_sub(1);
        }
        Some(at * WORD_BITS + left.trailing_zeros() as usize + 1)
    }

    fn is_one(&self, bit: usize) -> bool {
        self.ones.get(bit / WORD_BITS).is_some_and(|word| word >> (bit % WORD_BITS) & 1 == 1)
    }

    fn low(&self, index: usize) -> Option<u32> {
        self.lows.get(index / PIECE_ENTRIES)?.get(index % PIECE_ENTRIES).copied()
    }

    fn entries(&self) -> impl Iterator<Item = u64> {
        let bits = self.ones.iter().zip((0u64..).step_by(WORD_BITS)).flat_map(|(word, base)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = u64::from((left != 0).then(|| left.trailing_zeros())?);
                left &= left.wrapping_sub(1);
                Some(base + bit)
            })
        });
        let lows = self.lows.iter().flat_map(|piece| piece.iter());
        // The i-th one stands at i + high.
        bits.zip(lows)
            .zip(0u64..)
            .map(|((bit, low), index)| (bit.saturating_sub(index) << LOW_BITS) | u64::from(*low))
    }
}

/// The bit at which a group begins with `index` entries before it. A bit string is far shorter than 2^32.
fn bit_number(group: usize, index: usize) -> u32 {
    u32::try_from(group.saturating_add(index)).unwrap_or(u32::MAX)
}

/// The high and the low bits of an entry.
fn parts(entry: u64) -> (usize, u32) {
    let [a, b, c, d, e, f, g, h] = entry.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]) as usize, u32::from_be_bytes([e, f, g, h]))
}

/// Two ascending sequences as one.
fn merged<'a>(old: &'a [u64], new: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
    let (mut old, mut new) = (old.iter().copied().peekable(), new.iter().copied().peekable());
    std::iter::from_fn(move || match (old.peek(), new.peek()) {
        (Some(a), Some(b)) if b < a => new.next(),
        (None, _) => new.next(),
        _ => old.next(),
    })
}
