//! What boxes are called, and which mailboxes have them.
//!
//! A box's name looks like chance, and so does its place: any mailboxes, all different, as rendezvous hashing of names
//! would have it. Writer and reader find both out by themselves. Not here: whether a box has been written.

use crate::party::{Layout, Party};
use crate::random::{Draws, Purpose, Seed};

/// The most mailboxes that have a copy of a box; as `mailboxes.replicas` allows.
const REPLICAS_MAX: usize = 8;
/// Blocks of draws for each box of a stream.
const BLOCKS_BITS: u32 = 8;
/// The block of a box's draws for how long a decoy lasts; those before are for name and place.
const LIFE_BLOCK: u64 = 128;
/// The same of when a receipt is written.
const RECEIPT_BLOCK: u64 = 192;
/// Readers of decoys, and of what a client draws for itself: no client has these numbers.
const NOBODY: u32 = u32::MAX;
const ITSELF: u32 = u32::MAX - 1;

/// A box's name and its mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The name.
    pub(super) name: u64,
    mailboxes: [Party; REPLICAS_MAX],
    count: usize,
}

impl Place {
    /// The mailboxes, in the order in which they are written to.
    pub(super) fn mailboxes(&self) -> &[Party] {
        self.mailboxes.get(..self.count).unwrap_or_default()
    }

    /// One of the mailboxes, as a bit.
    pub(super) fn bit(&self, mailbox: Party) -> u8 {
        self.mailboxes().iter().position(|other| *other == mailbox).map_or(0, |place| 1 << place)
    }

    /// All the mailboxes, as bits.
    pub(super) fn all_bits(&self) -> u8 {
        self.mailboxes().iter().map(|mailbox| self.bit(*mailbox)).fold(0, |all, bit| all | bit)
    }
}

/// Where boxes are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    seed: Seed,
    layout: Layout,
    replicas: usize,
}

impl Places {
    /// For these mailboxes, with so many copies of a box, or as many as there are mailboxes.
    pub(super) fn new(layout: &Layout, replicas: u32, seed: Seed) -> Self {
        let replicas = (replicas.min(layout.mailboxes()) as usize).min(REPLICAS_MAX);
        Self { seed, layout: layout.clone(), replicas }
    }

    fn draws(&self, writer: u32, reader: u32, block: u64) -> Draws {
        // Numbers of 32 bits are left to single parties, whose drops have this purpose, too.
        let entity = (u64::from(writer) + 1) << 32 | u64::from(reader);
        let mut draws = self.seed.draws(Purpose::Boxes, entity);
        draws.seek(block);
        draws
    }

    /// The box with this number in the stream from one client to another.
    pub(super) fn of(&self, writer: u32, reader: u32, index: u32) -> Place {
        let mut draws = self.draws(writer, reader, u64::from(index) << BLOCKS_BITS);
        let mut place = Place { name: draws.word(), mailboxes: [Party(0); REPLICAS_MAX], count: 0 };
        while place.count < self.replicas {
            let mailbox = self.layout.mailbox(draws.below(self.layout.mailboxes()));
            if place.mailboxes().contains(&mailbox) {
                continue;
            }
            if let Some(slot) = place.mailboxes.get_mut(place.count) {
                *slot = mailbox;
            }
            place.count += 1;
        }
        place
    }

    /// A client's decoy with this number: a box that nobody writes.
    pub(super) fn of_decoy(&self, client: u32, number: u32) -> Place {
        self.of(client, NOBODY, number)
    }

    /// How long that decoy is asked for, with this mean.
    pub(super) fn life_s(&self, client: u32, number: u32, mean_s: f64) -> f64 {
        self.draws(client, NOBODY, u64::from(number) << BLOCKS_BITS | LIFE_BLOCK).exponential(mean_s)
    }

    /// How long a client that owes another a receipt lets it wait, at the given time that it does so, with this mean.
    pub(super) fn receipt_s(&self, client: u32, peer: u32, number: u32, mean_s: f64) -> f64 {
        self.draws(client, peer, u64::from(number) << BLOCKS_BITS | RECEIPT_BLOCK).exponential(mean_s)
    }

    /// A number between 0 and 1 of a client's own.
    pub(super) fn phase(&self, client: u32) -> f64 {
        self.draws(client, ITSELF, 0).unit()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_and_mailboxes_are_any_but_not_twice_the_same() {
        let layout = Layout::new(10, vec![2], 5);
        let places = Places::new(&layout, 3, Seed::new(1));
        let (mut names, mut counts) = (BTreeSet::new(), [0_u32; 5]);
        for index in 0..10_000 {
            let place = places.of(1 + index % 3, 2 - index % 2, index / 6);
            assert_eq!(place, places.of(1 + index % 3, 2 - index % 2, index / 6));
            names.insert(place.name);
            let own: BTreeSet<Party> = place.mailboxes().iter().copied().collect();
            assert_eq!(own.len(), 3);
            assert_eq!(place.all_bits(), 0b111);
            own.iter().for_each(|mailbox| counts[mailbox.index() - 12] += 1);
        }
        assert_eq!(names.len(), 10_000);
        // 3 of 5 for each: a deviation of 49.
        assert!(counts.iter().all(|count| count.abs_diff(6000) < 300), "{counts:?}");
        assert_eq!(Places::new(&layout, 8, Seed::new(1)).of(1, 2, 3).mailboxes().len(), 5);
    }
}
