//! The statistics in a made-up network without packets: routes are drawn, fates follow from losses that
//! the test knows.
//!
//! Generators are seeded, so each figure is the same in every run. `--nocapture` prints them.

mod coverage;
mod detection;
mod false_alarms;

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::route::{Chances, Link, LoopRoute};

/// The default mean interval between a mix's loops.
const LOOP_INTERVAL: Duration = Duration::from_secs(10);
const OWN: NodeId = node(0, 0);

const fn node(layer: u8, index: u8) -> NodeId {
    let mut bytes = [0; 32];
    bytes[0] = layer;
    bytes[1] = index;
    NodeId::from_bytes(bytes)
}

/// Three layers of other nodes, and the loops of one node through them.
struct Network {
    layers: Vec<Vec<NodeId>>,
    chances: Chances,
    rng: ChaCha8Rng,
    now: Timestamp,
}

impl Network {
    fn new(sizes: [u8; 3], seed: u64) -> Self {
        let layers: Vec<Vec<NodeId>> = (1..)
            .zip(sizes)
            .map(|(layer, size)| (0..size).map(|index| node(layer, index)).collect())
            .collect();
        let chances = Chances::of_layers(&layers);
        Self { layers, chances, rng: ChaCha8Rng::seed_from_u64(seed), now: Timestamp::from_millis(0) }
    }

    /// The route of the next loop, one mean interval later.
    fn route(&mut self) -> LoopRoute {
        self.now = self.now + LOOP_INTERVAL;
        let mut hops: Vec<NodeId> =
            self.layers.iter().map(|layer| layer[self.rng.random_range(0..layer.len())]).collect();
        hops.push(OWN);
        LoopRoute::new(OWN, &hops)
    }

    /// Whether something that each link does with its own probability happens to a loop.
    fn happens(&mut self, route: &LoopRoute, probability: impl Fn(&Link) -> f64) -> bool {
        // All links draw, so that one link's probability does not change what another draws.
        let draws: Vec<bool> =
            route.links().map(|link| self.rng.random::<f64>() < probability(&link)).collect();
        draws.contains(&true)
    }
}
