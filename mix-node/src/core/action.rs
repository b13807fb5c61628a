//! What the core asks of its surroundings, and where packets come from.
//!
//! Every sending carries a [`Ticket`]. The caller hands it back with the outcome, so that a packet is
//! counted as forwarded or delivered only when the link has taken it.

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::sphinx::{Packet, SurbId};

use super::work::{TagCommit, UnwrapJob};

/// Who handed a packet to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A client, over the connection of this session.
    Client(SessionAddress),
    /// Somebody who has shown no node's key and opened no session.
    Stranger,
    /// Another node, over a link pinned to its key.
    Node(NodeId),
}

/// Why something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A received packet whose delay is over.
    Forwarded,
    /// The mix's own loop.
    MixLoop,
    /// A received packet for a client, at a tick of its downlink.
    Delivery,
    /// A tick of a client's downlink with nothing to deliver.
    DownlinkDummy,
}

/// The claim to an answer: how did this sending end? To be given to [`super::Mix::handle_sent`] or
/// [`super::Mix::handle_send_failed`], once, which is why it cannot be copied.
#[must_use = "a packet stays `held` until its ticket is handed back"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) TicketKind);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TicketKind {
    Forwarded,
    MixLoop(SurbId),
    Delivery(SessionAddress),
    DownlinkDummy(SessionAddress),
}

impl Ticket {
    /// Why this is sent.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self.0 {
            TicketKind::Forwarded => Origin::Forwarded,
            TicketKind::MixLoop(_) => Origin::MixLoop,
            TicketKind::Delivery(_) => Origin::Delivery,
            TicketKind::DownlinkDummy(_) => Origin::DownlinkDummy,
        }
    }
}

/// What the caller is to do, in the order the actions come.
#[derive(Debug)]
pub enum Action {
    /// Unwrap these packets, now or in another thread, and hand what comes of it to
    /// [`super::Mix::handle_unwrapped`]. Jobs may end in any order.
    Unwrap(UnwrapJob),
    /// Make these replay tags durable, then call [`super::Mix::handle_committed`].
    CommitTags(TagCommit),
    /// Send a packet to a node.
    Send {
        /// The next hop.
        to: NodeId,
        /// The packet.
        packet: Packet,
        /// To be handed back with the outcome.
        ticket: Ticket,
    },
    /// Send a dummy frame to a node; whether that works concerns nobody.
    Dummy {
        /// The neighbour.
        to: NodeId,
    },
    /// Send a frame to a connected client: a delivery or, so that the downlink looks alike, a dummy.
    Deliver {
        /// The client's session.
        session: SessionAddress,
        /// [`Frame::Delivery`] or [`Frame::Dummy`].
        frame: Frame,
        /// To be handed back with the outcome.
        ticket: Ticket,
    },
    /// Tell the client why, then close its connection. The core has already let go of the connection.
    CloseSession {
        /// The client's session.
        session: SessionAddress,
        /// Why, for the `Refused` frame and the log.
        label: &'static str,
    },
    /// Wipe the Sphinx keys of all earlier epochs from wherever they are stored.
    RetireKeys {
        /// The first epoch whose key is still needed.
        before: u64,
    },
    /// The set of nodes to keep links to has changed: see [`super::Mix::links`].
    LinksChanged,
}
