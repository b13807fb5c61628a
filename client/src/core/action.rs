//! What the engine asks of its shell.

use std::fmt;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::Packet;
use sotto_protocol::time::Timestamp;

use super::route::Route;

/// The name of a Tor circuit to one mailbox for one use, given by the engine. None is given twice within a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CircuitId(u64);

impl CircuitId {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which way a packet takes out of this device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The session of this route, at whatever entry it is.
    Entry(Route),
    /// A circuit of its own to the onion service of a mailbox. It is opened, isolated from all others, when the
    /// first packet names it.
    Circuit {
        /// Which circuit.
        circuit: CircuitId,
        /// Where it leads: the same mailbox each time.
        mailbox: NodeId,
    },
}

/// Something to do now.
#[derive(Debug)]
pub enum Action {
    /// Send this packet.
    Send {
        /// Which way.
        via: Via,
        /// The exact moment that its cover process drew for it, a little before the present at most. A shell
        /// that can be late, because a disk or a processor is busy, sends at a constant offset after `due`:
        /// how late it would have been tells something about what the user does.
        due: Timestamp,
        /// The packet.
        packet: Packet,
    },
    /// This circuit carries nothing more and no answer is awaited on it: close it, if it is open.
    CloseCircuit(CircuitId),
}
