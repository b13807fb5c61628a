//! What the kinds of letters hold.
//!
//! ```text
//! kind 1 text      text (UTF-8)
//!      2 reply     reference (17) || text
//!      3 reaction  reference (17) || emoji (UTF-8, at most 48 bytes; none takes a reaction back)
//!      4 edit      name (16) || text            of a letter of the same sender
//!      5 deletion  name (16)                    of a letter of the same sender
//!      6 defaults  version (4) || flags (1) || visible for (4) || exists for (4)
//!      7 file      size (8) || SHA-256 (32) || name (UTF-8, at most 255 bytes)
//!      8 answer    reference (17) || verb       to a file, by either side; verbs are in [`super::verb`]
//!      9, 10, 11                              see [`super::introduction`]
//! reference = author (1: 1 who sends this letter, 2 who receives it) || name (16)
//! ```
//!
//! Whether what a letter refers to exists, and whose it is, is not known here.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::disappearing::{Disappearing, WIRE_LEN};
use super::introduction::{Introduction, IntroductionAnswer, IntroductionLink};
use super::name::Name;
use super::verb::Verb;
use crate::core::limits::{EMOJI_LEN_MAX, FILE_NAME_LEN_MAX, TEXT_LEN_MAX};

const KIND_TEXT: u8 = 1;
const KIND_REPLY: u8 = 2;
const KIND_REACTION: u8 = 3;
const KIND_EDIT: u8 = 4;
const KIND_DELETION: u8 = 5;
const KIND_DEFAULTS: u8 = 6;
const KIND_FILE: u8 = 7;
const KIND_FILE_ANSWER: u8 = 8;
const KIND_INTRODUCTION: u8 = 9;
const KIND_INTRODUCTION_ANSWER: u8 = 10;
const KIND_INTRODUCTION_LINK: u8 = 11;

/// Why the body of a letter is none of its kind. The letter is kept as one of unknown kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ContentRefusal {
    /// This version knows no such kind.
    #[error("a letter of a kind that this version does not know")]
    Kind,
    /// Shorter or longer than its kind.
    #[error("a letter is shorter or longer than its kind")]
    Length,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// A reference to nobody's letter.
    #[error("a reference names neither of the two sides")]
    Author,
    /// Limits that mean nothing.
    #[error("limits of existence with unknown flags")]
    Flags,
    /// An answer to a file that is none.
    #[error("an answer to a file has an unknown verb, or ranges out of order")]
    Verb,
    /// An introduction whose part, name or answer is none.
    #[error("an introduction with a part, a name or an answer that cannot be")]
    Introduction,
}

impl ContentRefusal {
    /// The stable name of this refusal.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Kind => "letter-kind",
            Self::Length => "letter-length",
            Self::Utf8 => "letter-utf8",
            Self::Author => "letter-author",
            Self::Flags => "letter-defaults",
            Self::Verb => "letter-file-answer",
            Self::Introduction => "letter-introduction",
        }
    }
}

/// Who wrote the letter that another one refers to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) enum Author {
    /// Who sends the referring letter.
    Sender,
    /// Who receives it.
    Receiver,
}

/// A letter that another one refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub(crate) author: Author,
    pub(crate) name: Name,
}

/// The body of a letter of a known kind. `Debug` shows its kind only. The numbers of the record are on disk: append only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    Text(String),
    Reply {
        to: Reference,
        text: String,
    },
    /// None takes a reaction back.
    Reaction {
        to: Reference,
        emoji: Option<String>,
    },
    Edit {
        of: Name,
        text: String,
    },
    Deletion {
        of: Name,
    },
    /// The limits that letters of this conversation have unless they say otherwise. The highest version holds.
    Defaults {
        version: u32,
        disappearing: Disappearing,
    },
    /// A file that is offered: its bytes come as parts, once they are wanted.
    File {
        size: u64,
        sha256: [u8; 32],
        /// What the sender calls it: to be shown, never a path.
        name: String,
    },
    FileAnswer {
        of: Reference,
        verb: Verb,
    },
    Introduction(Introduction),
    IntroductionAnswer(IntroductionAnswer),
    IntroductionLink(IntroductionLink),
}

pub(super) fn text(bytes: &[u8], len_max: usize) -> Result<String, ContentRefusal> {
    if bytes.len() > len_max {
        return Err(ContentRefusal::Length);
    }
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| ContentRefusal::Utf8)
}

fn name(bytes: &[u8]) -> Result<(Name, &[u8]), ContentRefusal> {
    let (name, rest) = bytes.split_first_chunk().ok_or(ContentRefusal::Length)?;
    Ok((Name::from_bytes(name), rest))
}

fn reference(bytes: &[u8]) -> Result<(Reference, &[u8]), ContentRefusal> {
    let (author, rest) = bytes.split_first().ok_or(ContentRefusal::Length)?;
    let author = match author {
        1 => Author::Sender,
        2 => Author::Receiver,
        _ => return Err(ContentRefusal::Author),
    };
    let (name, rest) = name(rest)?;
    Ok((Reference { author, name }, rest))
}

impl Reference {
    fn to_bytes(self) -> Vec<u8> {
        let author = match self.author {
            Author::Sender => 1,
            Author::Receiver => 2,
        };
        [&[author], self.name.to_bytes().as_slice()].concat()
    }
}

impl Content {
    /// From the body of a letter of this kind.
    pub(crate) fn parse(kind: u8, body: &[u8]) -> Result<Self, ContentRefusal> {
        match kind {
            KIND_TEXT => Ok(Self::Text(text(body, TEXT_LEN_MAX)?)),
            KIND_REPLY => {
                let (to, rest) = reference(body)?;
                Ok(Self::Reply { to, text: text(rest, TEXT_LEN_MAX)? })
            }
            KIND_REACTION => {
                let (to, rest) = reference(body)?;
                let emoji = text(rest, EMOJI_LEN_MAX)?;
                Ok(Self::Reaction { to, emoji: (!emoji.is_empty()).then_some(emoji) })
            }
            KIND_EDIT => {
                let (of, rest) = name(body)?;
                Ok(Self::Edit { of, text: text(rest, TEXT_LEN_MAX)? })
            }
            KIND_DELETION => match name(body)? {
                (of, []) => Ok(Self::Deletion { of }),
                _ => Err(ContentRefusal::Length),
            },
            KIND_DEFAULTS => {
                let (version, rest) = body.split_first_chunk().ok_or(ContentRefusal::Length)?;
                let knobs: &[u8; WIRE_LEN] = rest.try_into().map_err(|_| ContentRefusal::Length)?;
                let disappearing = Disappearing::from_bytes(knobs).ok_or(ContentRefusal::Flags)?;
                Ok(Self::Defaults { version: u32::from_be_bytes(*version), disappearing })
            }
            KIND_FILE => {
                let (size, rest) = body.split_first_chunk().ok_or(ContentRefusal::Length)?;
                let (sha256, rest) = rest.split_first_chunk().ok_or(ContentRefusal::Length)?;
                let (size, sha256) = (u64::from_be_bytes(*size), *sha256);
                Ok(Self::File { size, sha256, name: text(rest, FILE_NAME_LEN_MAX)? })
            }
            KIND_FILE_ANSWER => {
                let (of, rest) = reference(body)?;
                Ok(Self::FileAnswer { of, verb: Verb::parse(rest).ok_or(ContentRefusal::Verb)? })
            }
            KIND_INTRODUCTION => Introduction::parse(body).map(Self::Introduction),
            KIND_INTRODUCTION_ANSWER => IntroductionAnswer::parse(body).map(Self::IntroductionAnswer),
            KIND_INTRODUCTION_LINK => IntroductionLink::parse(body).map(Self::IntroductionLink),
            _ => Err(ContentRefusal::Kind),
        }
    }

    /// The kind and the body of a letter that holds it.
    pub(crate) fn to_bytes(&self) -> (u8, Zeroizing<Vec<u8>>) {
        let (kind, body) = match self {
            Self::Text(text) => (KIND_TEXT, text.as_bytes().to_vec()),
            Self::Reply { to, text } => (KIND_REPLY, [&to.to_bytes(), text.as_bytes()].concat()),
            Self::Reaction { to, emoji } => {
                (KIND_REACTION, [&to.to_bytes(), emoji.as_deref().unwrap_or_default().as_bytes()].concat())
            }
            Self::Edit { of, text } => (KIND_EDIT, [&of.to_bytes(), text.as_bytes()].concat()),
            Self::Deletion { of } => (KIND_DELETION, of.to_bytes().to_vec()),
            Self::Defaults { version, disappearing } => {
                (KIND_DEFAULTS, [version.to_be_bytes().as_slice(), &disappearing.to_bytes()].concat())
            }
            Self::File { size, sha256, name } => {
                (KIND_FILE, [size.to_be_bytes().as_slice(), sha256, name.as_bytes()].concat())
            }
            Self::FileAnswer { of, verb } => (KIND_FILE_ANSWER, [of.to_bytes(), verb.to_bytes()].concat()),
            Self::Introduction(introduction) => (KIND_INTRODUCTION, introduction.to_bytes()),
            Self::IntroductionAnswer(answer) => (KIND_INTRODUCTION_ANSWER, answer.to_bytes()),
            Self::IntroductionLink(link) => (KIND_INTRODUCTION_LINK, link.to_bytes()),
        };
        (kind, Zeroizing::new(body))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([scrubbed])",
            Self::Reply { .. } => "Reply([scrubbed])",
            Self::Reaction { .. } => "Reaction([scrubbed])",
            Self::Edit { .. } => "Edit([scrubbed])",
            Self::Deletion { .. } => "Deletion([scrubbed])",
            Self::Defaults { .. } => "Defaults([scrubbed])",
            Self::File { .. } => "File([scrubbed])",
            Self::FileAnswer { .. } => "FileAnswer([scrubbed])",
            Self::Introduction(_) => "Introduction([scrubbed])",
            Self::IntroductionAnswer(_) => "IntroductionAnswer([scrubbed])",
            Self::IntroductionLink(_) => "IntroductionLink([scrubbed])",
        })
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        match self {
            Self::Text(text) | Self::Reply { text, .. } | Self::Edit { text, .. } => text.zeroize(),
            Self::Reaction { emoji, .. } => emoji.zeroize(),
            Self::File { name, .. } => name.zeroize(),
            Self::Deletion { .. } | Self::Defaults { .. } | Self::FileAnswer { .. } => {}
            // These wipe themselves.
            Self::Introduction(_) | Self::IntroductionAnswer(_) | Self::IntroductionLink(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::letter::{Part, Series};

    fn some_name() -> impl Strategy<Value = Name> {
        (any::<[u8; 8]>(), any::<u64>())
            .prop_map(|(series, number)| Name { series: Series::from_bytes(series), number })
    }

    fn some_reference() -> impl Strategy<Value = Reference> {
        (any::<bool>(), some_name()).prop_map(|(own, name)| Reference {
            author: if own { Author::Sender } else { Author::Receiver },
            name,
        })
    }

    fn some_content() -> impl Strategy<Value = Content> {
        let knobs = (any::<bool>(), any::<u32>(), any::<u32>()).prop_map(
            |(read_once, visible_for_s, exists_for_s)| Disappearing {
                read_once,
                visible_for_s,
                exists_for_s,
            },
        );
        prop_oneof![
            ".*".prop_map(Content::Text),
            (some_reference(), ".*").prop_map(|(to, text)| Content::Reply { to, text }),
            (some_reference(), prop::option::of("[a-z]{1,48}"))
                .prop_map(|(to, emoji)| Content::Reaction { to, emoji }),
            (some_name(), ".*").prop_map(|(of, text)| Content::Edit { of, text }),
            some_name().prop_map(|of| Content::Deletion { of }),
            (any::<u32>(), knobs)
                .prop_map(|(version, disappearing)| Content::Defaults { version, disappearing }),
            (any::<u64>(), any::<[u8; 32]>(), "[^a]{0,60}").prop_map(|(size, sha256, name)| Content::File {
                size,
                sha256,
                name
            }),
            (some_reference(), 1u8..6, any::<u32>()).prop_map(|(of, verb, first)| {
                let ranges: &[(u32, u32)] = &[(first / 2, first)];
                let wire = if verb == 1 { Verb::Wanted(ranges.to_vec()).to_bytes() } else { vec![verb] };
                Content::FileAnswer { of, verb: Verb::parse(&wire).unwrap() }
            }),
            (any::<[u8; 16]>(), any::<bool>(), "[a-zé]{1,64}", ".{0,30}").prop_map(
                |(tag, is_inviter, name, note)| {
                    let part = if is_inviter { Part::Inviter } else { Part::Joiner };
                    Content::Introduction(Introduction { tag, part, name, note })
                }
            ),
            (any::<[u8; 16]>(), prop::option::of(prop::option::of("[a-z:]{1,79}"))).prop_map(
                |(tag, answer)| {
                    let (agrees, link) = (answer.is_some(), answer.flatten());
                    Content::IntroductionAnswer(IntroductionAnswer { tag, agrees, link })
                }
            ),
            (any::<[u8; 16]>(), "[a-z:]{0,79}")
                .prop_map(|(tag, link)| Content::IntroductionLink(IntroductionLink { tag, link })),
        ]
    }

    fn refusal(kind: u8, body: &[u8]) -> &'static str {
        Content::parse(kind, body).err().map_or("accepted", ContentRefusal::label)
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused_by_name() {
        assert_eq!(refusal(99, b""), "letter-kind");
        assert_eq!(refusal(KIND_TEXT, &[0xff]), "letter-utf8");
        assert_eq!(refusal(KIND_TEXT, &vec![b'x'; TEXT_LEN_MAX + 1]), "letter-length");
        assert_eq!(refusal(KIND_REPLY, &[1; 16]), "letter-length");
        assert_eq!(refusal(KIND_REPLY, &[3; 20]), "letter-author");
        assert_eq!(refusal(KIND_REACTION, &[1; 17 + EMOJI_LEN_MAX + 1]), "letter-length");
        assert_eq!(refusal(KIND_EDIT, &[1; 15]), "letter-length");
        assert_eq!(refusal(KIND_DELETION, &[1; 17]), "letter-length");
        assert_eq!(refusal(KIND_DEFAULTS, &[0; 12]), "letter-length");
        assert_eq!(refusal(KIND_DEFAULTS, &[9; 13]), "letter-defaults");
        assert_eq!(refusal(KIND_FILE, &[0; 39]), "letter-length");
        assert_eq!(refusal(KIND_FILE, &[0; 40 + FILE_NAME_LEN_MAX + 1]), "letter-length");
        assert_eq!(refusal(KIND_FILE, &[0xff; 41]), "letter-utf8");
        assert_eq!(refusal(KIND_FILE_ANSWER, &[1; 17]), "letter-file-answer");
        assert_eq!(refusal(KIND_FILE_ANSWER, &[1; 19]), "letter-file-answer");
    }

    #[test]
    fn introductions_that_are_none_are_refused_by_name() {
        let introduction = |part: u8, name: &str, note_len: usize| {
            let len = u16::try_from(name.len()).unwrap().to_be_bytes();
            let note = vec![b'n'; note_len];
            let body = [&[7; 16], [part].as_slice(), &len, name.as_bytes(), &note].concat();
            refusal(KIND_INTRODUCTION, &body)
        };
        assert_eq!(introduction(1, "Carol", 120), "accepted");
        assert_eq!(introduction(2, &"𝒞".repeat(64), 0), "accepted");
        assert_eq!(introduction(3, "Carol", 0), "letter-introduction");
        assert_eq!(introduction(1, "Carol", 121), "letter-length");
        for name in ["", " Carol", "a\u{1b}[2J", "a\u{202e}b", &"x".repeat(65)] {
            assert_eq!(introduction(1, name, 0), "letter-introduction", "{name:?}");
        }
        assert_eq!(refusal(KIND_INTRODUCTION, &[7; 18]), "letter-introduction");
        let short = [[7; 16].as_slice(), &[1, 0, 9], b"Carol"].concat();
        assert_eq!(refusal(KIND_INTRODUCTION, &short), "letter-length");
        let answer = |rest: &[u8]| refusal(KIND_INTRODUCTION_ANSWER, &[&[7; 16], rest].concat());
        assert_eq!(answer(&[]), "letter-length");
        assert_eq!((answer(&[1]), answer(&[2])), ("accepted", "accepted"));
        assert_eq!(answer(&[0]), "letter-introduction");
        assert_eq!(answer(&[2, b'x']), "letter-length");
        assert_eq!(answer(&[1; 130]), "letter-length");
        assert_eq!(answer(&[1, 0xff]), "letter-utf8");
        assert_eq!(refusal(KIND_INTRODUCTION_LINK, &[7; 15]), "letter-length");
        assert_eq!(refusal(KIND_INTRODUCTION_LINK, &[7; 16 + 129]), "letter-length");
    }

    proptest! {
        #[test]
        fn every_kind_round_trips(content in some_content()) {
            let (kind, body) = content.to_bytes();
            prop_assert!(Content::parse(kind, &body).unwrap() == content);
        }

        #[test]
        fn any_body_is_refused_or_reencodes_to_itself(kind in 0u8..12, body in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(content) = Content::parse(kind, &body) {
                let (again, bytes) = content.to_bytes();
                prop_assert_eq!((again, bytes.as_slice()), (kind, body.as_slice()));
            }
        }
    }
}
