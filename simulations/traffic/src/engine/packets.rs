//! The packets that are under way: a slab whose places are used again, so that memory grows with packets in flight alone.

use super::chance::Origin;
use super::event::SUBJECTS_MAX;
use crate::observer::{Fact, PacketKind, WireId};
use crate::party::Party;
use crate::people::{Answer, Load};

/// The end of a list of packets.
pub(super) const NOBODY: u32 = u32::MAX;

/// What a packet brings to where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cargo {
    /// Nothing: cover.
    Empty,
    /// To a mailbox or a recipient.
    Load(Load),
    /// From a mailbox.
    Answer(Answer),
}

/// A packet under way, without its path and cargo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// Its number in the run.
    pub(super) id: u64,
    /// The passage that it makes, or made last.
    pub(super) wire: WireId,
    /// Whose draws decide on it.
    pub(super) origin: Origin,
    /// The message in it.
    pub(super) message: Option<u32>,
    /// The next in the list in which it waits.
    pub(super) next: u32,
    /// What it is.
    pub(super) kind: PacketKind,
    /// Whether it brings anything: cover does not touch the table of cargo.
    pub(super) is_loaded: bool,
    /// Where it is on its path.
    pub(super) hop: u8,
    /// The last place of its path.
    pub(super) last: u8,
}

impl Packet {
    /// What only its maker knows.
    pub(super) const fn fact(&self) -> Fact {
        Fact { packet: self.id, kind: self.kind, message: self.message }
    }
}

/// All packets under way, each by its place.
#[derive(Debug)]
pub(super) struct Packets {
    packets: Vec<Packet>,
    cargo: Vec<Cargo>,
    /// Paths, `stride` parties each.
    paths: Vec<Party>,
    stride: usize,
    free: Vec<u32>,
}

impl Packets {
    /// None yet; a path has at most `stride` parties.
    pub(super) const fn new(stride: usize) -> Self {
        Self { packets: Vec::new(), cargo: Vec::new(), paths: Vec::new(), stride, free: Vec::new() }
    }

    /// Takes a packet in. `None` if there are more than events can name.
    #[inline]
    pub(super) fn insert(&mut self, packet: Packet, cargo: Cargo, path: &[Party]) -> Option<u32> {
        let place = if let Some(place) = self.free.pop() {
            *self.packets.get_mut(place as usize)? = packet;
            if packet.is_loaded {
                *self.cargo.get_mut(place as usize)? = cargo;
            }
            place
        } else {
            let place = u32::try_from(self.packets.len()).ok().filter(|place| *place < SUBJECTS_MAX)?;
            self.packets.push(packet);
            self.cargo.push(cargo);
            self.paths.resize(self.paths.len() + self.stride, Party(NOBODY));
            place
        };
        let start = place as usize * self.stride;
        self.paths.get_mut(start..start + path.len())?.copy_from_slice(path);
        Some(place)
    }

    /// Forgets a packet.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        self.free.push(place);
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&Packet> {
        self.packets.get(place as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Packet> {
        self.packets.get_mut(place as usize)
    }

    /// What a packet brings.
    #[inline]
    pub(super) fn cargo(&self, place: u32) -> Cargo {
        match self.packets.get(place as usize) {
            Some(packet) if packet.is_loaded => {
                self.cargo.get(place as usize).copied().unwrap_or(Cargo::Empty)
            }
            _ => Cargo::Empty,
        }
    }

    /// The party at a place of a packet's path.
    #[inline]
    pub(super) fn party(&self, place: u32, hop: u8) -> Option<Party> {
        self.paths.get(place as usize * self.stride + hop as usize).copied()
    }

    /// How many are under way.
    pub(super) const fn in_flight(&self) -> usize {
        self.packets.len() - self.free.len()
    }

    /// How many places there are: as many as were ever in flight at once.
    pub(super) const fn places(&self) -> usize {
        self.packets.len()
    }
}
