//! When users write.

use super::{Addressees, PrepareError};
use crate::random::Seed;
use crate::scenario::Scenario;
use crate::time::SimTime;

/// A message that a user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// When.
    pub at: SimTime,
    /// For whom.
    pub recipient: u32,
}

/// Everybody's messages, one after another.
#[derive(Clone, Debug)]
pub struct Writing {
    addressees: Addressees,
}

impl Writing {
    /// Prepares the users of a scenario.
    ///
    /// # Errors
    /// A scenario that is refused, or an edge list that cannot be used.
    pub fn new(scenario: &Scenario, seed: Seed) -> Result<Self, PrepareError> {
        Ok(Self { addressees: Addressees::new(scenario, seed)? })
    }

    /// Whom users write to.
    #[must_use]
    pub const fn addressees(&self) -> &Addressees {
        &self.addressees
    }

    /// A user's next message, never earlier than the one before; `None` when there is none.
    pub fn next(&mut self, _user: u32) -> Option<Written> {
        None
    }
}
