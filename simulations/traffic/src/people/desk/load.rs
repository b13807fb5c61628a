//! What packets carry between clients and mailboxes.

use crate::observer::{BoxEvent, MessageEvent, PacketKind};
use crate::party::Party;

/// What a payload slot carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A message or a receipt, to be laid into a box at one mailbox.
    Write {
        /// The message; none for a receipt.
        message: Option<u32>,
        /// Where.
        mailbox: Party,
        /// The box.
        name: u64,
        /// Whether no packet with this box has left before.
        is_first: bool,
    },
    /// A question for a box: the next of a contact, one that a digest has told of, or one that nobody ever writes.
    Read {
        /// Whom it asks.
        mailbox: Party,
        /// The box.
        name: u64,
        /// The message that was written for this box, whether it is there yet or not.
        message: Option<u32>,
    },
    /// A message straight to its recipient ([`Delivery::Direct`](crate::scenario::Delivery::Direct)).
    Straight {
        /// The message.
        message: u32,
        /// For whom.
        recipient: Party,
        /// Whether no packet with this message has left before.
        is_first: bool,
    },
    /// No message, where messages go straight to recipients: cover.
    Nothing,
}

impl Load {
    /// What the packet is.
    #[must_use]
    pub const fn kind(&self) -> PacketKind {
        match self {
            Self::Write { message: Some(_), .. } | Self::Straight { .. } => PacketKind::Message,
            Self::Write { message: None, .. } => PacketKind::Receipt,
            Self::Read { .. } | Self::Nothing => PacketKind::Poll,
        }
    }

    /// The message in it, or that it asks for.
    #[must_use]
    pub const fn message(&self) -> Option<u32> {
        match *self {
            Self::Straight { message, .. } => Some(message),
            Self::Write { message, .. } | Self::Read { message, .. } => message,
            Self::Nothing => None,
        }
    }

    /// Where it goes; `None` for [`Load::Nothing`], which goes to [`Desk::drop_target`](super::Desk::drop_target).
    #[must_use]
    pub const fn target(&self) -> Option<Party> {
        match *self {
            Self::Write { mailbox, .. } | Self::Read { mailbox, .. } => Some(mailbox),
            Self::Straight { recipient, .. } => Some(recipient),
            Self::Nothing => None,
        }
    }
}

/// What a mailbox answers. It goes to the client that sent the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The box is kept.
    Stored {
        /// Who answers.
        mailbox: Party,
        /// The box.
        name: u64,
        /// The message in it; none if it is a receipt.
        message: Option<u32>,
    },
    /// Here is the box.
    Found {
        /// Who answers.
        mailbox: Party,
        /// The box.
        name: u64,
        /// The message in it; none if it is a receipt.
        message: Option<u32>,
    },
    /// There is no such box.
    Missing {
        /// Who answers.
        mailbox: Party,
        /// The box.
        name: u64,
        /// The message that was asked for.
        message: Option<u32>,
    },
}

impl Answer {
    /// The message that it brings or is about.
    #[must_use]
    pub const fn message(&self) -> Option<u32> {
        match *self {
            Self::Stored { message, .. } | Self::Found { message, .. } | Self::Missing { message, .. } => {
                message
            }
        }
    }
}

/// What a command to a mailbox has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// What the mailbox knows of it.
    pub event: BoxEvent,
    /// What it answers.
    pub answer: Answer,
    /// A message that this mailbox has from here on, and what to tell of it.
    pub message: Option<(u32, MessageEvent)>,
}
