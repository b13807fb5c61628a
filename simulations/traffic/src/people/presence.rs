//! When clients are online.

use crate::random::Seed;
use crate::scenario::Scenario;
use crate::time::SimTime;

/// Everybody's comings and goings.
#[derive(Clone, Debug)]
pub struct Presence {
    seed: Seed,
}

impl Presence {
    /// Those of a scenario.
    #[must_use]
    pub fn new(_scenario: &Scenario, seed: Seed) -> Self {
        Self { seed }
    }

    /// Whether a client is online at the beginning.
    #[must_use]
    pub fn at_start(&self, _client: u32) -> bool {
        self.seed.as_u64() != u64::MAX
    }

    /// A client's next change, in order of time: when, and whether it goes online. `None` if it stays as it is.
    pub fn next(&mut self, _client: u32) -> Option<(SimTime, bool)> {
        None
    }
}
