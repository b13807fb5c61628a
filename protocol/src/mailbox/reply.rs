//! Replies: the texts that travel back along a command's SURB.
//!
//! ```text
//!  0         1      2      3          4               1,500     2,031
//!  +---------+------+------+----------+---------------+---------+
//!  | version | kind | code | reserved |     body      |  zeros  |
//!  |   = 1   |      |      |   = 0    | at most 1,496 |         |
//!  +---------+------+------+----------+---------------+---------+
//!
//!  kind               code              body
//!  1 stored           0                 none
//!  2 already stored   0                 none
//!  3 conflict         0                 none
//!  4 found            0                 box, 1,496
//!  5 not found        0                 none
//!  6 tombstoned       0                 tombstone, 96
//!  7 refused          refusal code      none
//! ```
//!
//! All replies have [`PAYLOAD_TEXT_LEN`] bytes. What a reply carries proves itself: a client verifies box
//! and tombstone against the name it asked for, not against the mailbox that answered.

use super::command::{COMMAND_VERSION, is_zero};
use super::refusal::ReplyRefusal;
use crate::boxes::{SealedBox, TOMBSTONE_LEN, Tombstone};
use crate::limits::{BOX_LEN, PAYLOAD_TEXT_LEN};

/// What a mailbox answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The box or tombstone is durable.
    Stored,
    /// The very same box or tombstone was durable before.
    AlreadyStored,
    /// Another box of this name, or its tombstone, stands.
    Conflict,
    /// The box that was asked for.
    Found(SealedBox),
    /// There is no box of this name.
    NotFound,
    /// The box that was asked for has been withdrawn.
    Tombstoned(Tombstone),
    /// The command was understood and not done.
    Refused(RefusalCode),
}

/// Why a mailbox does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalCode {
    /// The mailbox has no room for more boxes: try another, or later.
    QuotaFull,
    /// The box or tombstone fails verification: sending it again will not help.
    BadSignature,
    /// The mailbox could not reach its storage: try again later.
    StoreFailed,
    /// The mailbox has too much to do at the moment: try again later.
    Busy,
}

impl RefusalCode {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::QuotaFull => "quota-full",
            Self::BadSignature => "bad-signature",
            Self::StoreFailed => "store-failed",
            Self::Busy => "busy",
        }
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::QuotaFull => 1,
            Self::BadSignature => 2,
            Self::StoreFailed => 3,
            Self::Busy => 4,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::QuotaFull),
            2 => Some(Self::BadSignature),
            3 => Some(Self::StoreFailed),
            4 => Some(Self::Busy),
            _ => None,
        }
    }
}

const KIND_STORED: u8 = 1;
const KIND_ALREADY_STORED: u8 = 2;
const KIND_CONFLICT: u8 = 3;
const KIND_FOUND: u8 = 4;
const KIND_NOT_FOUND: u8 = 5;
const KIND_TOMBSTONED: u8 = 6;
const KIND_REFUSED: u8 = 7;

impl Reply {
    /// The text of the reply's packet: always [`PAYLOAD_TEXT_LEN`] bytes.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        match self {
            Self::Stored => text(KIND_STORED, 0, &[]),
            Self::AlreadyStored => text(KIND_ALREADY_STORED, 0, &[]),
            Self::Conflict => text(KIND_CONFLICT, 0, &[]),
            Self::Found(sealed) => text(KIND_FOUND, 0, &sealed.to_bytes()),
            Self::NotFound => text(KIND_NOT_FOUND, 0, &[]),
            Self::Tombstoned(tombstone) => text(KIND_TOMBSTONED, 0, &tombstone.to_bytes()),
            Self::Refused(code) => text(KIND_REFUSED, code.to_byte(), &[]),
        }
    }

    /// From the text that came back.
    ///
    /// # Errors
    /// [`ReplyRefusal`]: anything that [`Self::to_text`] does not make.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyRefusal> {
        let wrong_length = ReplyRefusal::WrongLength { actual: bytes.len() };
        let text: &[u8; PAYLOAD_TEXT_LEN] = bytes.try_into().map_err(|_| wrong_length)?;
        let ([version, kind, code, reserved], body) = text.split_first_chunk::<4>().ok_or(wrong_length)?;
        if *version != COMMAND_VERSION {
            return Err(ReplyRefusal::Version { actual: *version });
        }
        if !(KIND_STORED..=KIND_REFUSED).contains(kind) {
            return Err(ReplyRefusal::Kind { kind: *kind });
        }
        if *reserved != 0 || (*kind != KIND_REFUSED && *code != 0) {
            return Err(ReplyRefusal::Reserved);
        }
        match *kind {
            KIND_FOUND => {
                SealedBox::from_bytes(body_of::<BOX_LEN>(body)?).map(Self::Found).map_err(|_| wrong_length)
            }
            KIND_TOMBSTONED => Tombstone::from_bytes(body_of::<TOMBSTONE_LEN>(body)?)
                .map(Self::Tombstoned)
                .map_err(|_| wrong_length),
            bare => {
                body_of::<0>(body)?;
                match bare {
                    KIND_STORED => Ok(Self::Stored),
                    KIND_ALREADY_STORED => Ok(Self::AlreadyStored),
                    KIND_CONFLICT => Ok(Self::Conflict),
                    KIND_NOT_FOUND => Ok(Self::NotFound),
                    _ => RefusalCode::from_byte(*code)
                        .map(Self::Refused)
                        .ok_or(ReplyRefusal::Code { code: *code }),
                }
            }
        }
    }
}

fn text(kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut text = [&[COMMAND_VERSION, kind, code, 0], body].concat();
    text.resize(PAYLOAD_TEXT_LEN, 0);
    text
}

/// The first `N` bytes; the rest must be zero.
fn body_of<const N: usize>(space: &[u8]) -> Result<&[u8; N], ReplyRefusal> {
    let (body, padding) = space.split_first_chunk::<N>().ok_or(ReplyRefusal::Padding)?;
    if is_zero(padding) { Ok(body) } else { Err(ReplyRefusal::Padding) }
}
