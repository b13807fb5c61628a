//! What happens in a run, told to whoever records or measures it.
//!
//! A [`Sighting`] is what somebody sees who watches a link; a [`Fact`] is what only the packet's maker knows. They are two
//! arguments, so that code that plays an adversary can be given the first alone ([`Watcher`]). Not here: who may watch which link.

use crate::party::Party;
use crate::time::SimTime;

/// One passage of one packet over one link. Each hop of a packet has a number of its own: encryption changes all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u64);

/// A packet at an end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: SimTime,
    /// Which passage. The two sightings of one passage can be told to be of one packet: a link keeps the order, or is
    /// watched at both ends.
    pub wire: WireId,
    /// Who sends it.
    pub from: Party,
    /// Who receives it.
    pub to: Party,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Carries a message towards a mailbox, or straight to its recipient.
    Message,
    /// Tells the sender of messages that they have come, by way of a mailbox: in a payload slot without a message.
    Receipt,
    /// A payload slot without a message: a question to a mailbox for a box, real or made up.
    Poll,
    /// A mailbox's answer.
    Reply,
    /// A client's loop.
    Loop,
    /// A client's drop packet.
    Drop,
    /// A mix's loop.
    MixLoop,
    /// A dummy between two nodes, for one link.
    LinkDummy,
    /// A frame from an entry to a client with nothing in it.
    DownlinkDummy,
    /// The adversary's own.
    Injected,
}

/// What only the maker of a packet knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The packet, the same at all its hops.
    pub packet: u64,
    /// What it is.
    pub kind: PacketKind,
    /// The message in it, or that it asks for or brings.
    pub message: Option<u32>,
}

/// A message's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageEvent {
    /// Its user has written it.
    Written {
        /// Who.
        sender: Party,
        /// For whom.
        recipient: Party,
    },
    /// The packet with it has left the sender.
    Released,
    /// A mailbox has it.
    Stored {
        /// Which mailbox.
        mailbox: Party,
    },
    /// The recipient has it.
    Received,
}

/// What a mailbox does with a box; it knows these, and the wire by which the command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxEvent {
    /// When.
    pub at: SimTime,
    /// Which mailbox.
    pub mailbox: Party,
    /// The box's name: a number that says nothing about who uses it, but the same for writing and reading.
    pub name: u64,
    /// Written, or asked for.
    pub is_write: bool,
    /// Whether it was there (always true of a write).
    pub found: bool,
    /// The passage by which the command came.
    pub wire: WireId,
}

/// Instruments: they are told everything. All methods do nothing unless they are written.
pub trait Observer {
    /// A packet begins its passage over a link.
    fn sent(&mut self, sighting: &Sighting, fact: &Fact) {
        let _ = (sighting, fact);
    }

    /// A packet ends its passage. Not called for packets that are lost or blocked on the link.
    fn arrived(&mut self, sighting: &Sighting, fact: &Fact) {
        let _ = (sighting, fact);
    }

    /// A packet is lost: on this passage, or where it led. Nothing more is told of it. Nobody sees that it happens.
    fn lost(&mut self, wire: WireId) {
        let _ = wire;
    }

    /// A node has taken a layer off: what came by `incoming` leaves by `outgoing`. Called when it leaves, before
    /// [`Self::sent`]. What ends at a party, or begins there, is not told.
    fn forwarded(&mut self, node: Party, incoming: WireId, outgoing: WireId) {
        let _ = (node, incoming, outgoing);
    }

    /// Something happens to a message.
    fn message(&mut self, at: SimTime, message: u32, event: MessageEvent) {
        let _ = (at, message, event);
    }

    /// A mailbox does something with a box.
    fn mailbox(&mut self, event: &BoxEvent) {
        let _ = event;
    }

    /// A client goes online or offline.
    fn presence(&mut self, at: SimTime, client: Party, online: bool) {
        let _ = (at, client, online);
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// Two observers of one run.
impl<A: Observer, B: Observer> Observer for (&mut A, &mut B) {
    fn sent(&mut self, sighting: &Sighting, fact: &Fact) {
        self.0.sent(sighting, fact);
        self.1.sent(sighting, fact);
    }

    fn arrived(&mut self, sighting: &Sighting, fact: &Fact) {
        self.0.arrived(sighting, fact);
        self.1.arrived(sighting, fact);
    }

    fn lost(&mut self, wire: WireId) {
        self.0.lost(wire);
        self.1.lost(wire);
    }

    fn forwarded(&mut self, node: Party, incoming: WireId, outgoing: WireId) {
        self.0.forwarded(node, incoming, outgoing);
        self.1.forwarded(node, incoming, outgoing);
    }

    fn message(&mut self, at: SimTime, message: u32, event: MessageEvent) {
        self.0.message(at, message, event);
        self.1.message(at, message, event);
    }

    fn mailbox(&mut self, event: &BoxEvent) {
        self.0.mailbox(event);
        self.1.mailbox(event);
    }

    fn presence(&mut self, at: SimTime, client: Party, online: bool) {
        self.0.presence(at, client, online);
        self.1.presence(at, client, online);
    }
}

/// An adversary that follows a run as it goes: it is given sightings alone.
pub trait Watcher {
    /// A packet begins its passage over a link.
    fn sent(&mut self, sighting: &Sighting);
    /// A packet ends its passage.
    fn arrived(&mut self, sighting: &Sighting);
}
