//! Draws that do not depend on the order in which they are made.
//!
//! Every draw is a function of the run's seed, what it is for, whom it concerns, and how many such draws came before
//! (Philox4x32-10; Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11). So a run is the same on
//! one thread or eight, and two variants of a scenario meet with the same luck wherever they agree (common random numbers).

use rand_philox::{Philox, splitmix64};

/// What a draw is for. A new purpose goes to the end: the numbers are part of what makes a run repeatable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Purpose {
    /// When a client's payload slots are.
    PayloadSlots = 1,
    /// When a client sends loops.
    Loops = 2,
    /// When a client sends drops.
    Drops = 3,
    /// When a client gets downlink frames.
    Downlink = 4,
    /// When a client is online.
    Online = 5,
    /// When a user writes.
    Writing = 6,
    /// Whom a user writes to: the list of contacts.
    Contacts = 7,
    /// Which contact the next message is for.
    Addressee = 8,
    /// Which nodes a packet goes through.
    Route = 9,
    /// How long a packet is held at its hops.
    Delay = 10,
    /// How long a packet is on its links.
    Latency = 11,
    /// When a mix sends loops.
    MixLoops = 12,
    /// When a link carries dummies.
    LinkDummies = 13,
    /// What leaves a pool, a batch or a timed mix, and in which order.
    Mixing = 14,
    /// Where clients and nodes are in a matrix of latencies.
    Place = 15,
    /// Which nodes are corrupt.
    Corruption = 16,
    /// Which packets, users or flows are attacked, and which decoys stand beside them.
    Targets = 17,
    /// The adversary's own coins.
    Adversary = 18,
    /// Resampling for intervals.
    Bootstrap = 19,
    /// The order and the cells of a Latin hypercube.
    Hypercube = 20,
    /// Which boxes and mailboxes a message goes to.
    Boxes = 21,
    /// The times a Tor circuit takes.
    Tor = 22,
}

/// The seed of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// A seed as it is written in a plan.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The seed of a replication. It does not depend on the point of a sweep: variants share their luck.
    #[must_use]
    pub fn replication(self, number: u64) -> Self {
        Self(splitmix64(self.0 ^ splitmix64(number.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The stream of draws of one purpose for one entity.
    #[must_use]
    pub fn draws(self, purpose: Purpose, entity: u64) -> Draws {
        let key = splitmix64(self.0 ^ splitmix64(purpose as u64));
        Draws { philox: Philox::from_u64_seed_stream(key, entity), stream: entity }
    }
}

/// A stream of draws. It implements the traits of `rand`, too.
#[derive(Clone, Debug)]
pub struct Draws {
    philox: Philox,
    stream: u64,
}

impl Draws {
    /// Goes to the block of four words with this number: the draws for the `number`th packet, say.
    pub fn seek(&mut self, number: u64) {
        self.philox.seek((u128::from(self.stream) << 64) | u128::from(number));
    }

    /// 64 bits.
    #[must_use]
    pub fn word(&mut self) -> u64 {
        self.philox.next_u64()
    }

    /// Uniform between 0 and 1, both excluded, with 52 bits.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "52 bits and a half fit")]
    pub fn unit(&mut self) -> f64 {
        ((self.philox.next_u64() >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }

    /// Exponential of this mean.
    #[must_use]
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    /// Uniform below a bound; 0 if the bound is 0. Without bias.
    #[must_use]
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { self.philox.bounded(bound) }
    }
}

impl rand::TryRng for Draws {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.philox.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.philox.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.philox.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_purpose_entity_and_number_alone() {
        let draw = |seed: u64, purpose, entity, number| {
            let mut draws = Seed::new(seed).draws(purpose, entity);
            draws.seek(number);
            draws.unit().to_bits()
        };
        let one = draw(1, Purpose::Delay, 2, 3);
        assert_eq!(one, draw(1, Purpose::Delay, 2, 3));
        for other in [
            draw(2, Purpose::Delay, 2, 3),
            draw(1, Purpose::Route, 2, 3),
            draw(1, Purpose::Delay, 3, 3),
            draw(1, Purpose::Delay, 2, 4),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_generator_is_philox_as_published() {
        // Random123, kat_vectors: philox4x32 10, counter and key all zero.
        assert_eq!(
            rand_philox::philox4x32_10([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
    }

    #[test]
    fn an_exponential_has_its_mean() {
        let mut draws = Seed::new(7).draws(Purpose::Delay, 0);
        let n = 200_000;
        let sum: f64 = (0..n).map(|_| draws.exponential(3.0)).sum();
        // The mean of n draws has standard deviation 3 / sqrt(n); six of them.
        assert!((sum / f64::from(n) - 3.0).abs() < 6.0 * 3.0 / f64::from(n).sqrt());
    }
}
