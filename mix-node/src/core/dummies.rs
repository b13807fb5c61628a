//! Dummy frames on the links to other nodes: one Poisson process per link, so that an idle link does
//! not look idle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::poisson::PoissonClock;

/// The processes of all outgoing links.
pub(crate) struct Dummies {
    clocks: BTreeMap<NodeId, PoissonClock>,
    deadlines: BTreeSet<(Timestamp, NodeId)>,
    stopped: bool,
}

impl Dummies {
    /// No link yet.
    pub(crate) const fn new() -> Self {
        Self { clocks: BTreeMap::new(), deadlines: BTreeSet::new(), stopped: false }
    }

    /// Ends all processes for good.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.clocks.clear();
        self.deadlines.clear();
    }

    /// Keeps one process for each of these links, at this rate; links that stay keep their times.
    pub(crate) fn retune(
        &mut self,
        now: Timestamp,
        links: impl IntoIterator<Item = NodeId>,
        interval_mean: Duration,
        rng: &mut impl CryptoRng,
    ) {
        if self.stopped {
            return;
        }
        let mut clocks = BTreeMap::new();
        for node in links {
            let clock = match self.clocks.remove(&node) {
                Some(mut clock) => {
                    clock.set_interval_mean(now, interval_mean, rng);
                    clock
                }
                None => PoissonClock::new(now, interval_mean, rng),
            };
            clocks.insert(node, clock);
        }
        self.deadlines = clocks.iter().map(|(node, clock)| (clock.due(), *node)).collect();
        self.clocks = clocks;
    }

    /// When the next dummy is due, [`Timestamp::NEVER`] if none will be.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadlines.first().map_or(Timestamp::NEVER, |(deadline, _)| *deadline)
    }

    /// Takes the next link on which a dummy is due, if any.
    pub(crate) fn pop_due(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<NodeId> {
        if self.deadline() > now {
            return None;
        }
        let (_, node) = self.deadlines.pop_first()?;
        let clock = self.clocks.get_mut(&node)?;
        clock.advance(now, rng);
        self.deadlines.insert((clock.due(), node));
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const MEAN: Duration = Duration::from_millis(100);

    fn node(byte: u8) -> NodeId {
        NodeId::from_bytes([byte; 32])
    }

    fn run(dummies: &mut Dummies, until: Timestamp, rng: &mut ChaCha20Rng) -> BTreeMap<NodeId, u32> {
        let mut counts = BTreeMap::new();
        while dummies.deadline() <= until {
            let now = dummies.deadline();
            let node = dummies.pop_due(now, rng).expect("one is due at its deadline");
            *counts.entry(node).or_default() += 1;
        }
        counts
    }

    #[test]
    fn every_link_has_a_process_of_its_own_at_the_given_rate() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut dummies = Dummies::new();
        dummies.retune(Timestamp::from_millis(0), [node(1), node(2)], MEAN, &mut rng);
        let counts = run(&mut dummies, Timestamp::from_millis(200_000), &mut rng);
        assert_eq!(counts.len(), 2);
        for (node, count) in counts {
            assert!(
                (1_800..2_200).contains(&count),
                "2000 expected on {node:?}, standard deviation 45, got {count}"
            );
        }
    }

    #[test]
    fn links_that_go_fall_silent_and_links_that_stay_keep_their_time() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let mut dummies = Dummies::new();
        let start = Timestamp::from_millis(0);
        dummies.retune(start, [node(1), node(2)], MEAN, &mut rng);
        let due = dummies.clocks[&node(2)].due();
        dummies.retune(start, [node(2), node(3)], MEAN, &mut rng);
        assert_eq!(dummies.clocks[&node(2)].due(), due);
        let counts = run(&mut dummies, Timestamp::from_millis(2_000), &mut rng);
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [node(2), node(3)]);
    }

    #[test]
    fn once_stopped_no_consensus_starts_them_again() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let mut dummies = Dummies::new();
        dummies.retune(Timestamp::from_millis(0), [node(1)], MEAN, &mut rng);
        dummies.stop();
        dummies.retune(Timestamp::from_millis(0), [node(1)], MEAN, &mut rng);
        assert_eq!(dummies.deadline(), Timestamp::NEVER);
    }
}
