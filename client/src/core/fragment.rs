//! How a message is cut into the contents of envelopes, one for each box, and put together again.
//!
//! ```text
//! the content of one envelope, at most 1,297 bytes
//! +---------+------+-------+-------------+---------+----------+------------+-------+
//! | 0       | 1    | 2     | 3 .. 6      | 7 .. 8  | 9 .. 10  | 11 .. 12   | 13 .. |
//! | version | kind | flags | length of   | index   | count of | length of  | bytes |
//! |         |      |       | the message | from 0  | fragments| this part  |       |
//! +---------+------+-------+-------------+---------+----------+------------+-------+
//! version 1; kind 1 note, 2 hello, 3 letter, 4 report (5 is a part of a file: `file::part`); flags 1 first, 2 last; numbers big endian
//! ```
//!
//! The fragments of a message are consecutive boxes of one stream, so no message number is needed. Every
//! fragment but the last is full, and each repeats the whole message's length, so that each can be checked
//! by itself and a message has one way to be cut. A kind that this version does not know is put together
//! like any other and kept.

use std::fmt;

use zeroize::Zeroizing;

use super::limits::MESSAGE_LEN_MAX;
use crate::session::CONTENT_LEN_MAX;

/// The kind of a note that goes along with a request at a contact address.
pub(crate) const KIND_NOTE: u8 = 1;
/// The kind of the joiner's first message, which has no content.
pub(crate) const KIND_HELLO: u8 = 2;
/// The kind of a [letter](super::letter).
pub(crate) const KIND_LETTER: u8 = 3;
/// The kind of a [report](super::letter::Report).
pub(crate) const KIND_REPORT: u8 = 4;

const VERSION: u8 = 1;
const FLAG_FIRST: u8 = 1;
const FLAG_LAST: u8 = 2;
const HEADER_LEN: usize = 13;
/// The bytes of a full fragment.
pub(crate) const FRAGMENT_LEN_MAX: usize = CONTENT_LEN_MAX - HEADER_LEN;

/// Why the text of a box is no fragment, or not the one that must come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum FragmentRefusal {
    /// Shorter than its header.
    #[error("a fragment has a header of {HEADER_LEN} bytes")]
    Short,
    /// Of another version.
    #[error("a fragment of version {0}, this program knows version {VERSION}")]
    Version(u8),
    /// Longer than any message can be.
    #[error("a message of {0} bytes, at most {MESSAGE_LEN_MAX} are accepted")]
    TooLong(u32),
    /// Not the number of fragments that a message of this length has.
    #[error("a message is cut into too many or too few fragments")]
    Count,
    /// An index that is not below the count.
    #[error("the index of a fragment is not below their number")]
    Index,
    /// First and last are not where the index says.
    #[error("the flags of a fragment contradict its index")]
    Flags,
    /// Not as many bytes as its place in the message requires.
    #[error("a fragment has another length than its place requires")]
    Length,
    /// Not the fragment that must follow.
    #[error("a fragment does not follow the one before it")]
    Order,
}

impl FragmentRefusal {
    /// The stable name of this refusal.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Short => "fragment-short",
            Self::Version(_) => "fragment-version",
            Self::TooLong(_) => "fragment-too-long",
            Self::Count => "fragment-count",
            Self::Index => "fragment-index",
            Self::Flags => "fragment-flags",
            Self::Length => "fragment-length",
            Self::Order => "fragment-order",
        }
    }
}

/// One fragment, checked by itself.
struct Fragment<'a> {
    kind: u8,
    message_len: usize,
    index: usize,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, FragmentRefusal> {
        let (header, bytes) = text.split_first_chunk::<HEADER_LEN>().ok_or(FragmentRefusal::Short)?;
        let [version, kind, flags, l0, l1, l2, l3, i0, i1, c0, c1, p0, p1] = *header;
        if version != VERSION {
            return Err(FragmentRefusal::Version(version));
        }
        let claimed = u32::from_be_bytes([l0, l1, l2, l3]);
        let message_len = usize::try_from(claimed)
            .ok()
            .filter(|len| *len <= MESSAGE_LEN_MAX)
            .ok_or(FragmentRefusal::TooLong(claimed))?;
        let index = usize::from(u16::from_be_bytes([i0, i1]));
        let count = usize::from(u16::from_be_bytes([c0, c1]));
        if count != fragment_count(message_len) {
            return Err(FragmentRefusal::Count);
        }
        if index >= count {
            return Err(FragmentRefusal::Index);
        }
        if flags != flags_at(index, count) {
            return Err(FragmentRefusal::Flags);
        }
        let expected = message_len.saturating_sub(index * FRAGMENT_LEN_MAX).min(FRAGMENT_LEN_MAX);
        if bytes.len() != expected || usize::from(u16::from_be_bytes([p0, p1])) != expected {
            return Err(FragmentRefusal::Length);
        }
        Ok(Self { kind, message_len, index, count, bytes })
    }
}

/// How many boxes a message of `len` bytes takes: one at least.
pub(crate) const fn fragment_count(len: usize) -> usize {
    let count = len.div_ceil(FRAGMENT_LEN_MAX);
    if count == 0 { 1 } else { count }
}

const fn flags_at(index: usize, count: usize) -> u8 {
    let first = if index == 0 { FLAG_FIRST } else { 0 };
    let last = if index + 1 == count { FLAG_LAST } else { 0 };
    first | last
}

/// The texts of the boxes that carry `content`.
///
/// # Errors
/// [`FragmentRefusal::TooLong`] beyond [`MESSAGE_LEN_MAX`].
pub(crate) fn split(kind: u8, content: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, FragmentRefusal> {
    let message_len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let count = fragment_count(content.len());
    let count_wire = u16::try_from(count)
        .ok()
        .filter(|_| content.len() <= MESSAGE_LEN_MAX)
        .ok_or(FragmentRefusal::TooLong(message_len))?;
    // An empty message still has one part.
    let parts = content.chunks(FRAGMENT_LEN_MAX).chain(content.is_empty().then_some(&[][..]));
    let mut texts = Vec::with_capacity(count);
    for (index, part) in (0..count_wire).zip(parts) {
        let part_len = u16::try_from(part.len()).map_err(|_| FragmentRefusal::Length)?;
        let mut text = Zeroizing::new(Vec::with_capacity(HEADER_LEN + part.len()));
        text.extend_from_slice(&[VERSION, kind, flags_at(usize::from(index), count)]);
        text.extend_from_slice(&message_len.to_be_bytes());
        text.extend_from_slice(&index.to_be_bytes());
        text.extend_from_slice(&count_wire.to_be_bytes());
        text.extend_from_slice(&part_len.to_be_bytes());
        text.extend_from_slice(part);
        texts.push(text);
    }
    Ok(texts)
}

/// A message that is whole.
pub(crate) struct Whole {
    pub(crate) kind: u8,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// A message of which the first `next` fragments have come. `Debug` shows no content.
#[derive(Clone, Default)]
pub(crate) struct Reassembly {
    partial: Option<Partial>,
}

#[derive(Clone)]
struct Partial {
    kind: u8,
    message_len: usize,
    next: usize,
    count: usize,
    bytes: Zeroizing<Vec<u8>>,
}

impl Reassembly {
    /// Takes the text of the next box. Memory grows with what has arrived, never with what is claimed.
    ///
    /// # Errors
    /// [`FragmentRefusal`]; a message that was begun is then given up.
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<Option<Whole>, FragmentRefusal> {
        let begun = self.partial.take();
        let fragment = Fragment::parse(text)?;
        let mut partial = match begun {
            None if fragment.index == 0 => Partial {
                kind: fragment.kind,
                message_len: fragment.message_len,
                next: 0,
                count: fragment.count,
                bytes: Zeroizing::new(Vec::new()),
            },
            Some(partial)
                if partial.next == fragment.index
                    && partial.kind == fragment.kind
                    && partial.message_len == fragment.message_len =>
            {
                partial
            }
            None | Some(_) => return Err(FragmentRefusal::Order),
        };
        partial.bytes.extend_from_slice(fragment.bytes);
        partial.next += 1;
        if partial.next == partial.count {
            return Ok(Some(Whole { kind: partial.kind, bytes: partial.bytes }));
        }
        self.partial = Some(partial);
        Ok(None)
    }

    /// Gives up a message that was begun. Whether there was one.
    pub(crate) fn give_up(&mut self) -> bool {
        self.partial.take().is_some()
    }

    /// Fragments that are still to come.
    pub(crate) fn remaining(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.count.saturating_sub(partial.next))
    }
}

impl fmt::Debug for Reassembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reassembly({} to come)", self.remaining())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(texts: &[Zeroizing<Vec<u8>>]) -> Result<Option<Whole>, FragmentRefusal> {
        let mut reassembly = Reassembly::default();
        let (last, others) = texts.split_last().unwrap();
        for text in others {
            assert!(reassembly.push(text)?.is_none());
        }
        let whole = reassembly.push(last)?;
        assert_eq!(reassembly.remaining(), 0);
        Ok(whole)
    }

    fn refusal_of(change: impl Fn(&mut Vec<u8>)) -> &'static str {
        let mut text = split(KIND_LETTER, &[7; 3000]).unwrap()[1].to_vec();
        change(&mut text);
        let mut reassembly = Reassembly::default();
        reassembly.push(&text).err().map_or("accepted", FragmentRefusal::label)
    }

    #[test]
    fn lengths_around_every_edge_round_trip() {
        for len in [0, 1, FRAGMENT_LEN_MAX - 1, FRAGMENT_LEN_MAX, FRAGMENT_LEN_MAX + 1, MESSAGE_LEN_MAX] {
            let content: Vec<u8> = (0..len).map(|n| n.to_le_bytes()[0]).collect();
            let texts = split(KIND_LETTER, &content).unwrap();
            assert_eq!(texts.len(), fragment_count(len));
            assert!(texts.iter().all(|text| text.len() <= CONTENT_LEN_MAX));
            let whole = join(&texts).unwrap().unwrap();
            assert_eq!((whole.kind, whole.bytes.as_slice()), (KIND_LETTER, content.as_slice()));
        }
        assert_eq!(split(KIND_LETTER, &[0; MESSAGE_LEN_MAX + 1]).unwrap_err().label(), "fragment-too-long");
    }

    #[test]
    fn every_field_is_checked() {
        assert_eq!(refusal_of(|text| text.truncate(12)), "fragment-short");
        assert_eq!(refusal_of(|text| text[0] = 2), "fragment-version");
        assert_eq!(refusal_of(|text| text[3] = 0xff), "fragment-too-long");
        assert_eq!(refusal_of(|text| text[9] = 0xff), "fragment-count");
        assert_eq!(refusal_of(|text| text[10] = 0), "fragment-count");
        assert_eq!(refusal_of(|text| text[8] = 3), "fragment-index");
        assert_eq!(refusal_of(|text| text[2] = FLAG_LAST), "fragment-flags");
        assert_eq!(refusal_of(|text| text[2] = 0x80), "fragment-flags");
        assert_eq!(refusal_of(|text| text[12] ^= 1), "fragment-length");
        assert_eq!(refusal_of(|text| text.push(0)), "fragment-length");
        assert_eq!(refusal_of(|text| text.truncate(text.len() - 1)), "fragment-length");
        assert_eq!(refusal_of(|_| ()), "fragment-order");
    }

    #[test]
    fn a_message_that_is_cut_off_is_given_up_and_the_next_one_is_whole() {
        let long = split(KIND_LETTER, &[7; 3000]).unwrap();
        let short = split(KIND_LETTER, b"next").unwrap();
        let mut reassembly = Reassembly::default();
        assert!(reassembly.push(&long[0]).unwrap().is_none());
        assert_eq!(reassembly.remaining(), 2);
        assert_eq!(reassembly.push(&short[0]).err(), Some(FragmentRefusal::Order));
        assert_eq!(reassembly.push(&long[1]).err(), Some(FragmentRefusal::Order));
        assert_eq!(reassembly.push(&short[0]).unwrap().unwrap().bytes.as_slice(), b"next");
        assert!(reassembly.push(&long[0]).unwrap().is_none());
        assert!(reassembly.give_up());
        assert!(!reassembly.give_up());
    }

    #[test]
    fn debug_shows_no_content() {
        let mut reassembly = Reassembly::default();
        reassembly.push(&split(KIND_LETTER, &[7; 3000]).unwrap()[0]).unwrap();
        insta::assert_snapshot!(format!("{reassembly:?}"), @"Reassembly(2 to come)");
    }

    proptest! {
        #[test]
        fn any_message_of_any_kind_round_trips(kind: u8, content in prop::collection::vec(any::<u8>(), 0..20_000)) {
            let whole = join(&split(kind, &content).unwrap()).unwrap().unwrap();
            prop_assert_eq!(whole.kind, kind);
            prop_assert_eq!(whole.bytes.as_slice(), content.as_slice());
        }

        #[test]
        fn any_bytes_are_refused_or_bounded(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1400), 0..8)) {
            let mut reassembly = Reassembly::default();
            for text in &texts {
                let _ = reassembly.push(text);
                prop_assert!(reassembly.remaining() <= fragment_count(MESSAGE_LEN_MAX));
            }
        }

        #[test]
        fn a_flipped_byte_never_yields_the_message_with_another_length(at in 0usize..3039, flip in 1u8..) {
            let content = vec![7u8; 3000];
            let mut texts = split(KIND_LETTER, &content).unwrap();
            let mut left = at;
            for text in &mut texts {
                if left < text.len() {
                    text[left] ^= flip;
                    break;
                }
                left -= text.len();
            }
            let mut reassembly = Reassembly::default();
            for text in &texts {
                if let Ok(Some(whole)) = reassembly.push(text) {
                    prop_assert_eq!(whole.bytes.len(), content.len());
                }
            }
        }
    }
}
