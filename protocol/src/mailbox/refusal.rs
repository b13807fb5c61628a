//! Why the text of a packet is no command or no reply. Each variant has a label that never changes.

use thiserror::Error;

use crate::limits::PAYLOAD_TEXT_LEN;

/// Why a mailbox refuses the text of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandRefusal {
    /// The text is not as long as every command is.
    #[error("a command has {PAYLOAD_TEXT_LEN} bytes, {actual} came")]
    WrongLength {
        /// The length that came, in bytes.
        actual: usize,
    },
    /// A version that this program does not know.
    #[error("command version {actual} is not known, only 1 is: the sender may be newer")]
    Version {
        /// The version that came.
        actual: u8,
    },
    /// A kind that is planned (`digest`, `tokens`) but that this version does not serve.
    #[error("command kind {kind} is reserved and not served by this version")]
    Unsupported {
        /// The kind that came.
        kind: u8,
    },
    /// A kind without a meaning.
    #[error("command kind {kind} does not exist: 0 drop, 1 write, 2 read, 3 tombstone do")]
    Kind {
        /// The kind that came.
        kind: u8,
    },
    /// A write with an unknown class of time to live.
    #[error("time-to-live class {actual} does not exist: 1 to 9 do")]
    Ttl {
        /// The class that came.
        actual: u8,
    },
    /// Bytes that this version reserves are not zero.
    #[error("bytes that version 1 reserves are not zero: the sender may be newer")]
    Reserved,
    /// The command brings no SURB for its reply.
    #[error("the command brings no reply block, so it cannot be answered")]
    Surb,
    /// The space after the command's last field is not zero.
    #[error("the space after the command is not zero")]
    Padding,
}

impl CommandRefusal {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "command-length",
            Self::Version { .. } => "command-version",
            Self::Unsupported { .. } => "unsupported-command",
            Self::Kind { .. } => "command-kind",
            Self::Ttl { .. } => "command-ttl",
            Self::Reserved => "command-reserved",
            Self::Surb => "command-surb",
            Self::Padding => "command-padding",
        }
    }
}

/// Why a client refuses the text of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyRefusal {
    /// The text is not as long as every reply is.
    #[error("a reply has {PAYLOAD_TEXT_LEN} bytes, {actual} came")]
    WrongLength {
        /// The length that came, in bytes.
        actual: usize,
    },
    /// A version that this program does not know.
    #[error("reply version {actual} is not known, only 1 is: the mailbox may be newer")]
    Version {
        /// The version that came.
        actual: u8,
    },
    /// A kind without a meaning.
    #[error("reply kind {kind} does not exist, only 1 to 7 do")]
    Kind {
        /// The kind that came.
        kind: u8,
    },
    /// A refusal with an unknown code.
    #[error("refusal code {code} is not known: the mailbox may be newer")]
    Code {
        /// The code that came.
        code: u8,
    },
    /// Bytes that this version reserves are not zero.
    #[error("bytes that version 1 reserves are not zero: the mailbox may be newer")]
    Reserved,
    /// The space after the reply's last field is not zero.
    #[error("the space after the reply is not zero")]
    Padding,
}

impl ReplyRefusal {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "reply-length",
            Self::Version { .. } => "reply-version",
            Self::Kind { .. } => "reply-kind",
            Self::Code { .. } => "reply-code",
            Self::Reserved => "reply-reserved",
            Self::Padding => "reply-padding",
        }
    }
}
