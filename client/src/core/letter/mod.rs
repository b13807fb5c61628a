//! Letters: messages that a conversation counts, each with a name, a time and the limits of its existence.
//!
//! ```text
//! +---------+------+---------+----------+-----------+-------+---------------+--------------+-------+
//! | 0       | 1    | 2 .. 9  | 10 .. 17 | 18 .. 25  | 26    | 27 .. 30      | 31 .. 34     | 35 .. |
//! | version | kind | series  | number   | sent, ms  | flags | visible for,  | exists for,  | body  |
//! |   = 1   |      | random  | from 1   | since 1970|       | seconds       | seconds      |       |
//! +---------+------+---------+----------+-----------+-------+---------------+--------------+-------+
//! flags 1 read once; 0 seconds: no limit; numbers big endian
//! ```
//!
//! A letter of a kind that this version does not know has a name like any other: it is counted, kept byte for byte, and
//! ends when it says. What the kinds hold is in [`content`], what both sides tell each other about names in [`report`].
//! What is done with a letter is not decided here.

mod content;
mod disappearing;
mod introduction;
mod name;
mod report;
mod verb;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use content::{Author, Content, ContentRefusal, Reference};
pub use disappearing::Disappearing;
pub(crate) use introduction::{Introduction, IntroductionAnswer, IntroductionLink, IntroductionTag, Part};
pub(crate) use name::{Name, Series};
pub(crate) use report::{Got, Report, Sent};
pub(crate) use verb::Verb;

const VERSION: u8 = 1;
const HEADER_LEN: usize = 35;

/// Why bytes are no letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum LetterRefusal {
    /// Shorter than its header.
    #[error("a letter has a header of {HEADER_LEN} bytes")]
    Short,
    /// Of another version.
    #[error("a letter of version {0}, this program knows version {VERSION}")]
    Version(u8),
    /// Letters are counted from 1.
    #[error("a letter has number 0")]
    Number,
    /// A flag that means nothing.
    #[error("a letter has unknown flags: what they ask for cannot be kept to")]
    Flags,
}

impl LetterRefusal {
    /// The stable name of this refusal.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Short => "letter-short",
            Self::Version(_) => "letter-version",
            Self::Number => "letter-number",
            Self::Flags => "letter-flags",
        }
    }
}

/// One letter. `Debug` shows no body.
pub(crate) struct Letter<'a> {
    pub(crate) name: Name,
    pub(crate) kind: u8,
    /// When it was sent by the sender's clock, in milliseconds since the Unix epoch.
    pub(crate) sent_at_ms: u64,
    pub(crate) disappearing: Disappearing,
    pub(crate) body: &'a [u8],
}

impl<'a> Letter<'a> {
    /// From its bytes.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, LetterRefusal> {
        let (&[version, kind], rest) = bytes.split_first_chunk().ok_or(LetterRefusal::Short)?;
        if version != VERSION {
            return Err(LetterRefusal::Version(version));
        }
        let (name, rest) = rest.split_first_chunk().ok_or(LetterRefusal::Short)?;
        let (sent_at, rest) = rest.split_first_chunk().ok_or(LetterRefusal::Short)?;
        let (knobs, body) = rest.split_first_chunk().ok_or(LetterRefusal::Short)?;
        let name = Name::from_bytes(name);
        if name.number == 0 {
            return Err(LetterRefusal::Number);
        }
        let disappearing = Disappearing::from_bytes(knobs).ok_or(LetterRefusal::Flags)?;
        Ok(Self { name, kind, sent_at_ms: u64::from_be_bytes(*sent_at), disappearing, body })
    }

    /// Its bytes.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER_LEN.saturating_add(self.body.len())));
        bytes.extend_from_slice(&[VERSION, self.kind]);
        bytes.extend_from_slice(&self.name.to_bytes());
        bytes.extend_from_slice(&self.sent_at_ms.to_be_bytes());
        bytes.extend_from_slice(&self.disappearing.to_bytes());
        bytes.extend_from_slice(self.body);
        bytes
    }
}

impl fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({:?}, kind {}, [scrubbed; {}])", self.name, self.kind, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letter(body: &[u8]) -> Letter<'_> {
        let name = Name { series: Series::from_bytes([7; 8]), number: 300 };
        let disappearing = Disappearing { read_once: true, visible_for_s: 60, exists_for_s: 3600 };
        Letter { name, kind: 77, sent_at_ms: 5, disappearing, body }
    }

    fn refusal_of(change: impl Fn(&mut Vec<u8>)) -> &'static str {
        let mut bytes = letter(b"body").to_bytes().to_vec();
        change(&mut bytes);
        Letter::parse(&bytes).err().map_or("accepted", LetterRefusal::label)
    }

    #[test]
    fn every_field_is_checked() {
        assert_eq!(refusal_of(|_| ()), "accepted");
        assert_eq!(refusal_of(|bytes| bytes.truncate(34)), "letter-short");
        assert_eq!(refusal_of(|bytes| bytes.truncate(1)), "letter-short");
        assert_eq!(refusal_of(|bytes| bytes[0] = 2), "letter-version");
        assert_eq!(refusal_of(|bytes| bytes[10..18].fill(0)), "letter-number");
        assert_eq!(refusal_of(|bytes| bytes[26] = 2), "letter-flags");
    }

    #[test]
    fn debug_shows_no_body() {
        insta::assert_snapshot!(format!("{:?}", letter(b"meet me")), @"Letter(0707070707070707/300, kind 77, [scrubbed; 7])");
    }

    proptest! {
        #[test]
        fn a_letter_of_any_kind_round_trips(kind: u8, number in 1u64.., sent_at_ms: u64, read_once: bool, visible_for_s: u32, exists_for_s: u32, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let name = Name { series: Series::from_bytes([1; 8]), number };
            let disappearing = Disappearing { read_once, visible_for_s, exists_for_s };
            let bytes = Letter { name, kind, sent_at_ms, disappearing, body: &body }.to_bytes();
            let again = Letter::parse(&bytes).unwrap();
            prop_assert_eq!((again.name, again.kind, again.sent_at_ms), (name, kind, sent_at_ms));
            prop_assert_eq!((again.disappearing, again.body), (disappearing, body.as_slice()));
        }

        #[test]
        fn any_bytes_are_refused_or_reencode_to_themselves(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(letter) = Letter::parse(&bytes) {
                let again = letter.to_bytes();
                prop_assert_eq!(again.as_slice(), bytes.as_slice());
            }
        }
    }
}
