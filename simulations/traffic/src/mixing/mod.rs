//! What a mix lets go: batches, rounds and pools.
//!
//! A Poisson mix holds each packet for a time of its own and needs nothing of this: its packets wait in the engine's queue.
//! Not here: when rounds are, and where packets go.

use crate::random::Draws;
use crate::scenario::Mixing;

/// The packets that a mix holds, and what it lets go.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    held: Vec<u32>,
}

impl Pool {
    /// How many it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes a packet in. Returns whether a batch is full, which is for [`Self::release`] to send.
    pub fn insert(&mut self, packet: u32, mixing: &Mixing) -> bool {
        self.held.push(packet);
        matches!(mixing, Mixing::Threshold { packets } if self.held.len() >= *packets as usize)
    }

    /// How many packets leave in a round at which so many are there: see [`Mixing`].
    #[must_use]
    pub fn leaving(held: usize, mixing: &Mixing) -> usize {
        match *mixing {
            Mixing::Poisson { .. } => 0,
            Mixing::Threshold { packets } => {
                if held >= packets as usize {
                    packets as usize
                } else {
                    0
                }
            }
            Mixing::Timed { .. } => held,
            Mixing::Pool { keep, fraction, .. } => {
                let beyond = held.saturating_sub(keep as usize);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a share of a number of packets in memory"
                )]
                {
                    ((beyond as f64 * fraction) as usize).min(beyond)
                }
            }
        }
    }

    /// Lets go what leaves now, in random order: each choice of packets and each order is as likely.
    pub fn release(&mut self, mixing: &Mixing, draws: &mut Draws, out: &mut Vec<u32>) {
        out.clear();
        for _ in 0..Self::leaving(self.held.len(), mixing) {
            let Ok(held) = u32::try_from(self.held.len()) else { return };
            out.push(self.held.swap_remove(draws.below(held) as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    fn fill(pool: &mut Pool, packets: std::ops::Range<u32>, mixing: &Mixing) {
        for packet in packets {
            pool.insert(packet, mixing);
        }
    }

    #[test]
    fn a_threshold_mix_sends_exactly_n_and_not_before() {
        let mixing = Mixing::Threshold { packets: 5 };
        let mut draws = Seed::new(1).draws(Purpose::Mixing, 0);
        let (mut pool, mut out) = (Pool::default(), Vec::new());
        for packet in 0..4 {
            assert!(!pool.insert(packet, &mixing));
        }
        pool.release(&mixing, &mut draws, &mut out);
        assert!(out.is_empty());
        assert!(pool.insert(4, &mixing));
        pool.release(&mixing, &mut draws, &mut out);
        out.sort_unstable();
        assert_eq!(out, [0, 1, 2, 3, 4]);
        assert!(pool.is_empty());
    }

    #[test]
    fn a_pool_keeps_what_it_must_and_sends_the_share_rounded_down() {
        let mixing = Mixing::Pool { interval_ms: 1.0, keep: 10, fraction: 0.65 };
        for (held, leaving) in [(0, 0), (10, 0), (11, 0), (12, 1), (20, 6), (110, 65)] {
            assert_eq!(Pool::leaving(held, &mixing), leaving, "{held}");
        }
        let constant = Mixing::Pool { interval_ms: 1.0, keep: 10, fraction: 1.0 };
        assert_eq!(Pool::leaving(25, &constant), 15);
        assert_eq!(Pool::leaving(25, &Mixing::Timed { interval_ms: 1.0 }), 25);
        assert_eq!(Pool::leaving(25, &Mixing::Poisson { delay_ms_mean: 1.0 }), 0);
    }

    #[test]
    fn every_choice_and_every_order_is_as_likely() {
        let mixing = Mixing::Pool { interval_ms: 1.0, keep: 2, fraction: 1.0 };
        let mut draws = Seed::new(1).draws(Purpose::Mixing, 0);
        let mut counts = std::collections::BTreeMap::<Vec<u32>, u32>::new();
        let mut out = Vec::new();
        for _ in 0..12_000 {
            let mut pool = Pool::default();
            fill(&mut pool, 0..4, &mixing);
            pool.release(&mixing, &mut draws, &mut out);
            *counts.entry(out.clone()).or_default() += 1;
        }
        // 4 x 3 ordered choices: 1,000 each expected, six standard deviations are 182.
        assert_eq!(counts.len(), 12);
        assert!(counts.values().all(|count| count.abs_diff(1000) < 182), "{counts:?}");
    }
}
