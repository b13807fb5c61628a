//! What an event in the queue means: its kind and whom it concerns, in 32 bits.

/// The most packets, clients or nodes that an event can name.
pub(super) const SUBJECTS_MAX: u32 = 1 << SUBJECT_BITS;
const SUBJECT_BITS: u32 = 28;

/// What comes due. Those of clients and nodes come again and again; the number is the client's or the node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A packet, by its place in the slab, comes to the end of a link.
    Arrive(u32),
    /// A packet has been held long enough at a Poisson mix or in Tor.
    Leave(u32),
    /// A payload slot of a client.
    Slot(u32),
    /// A loop of a client.
    Loop(u32),
    /// A drop of a client.
    Drop(u32),
    /// A frame from an entry to this client.
    Downlink(u32),
    /// A user writes.
    Write(u32),
    /// A client comes or goes.
    Presence(u32),
    /// A client without payload slots looks whether it has something to send.
    Urgent(u32),
    /// A timed mix or a pool lets packets go.
    Round(u32),
    /// A mix sends a loop.
    MixLoop(u32),
    /// A node sends a dummy on one of its links.
    LinkDummy(u32),
    /// Digests are published.
    Digest,
    /// The adversary sends a packet of its own.
    Flood,
}

impl Event {
    /// As a number for the queue. Subjects are below [`SUBJECTS_MAX`].
    #[inline]
    pub(super) const fn pack(self) -> u32 {
        let (kind, subject) = match self {
            Self::Arrive(packet) => (0, packet),
            Self::Leave(packet) => (1, packet),
            Self::Slot(client) => (2, client),
            Self::Loop(client) => (3, client),
            Self::Drop(client) => (4, client),
            Self::Downlink(client) => (5, client),
            Self::Write(client) => (6, client),
            Self::Presence(client) => (7, client),
            Self::Urgent(client) => (8, client),
            Self::Round(mix) => (9, mix),
            Self::MixLoop(mix) => (10, mix),
            Self::LinkDummy(node) => (11, node),
            Self::Digest => (12, 0),
            Self::Flood => (13, 0),
        };
        kind << SUBJECT_BITS | subject
    }

    /// From the number.
    #[inline]
    pub(super) const fn unpack(number: u32) -> Self {
        let subject = number & (SUBJECTS_MAX - 1);
        match number >> SUBJECT_BITS {
            0 => Self::Arrive(subject),
            1 => Self::Leave(subject),
            2 => Self::Slot(subject),
            3 => Self::Loop(subject),
            4 => Self::Drop(subject),
            5 => Self::Downlink(subject),
            6 => Self::Write(subject),
            7 => Self::Presence(subject),
            8 => Self::Urgent(subject),
            9 => Self::Round(subject),
            10 => Self::MixLoop(subject),
            11 => Self::LinkDummy(subject),
            12 => Self::Digest,
            _ => Self::Flood,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_out_as_it_went_in() {
        for kind in 0..14 {
            let number = kind << SUBJECT_BITS | if kind < 12 { SUBJECTS_MAX - 3 } else { 0 };
            assert_eq!(Event::unpack(number).pack(), number);
        }
    }
}
