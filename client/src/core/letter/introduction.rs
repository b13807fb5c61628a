//! What the letters hold by which a contact introduces two others to one another.
//!
//! ```text
//! kind 9  introduction   id (16) || part (1: 1 makes the invitation, 2 takes it up) || length of name (2) || name || note
//!      10 answer         id (16) || answer (1: 1 yes, 2 no) || link      (79; of who makes the invitation and says yes)
//!      11 link           id (16) || link (79)
//! ```
//!
//! Texts are UTF-8. Whether a link is one, and whether anybody has asked for it, is not known here.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::content::{ContentRefusal, text};
use crate::core::contact::check_name;
use crate::core::limits::{INTRODUCTION_LINK_LEN_MAX, INTRODUCTION_NOTE_LEN_MAX};

const YES: u8 = 1;
const NO: u8 = 2;

/// What letters call an introduction: 16 random bytes of who introduces.
pub(crate) type IntroductionTag = [u8; 16];

/// What somebody who is introduced does. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Makes the invitation.
    Inviter,
    /// Takes it up.
    Joiner,
}

/// The sender knows somebody, and asks whether the receiver wants to meet them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Introduction {
    pub(crate) tag: IntroductionTag,
    #[zeroize(skip)]
    pub(crate) part: Part,
    /// What the sender calls the other person: one that [`check_name`] admits.
    pub(crate) name: String,
    /// May be empty.
    pub(crate) note: String,
}

/// The answer of one of the two.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct IntroductionAnswer {
    pub(crate) tag: IntroductionTag,
    pub(crate) agrees: bool,
    /// The invitation that the inviter makes for the other one.
    pub(crate) link: Option<String>,
}

/// The invitation, passed on to the joiner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct IntroductionLink {
    pub(crate) tag: IntroductionTag,
    pub(crate) link: String,
}

fn tag(body: &[u8]) -> Result<(IntroductionTag, &[u8]), ContentRefusal> {
    body.split_first_chunk().map(|(tag, rest)| (*tag, rest)).ok_or(ContentRefusal::Length)
}

impl Introduction {
    /// What is shown of it; to who has to decide, with what to do about it.
    pub(crate) fn in_words(&self, has_to_decide: bool) -> String {
        let mut words = format!("an introduction to somebody called {:?}", self.name);
        if !self.note.is_empty() {
            words.push_str(&format!(", with the note {:?}", self.note));
        }
        if has_to_decide {
            words.push_str("; `sotto introductions` shows what waits for your decision");
        }
        words
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, ContentRefusal> {
        let (tag, rest) = tag(body)?;
        let (part, rest) = rest.split_first().ok_or(ContentRefusal::Length)?;
        let part = match part {
            1 => Part::Inviter,
            2 => Part::Joiner,
            _ => return Err(ContentRefusal::Introduction),
        };
        let (len, rest) = rest.split_first_chunk().ok_or(ContentRefusal::Length)?;
        let (name, note) =
            rest.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(ContentRefusal::Length)?;
        let (name, note) = (text(name, name.len())?, text(note, INTRODUCTION_NOTE_LEN_MAX)?);
        check_name(&name).map_err(|_| ContentRefusal::Introduction)?;
        Ok(Self { tag, part, name, note })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let part = match self.part {
            Part::Inviter => 1,
            Part::Joiner => 2,
        };
        // A name that was checked has at most 64 characters of four bytes each.
        let len = u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&self.tag, [part].as_slice(), &len, self.name.as_bytes(), self.note.as_bytes()].concat()
    }
}

impl IntroductionAnswer {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ContentRefusal> {
        let (tag, rest) = tag(body)?;
        let (answer, rest) = rest.split_first().ok_or(ContentRefusal::Length)?;
        let link = text(rest, INTRODUCTION_LINK_LEN_MAX)?;
        match (*answer, link.is_empty()) {
            (YES, is_empty) => Ok(Self { tag, agrees: true, link: (!is_empty).then_some(link) }),
            (NO, true) => Ok(Self { tag, agrees: false, link: None }),
            (NO, false) => Err(ContentRefusal::Length),
            _ => Err(ContentRefusal::Introduction),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let answer = if self.agrees { YES } else { NO };
        [&self.tag, [answer].as_slice(), self.link.as_deref().unwrap_or_default().as_bytes()].concat()
    }
}

impl IntroductionLink {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ContentRefusal> {
        let (tag, rest) = tag(body)?;
        Ok(Self { tag, link: text(rest, INTRODUCTION_LINK_LEN_MAX)? })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [self.tag.as_slice(), self.link.as_bytes()].concat()
    }
}
