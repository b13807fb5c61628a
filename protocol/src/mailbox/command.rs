//! Commands: the texts of packets that end at a mailbox.
//!
//! Every command has [`PAYLOAD_TEXT_LEN`] bytes and one arrangement of fields:
//!
//! ```text
//!  0         1      2     3          4          400         496             1,992     2,031
//!  +---------+------+-----+----------+----------+-----------+---------------+---------+
//!  | version | kind | ttl | reserved |   SURB   | token 96: |     body      |  zeros  |
//!  |   = 1   |      |     |   = 0    |   396    |   zeros   | at most 1,496 |         |
//!  +---------+------+-----+----------+----------+-----------+---------------+---------+
//!
//!  kind           ttl        SURB    body
//!  0 drop         0          zeros   none
//!  1 write        1 .. 9     SURB    box, 1,496
//!  2 read         0          SURB    id, 32
//!  3 tombstone    0          SURB    tombstone, 96
//!  4 digest       reserved, refused as unsupported
//!  5 tokens       reserved, refused as unsupported
//! ```
//!
//! Unused space is zero and is checked, so that one command has one encoding and a later version can give
//! the space a meaning. Signatures are not checked here: a mailbox does so before it stores.

use std::fmt;

use super::refusal::CommandRefusal;
use super::ttl::TtlClass;
use crate::boxes::{BoxId, SealedBox, TOMBSTONE_LEN, Tombstone};
use crate::limits::{BOX_LEN, PAYLOAD_TEXT_LEN, SURB_LEN};
use crate::sphinx::Surb;

/// The version of commands and replies that this program speaks.
pub const COMMAND_VERSION: u8 = 1;

const TOKEN_LEN: usize = 96;
const HEADER_LEN: usize = 4;
const BODY_OFFSET: usize = HEADER_LEN + SURB_LEN + TOKEN_LEN;
const _: () = assert!(BODY_OFFSET + BOX_LEN <= PAYLOAD_TEXT_LEN, "the largest command fits in a packet");

const KIND_DROP: u8 = 0;
const KIND_WRITE: u8 = 1;
const KIND_READ: u8 = 2;
const KIND_TOMBSTONE: u8 = 3;
const KIND_DIGEST: u8 = 4;
const KIND_TOKENS: u8 = 5;

/// What a client asks of a mailbox. `Debug` shows the kind only.
#[derive(PartialEq, Eq)]
pub enum Command {
    /// Cover: discard it and answer nothing.
    Drop,
    /// Store a box.
    Write {
        /// The way back for the reply.
        surb: Surb,
        /// For how long to keep the box.
        ttl: TtlClass,
        /// The box.
        sealed: SealedBox,
    },
    /// Give back a box.
    Read {
        /// The way back for the reply.
        surb: Surb,
        /// The name of the box.
        id: BoxId,
    },
    /// Replace a box by a tombstone.
    Tombstone {
        /// The way back for the reply.
        surb: Surb,
        /// The tombstone.
        tombstone: Tombstone,
    },
}

impl Command {
    /// The kind's name, for ledgers and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Write { .. } => "write",
            Self::Read { .. } => "read",
            Self::Tombstone { .. } => "tombstone",
        }
    }

    /// The text of the command's packet: always [`PAYLOAD_TEXT_LEN`] bytes.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        match self {
            Self::Drop => text(KIND_DROP, 0, &[0; SURB_LEN], &[]),
            Self::Write { surb, ttl, sealed } => {
                text(KIND_WRITE, ttl.to_byte(), &surb.to_bytes(), &sealed.to_bytes())
            }
            Self::Read { surb, id } => text(KIND_READ, 0, &surb.to_bytes(), id.as_bytes()),
            Self::Tombstone { surb, tombstone } => {
                text(KIND_TOMBSTONE, 0, &surb.to_bytes(), &tombstone.to_bytes())
            }
        }
    }

    /// From the text of a packet.
    ///
    /// # Errors
    /// [`CommandRefusal`]: anything that [`Self::to_text`] does not make.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommandRefusal> {
        let wrong_length = CommandRefusal::WrongLength { actual: bytes.len() };
        let text: &[u8; PAYLOAD_TEXT_LEN] = bytes.try_into().map_err(|_| wrong_length)?;
        let ([version, kind, ttl, reserved], rest) =
            text.split_first_chunk::<HEADER_LEN>().ok_or(wrong_length)?;
        let (surb, rest) = rest.split_first_chunk::<SURB_LEN>().ok_or(wrong_length)?;
        let (token, body) = rest.split_first_chunk::<TOKEN_LEN>().ok_or(wrong_length)?;
        if *version != COMMAND_VERSION {
            return Err(CommandRefusal::Version { actual: *version });
        }
        if matches!(*kind, KIND_DIGEST | KIND_TOKENS) {
            return Err(CommandRefusal::Unsupported { kind: *kind });
        }
        if *kind > KIND_TOKENS {
            return Err(CommandRefusal::Kind { kind: *kind });
        }
        if *reserved != 0 || !is_zero(token) || (*kind != KIND_WRITE && *ttl != 0) {
            return Err(CommandRefusal::Reserved);
        }
        match *kind {
            KIND_WRITE => {
                let ttl = TtlClass::from_byte(*ttl).ok_or(CommandRefusal::Ttl { actual: *ttl })?;
                let sealed = SealedBox::from_bytes(body_of::<BOX_LEN>(body)?).map_err(|_| wrong_length)?;
                Ok(Self::Write { surb: parse_surb(surb)?, ttl, sealed })
            }
            KIND_READ => {
                let id = BoxId::from_bytes(*body_of::<32>(body)?);
                Ok(Self::Read { surb: parse_surb(surb)?, id })
            }
            KIND_TOMBSTONE => {
                let tombstone =
                    Tombstone::from_bytes(body_of::<TOMBSTONE_LEN>(body)?).map_err(|_| wrong_length)?;
                Ok(Self::Tombstone { surb: parse_surb(surb)?, tombstone })
            }
            _ => {
                body_of::<0>(body)?;
                if !is_zero(surb) {
                    return Err(CommandRefusal::Padding);
                }
                Ok(Self::Drop)
            }
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({}, [scrubbed])", self.label())
    }
}

fn text(kind: u8, ttl: u8, surb: &[u8; SURB_LEN], body: &[u8]) -> Vec<u8> {
    let header = [COMMAND_VERSION, kind, ttl, 0];
    let mut text = [header.as_slice(), surb, &[0; TOKEN_LEN], body].concat();
    text.resize(PAYLOAD_TEXT_LEN, 0);
    text
}

/// The first `N` bytes; the rest must be zero.
fn body_of<const N: usize>(space: &[u8]) -> Result<&[u8; N], CommandRefusal> {
    let (body, padding) = space.split_first_chunk::<N>().ok_or(CommandRefusal::Padding)?;
    if is_zero(padding) { Ok(body) } else { Err(CommandRefusal::Padding) }
}

/// A SURB cannot be checked without a hop's key, but a command that wants a reply has to bring one.
fn parse_surb(bytes: &[u8; SURB_LEN]) -> Result<Surb, CommandRefusal> {
    if is_zero(bytes) {
        return Err(CommandRefusal::Surb);
    }
    Surb::from_bytes(bytes).map_err(|_| CommandRefusal::Surb)
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
