//! Whom each user writes to.

use super::PrepareError;
use crate::random::Seed;
use crate::scenario::Scenario;

/// Everybody's contacts.
#[derive(Clone, Debug)]
pub struct Addressees {
    contacts: Vec<u32>,
}

impl Addressees {
    /// Draws the contacts, or reads them from the edge list.
    ///
    /// # Errors
    /// A scenario that is refused, or a file.
    pub fn new(scenario: &Scenario, _seed: Seed) -> Result<Self, PrepareError> {
        scenario.validate()?;
        Ok(Self { contacts: Vec::new() })
    }

    /// Whom a user writes to. The relation has a direction: who is listed need not list in turn.
    #[must_use]
    pub fn contacts(&self, _user: u32) -> &[u32] {
        &self.contacts
    }

    /// The share of a user's messages that each of its [`Self::contacts`] gets, in their order; they sum up to 1.
    pub fn shares(&self, _user: u32) -> impl Iterator<Item = f64> + '_ {
        std::iter::empty()
    }
}
