//! Direct links: clients that reach the mailbox by its onion service and send it packets of one hop.
//!
//! Such a packet differs from one that comes through the mixnet in two things: nobody but the mailbox takes a layer
//! off it, and its reply block begins, and ends, at the mailbox. So the mailbox makes the answer as it makes all
//! others, takes its own layer off and hands the sealed payload to the link. A client cannot tell the two kinds of
//! answers apart but by their time.
//!
//! What is not here: the links, and how many packets of one link may be in flight.

use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Packet, Unwrapped};

use super::{Action, Mailbox};

/// Names a direct link while it is open. The shell hands the numbers out and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectId(u64);

impl DirectId {
    /// The link of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// Who handed a packet to the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A node, over a link pinned to its key.
    Node(NodeId),
    /// Somebody without a key, over a direct link.
    Direct(DirectId),
}

impl Mailbox {
    /// Hands an answer that was made along a reply block to this very mailbox to its direct link, or says that there
    /// is none: its maker garbled the block, used it before or has it lead on to another node.
    pub(super) fn deliver(&mut self, to: DirectId, epoch: u64, answer: Packet) {
        // The last hop of a block has no delay.
        match self.keys.unwrap(epoch, answer, Duration::ZERO) {
            Ok(Unwrapped::Final { surb_id, payload, .. }) => {
                self.actions.push_back(Action::Deliver { to, surb_id, payload: payload.into_bytes() });
            }
            Ok(Unwrapped::Forward { .. }) | Err(_) => self.unanswerable(Source::Direct(to)),
        }
    }

    /// A command was carried out, and nobody can be told.
    pub(super) fn unanswerable(&mut self, from: Source) {
        self.ledger.record_unsent(SURB_UNUSABLE);
        self.end_unanswered(from);
    }

    /// A packet ended without an answer. A direct link counts those that have not.
    pub(super) fn end_unanswered(&mut self, from: Source) {
        if let Source::Direct(to) = from {
            self.actions.push_back(Action::Unanswered { to });
        }
    }
}

/// The label of an answer that could not be made along its reply block.
const SURB_UNUSABLE: &str = "surb-unusable";
