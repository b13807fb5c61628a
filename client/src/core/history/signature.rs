//! A summary of what a message says, by which a search passes over nearly all messages without reading their texts.
//!
//! A text of some thousand messages does not fit a processor's cache, and reading it is most of what a search costs. A signature
//! has a bit for each pair of neighbouring bytes of the folded text, by a hash of the pair. A text that holds another one has
//! all of its pairs; a text that has them need not hold it. Signatures are in memory only.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::fold::Folder;
use super::search::searchable;
use crate::core::message::Message;

const WORDS: usize = 4;
/// Takes a pair of bytes to the number of its bit, by the upper eight bits of the product (Knuth's multiplicative hash).
const MULTIPLIER: u32 = 0x9e37_79b1;

/// The pairs of bytes in a text. `Debug` shows nothing of them.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Signature([u64; WORDS]);

impl Signature {
    /// Of a folded text.
    pub(crate) fn of(folded: &str) -> Self {
        let mut words = [0; WORDS];
        for pair in folded.as_bytes().windows(2) {
            let &[first, second] = pair else { continue };
            let hash = u32::from(u16::from_be_bytes([first, second])).wrapping_mul(MULTIPLIER);
            let bit = hash >> 24;
            if let Some(word) = usize::try_from(bit / 64).ok().and_then(|at| words.get_mut(at)) {
                *word |= 1 << (bit % 64);
            }
        }
        Self(words)
    }

    /// Whether the text may hold one with this signature; if not, it does not.
    pub(crate) fn may_hold(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & other == *other)
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature([scrubbed])")
    }
}

/// Makes the signatures of messages.
#[derive(Default)]
pub(crate) struct Signer(Folder);

impl Signer {
    /// The signature of a message; that of no text for one that is never found.
    pub(crate) fn sign(&mut self, message: &Message) -> Signature {
        let signature = Signature::of(self.0.fold(searchable(message).unwrap_or_default()));
        self.0.wipe();
        signature
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signature(text: &str) -> Signature {
        Signature::of(Folder::default().fold(text))
    }

    #[test]
    fn debug_shows_nothing() {
        insta::assert_snapshot!(format!("{:?}", signature("meet me")), @"Signature([scrubbed])");
    }

    #[test]
    fn nearly_all_words_that_are_not_in_a_text_are_seen_not_to_be() {
        let text =
            signature("Shall I bring the plans of the old harbour, or do you have a copy of them already?");
        let words =
            ["xylophone", "Wednesday", "umbrella", "ключ", "日本語", "quick", "jazz", "zebra", "1234567"];
        assert!(words.iter().all(|word| !text.may_hold(&signature(word))));
        assert!(text.may_hold(&signature("HARBOUR")) && text.may_hold(&signature("")));
        assert!(!signature("").may_hold(&signature("ab")));
    }

    proptest! {
        #[test]
        fn a_text_may_hold_each_of_its_parts(before in ".{0,8}", part in ".{0,8}", after in ".{0,8}") {
            let text = format!("{before}{part}{after}");
            let (text, mut folder) = (Folder::default().fold(&text).to_owned(), Folder::default());
            let part = folder.fold(&part);
            // Composed with what stands beside it, a part need not be one any more.
            prop_assert!(!text.contains(part) || Signature::of(&text).may_hold(&Signature::of(part)));
        }
    }
}
