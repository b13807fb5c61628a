//! The draws that belong to a packet: its route, and how long each hop and each link takes.
//!
//! They are a function of the packet's maker, of the process that made it, and of how many that process made before. So
//! more cover of one client, or a longer mean delay, leaves all other draws as they were (common random numbers).

use crate::random::{Draws, Purpose, Seed};
use crate::time::SimTime;

/// Blocks of four words set aside for each packet and purpose; one for each hop, and so more than the hops of a path.
const BLOCKS: u64 = 64;
/// Where the process stands in a block's number.
const PROCESS_SHIFT: u32 = 56;

/// What makes packets: each process of an entity counts its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Process {
    /// Payload slots, or messages and questions of a client without slots.
    Payload = 1,
    /// Loops of a client.
    Loops = 2,
    /// Drops of a client.
    Drops = 3,
    /// Frames of the downlink, the client's for whom they are.
    Downlink = 4,
    /// A mix's loops.
    MixLoops = 5,
    /// Dummies of a node's links.
    LinkDummies = 6,
    /// Digests, the client's for whom they are.
    Digests = 7,
    /// The adversary's packets.
    Flood = 8,
    /// Answers to what a payload slot asked: the client made their way when it asked.
    Answers = 9,
    /// What is drawn once for an entity.
    Once = 10,
}

/// Who makes packets, as a number for draws. Clients, nodes and others are numbered apart, so that one more client does not
/// change the luck of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maker(u64);

impl Maker {
    /// A client.
    pub(super) fn client(number: u32) -> Self {
        Self(u64::from(number))
    }

    /// A node: mixes layer by layer, then mailboxes.
    pub(super) fn node(number: u32) -> Self {
        Self(1 << 32 | u64::from(number))
    }

    /// The adversary.
    pub(super) const fn adversary() -> Self {
        Self(2 << 32)
    }
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Who made it.
    pub(super) maker: Maker,
    /// By which process.
    pub(super) process: Process,
    /// How many that process of this maker made before.
    pub(super) number: u32,
}

impl Origin {
    /// The same packet's answer.
    pub(super) const fn answer(self) -> Self {
        Self { process: Process::Answers, ..self }
    }
}

/// The source of draws of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    seed: Seed,
}

impl Chance {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed }
    }

    /// The draws of a packet for one purpose, from those for a hop on.
    #[inline]
    pub(super) fn of(&self, purpose: Purpose, origin: Origin, hop: u8) -> Draws {
        let mut draws = self.seed.draws(purpose, origin.maker.0);
        let process = (origin.process as u64) << PROCESS_SHIFT;
        draws.seek(process | (u64::from(origin.number) * BLOCKS + u64::from(hop)));
        draws
    }

    /// The gap before a tick of a process, exponential of this mean; at least a nanosecond, so that time goes on.
    #[inline]
    pub(super) fn gap(&self, purpose: Purpose, maker: Maker, number: u32, mean_ns: f64) -> SimTime {
        let mut draws = self.seed.draws(purpose, maker.0);
        draws.seek(u64::from(number));
        SimTime::from_secs_f64(draws.exponential(mean_ns) / 1e9).max(SimTime::from_nanos(1))
    }

    /// How long a packet is held at a hop, exponential of this mean.
    #[inline]
    pub(super) fn delay(&self, origin: Origin, hop: u8, mean_ns: f64) -> SimTime {
        SimTime::from_secs_f64(self.of(Purpose::Delay, origin, hop).exponential(mean_ns) / 1e9)
    }

    /// Draws that are made once for an entity.
    pub(super) fn once(&self, purpose: Purpose, maker: Maker) -> Draws {
        self.of(purpose, Origin { maker, process: Process::Once, number: 0 }, 0)
    }

    /// Draws of a round of a mix: what leaves, and in which order.
    pub(super) fn round(&self, mix: u32, round: u32) -> Draws {
        let mut draws = self.seed.draws(Purpose::Mixing, Maker::node(mix).0);
        // 2^24 blocks are more words than a round has packets.
        draws.seek(u64::from(round) << 24);
        draws
    }
}
