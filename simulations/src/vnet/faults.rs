//! What the virtual network does to bytes in flight.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Latency, loss and reordering of every link between two hosts.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Least time on the wire.
    pub latency_min: Duration,
    /// Most time on the wire. Each frame draws its own, so a later frame can overtake an earlier one.
    pub latency_max: Duration,
    /// Share of frames between nodes, and between clients and entries, that never arrive (0 to 1).
    pub loss: f64,
    /// Share of those frames that arrive twice (0 to 1).
    pub duplication: f64,
}

impl Faults {
    /// A network that only takes a millisecond.
    pub const NONE: Self = Self {
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(1),
        loss: 0.0,
        duplication: 0.0,
    };

    /// When a frame arrives, counted from its sending; `None` if it is lost.
    #[must_use]
    pub fn transit(&self, rng: &mut impl Rng) -> Option<Duration> {
        // Both are drawn in any case, so that a change of one parameter leaves the other draws alone.
        let lost = rng.random::<f64>() < self.loss;
        let position: f64 = rng.random();
        let latency = self.latency_min + self.latency_max.saturating_sub(self.latency_min).mul_f64(position);
        (!lost).then_some(latency)
    }

    /// When a frame that has not been lost arrives once more, counted from its sending; mostly `None`.
    #[must_use]
    pub fn again(&self, rng: &mut impl Rng) -> Option<Duration> {
        // Nothing is drawn where nothing is doubled: such runs stay as they are without this.
        if self.duplication <= 0.0 || rng.random::<f64>() >= self.duplication {
            return None;
        }
        self.transit(rng)
    }
}
