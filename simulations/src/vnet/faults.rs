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
}

impl Faults {
    /// A network that only takes a millisecond.
    pub const NONE: Self =
        Self { latency_min: Duration::from_millis(1), latency_max: Duration::from_millis(1), loss: 0.0 };

    /// When a frame arrives, counted from its sending; `None` if it is lost.
    #[must_use]
    pub fn transit(&self, rng: &mut impl Rng) -> Option<Duration> {
        // Both are drawn in any case, so that a change of one parameter leaves the other draws alone.
        let lost = rng.random::<f64>() < self.loss;
        let position: f64 = rng.random();
        let latency = self.latency_min + self.latency_max.saturating_sub(self.latency_min).mul_f64(position);
        (!lost).then_some(latency)
    }
}
