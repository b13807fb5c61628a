//! What the core asks of its surroundings.

use std::fmt;

use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::{Packet, SurbId};

use super::DirectId;

/// Something for the shell to do. `Debug` shows nothing of a packet or an answer.
pub enum Action {
    /// Send an answer to a node of the first layer, and say with [`super::Mailbox::handle_sent`] or
    /// [`super::Mailbox::handle_unsent`] what came of it.
    Send {
        /// The node.
        to: NodeId,
        /// The answer.
        packet: Packet,
    },
    /// Write an answer to a direct link, as [`Frame::Delivery`], and say with [`super::Mailbox::handle_delivered`] or
    /// [`super::Mailbox::handle_unsent`] what came of it.
    ///
    /// [`Frame::Delivery`]: sotto_protocol::frame::Frame::Delivery
    Deliver {
        /// The link.
        to: DirectId,
        /// Which of the client's reply blocks was used.
        surb_id: SurbId,
        /// The answer, sealed for the block's maker.
        payload: Box<[u8; PAYLOAD_LEN]>,
    },
    /// A packet of a direct link ended without an answer. Each packet of such a link comes to exactly one of this and
    /// [`Action::Deliver`], so that the shell knows how many are in flight.
    Unanswered {
        /// The link.
        to: DirectId,
    },
    /// Send a dummy to a node of the first layer.
    Dummy {
        /// The node.
        to: NodeId,
    },
    /// Let the store forget what has expired, and say with [`super::Mailbox::handle_garbage`] how much it was.
    CollectGarbage {
        /// Records to forget at most.
        records_max: usize,
    },
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, .. } => f.debug_struct("Send").field("to", to).finish_non_exhaustive(),
            Self::Deliver { to, .. } => f.debug_struct("Deliver").field("to", to).finish_non_exhaustive(),
            Self::Unanswered { to } => f.debug_struct("Unanswered").field("to", to).finish(),
            Self::Dummy { to } => f.debug_struct("Dummy").field("to", to).finish(),
            Self::CollectGarbage { records_max } => {
                f.debug_struct("CollectGarbage").field("records_max", records_max).finish()
            }
        }
    }
}
