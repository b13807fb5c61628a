//! When users write, and to whom each message goes.
//!
//! A user's messages are drawn one by one, each from its own place in the user's streams: whatever else there is in a
//! scenario, they stay as they are. Midnight of the first day is the beginning of the run, warming up included. Not here:
//! what becomes of a message.

use super::bursts::Bursts;
use super::edges::Edges;
use super::{Addressees, PrepareError};
use crate::random::{Purpose, Seed};
use crate::scenario::{Scenario, Writing as When};
use crate::time::SimTime;

/// Seconds of a day and of an hour.
pub(super) const DAY_S: f64 = 86_400.0;
const HOUR_S: f64 = 3600.0;

/// A message that a user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// When.
    pub at: SimTime,
    /// For whom.
    pub recipient: u32,
}

/// How far a user has come.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// When the last draw was.
    at: SimTime,
    /// How many there have been; of an edge list, how many messages.
    drawn: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A rate that goes up and down by `swing`, 0 for one that stays.
    Rate {
        gap_s_mean: f64,
        swing: f64,
        peak_hour: f64,
    },
    Bursty(Bursts),
    Replayed(Edges),
}

/// Everybody's messages, one after another.
#[derive(Clone, Debug)]
pub struct Writing {
    addressees: Addressees,
    seed: Seed,
    kind: Kind,
    places: Vec<Place>,
}

impl Writing {
    /// Prepares the users of a scenario.
    ///
    /// # Errors
    /// A scenario that is refused, more contacts in all than fit, or an edge list that cannot be used.
    pub fn new(scenario: &Scenario, seed: Seed) -> Result<Self, PrepareError> {
        scenario.validate()?;
        let clients = scenario.client_count();
        let kind = match &scenario.behaviour.writing {
            When::Poisson { per_day_mean } => {
                Kind::Rate { gap_s_mean: DAY_S / per_day_mean, swing: 0.0, peak_hour: 0.0 }
            }
            When::Diurnal { per_day_mean, peak_hour, swing } => {
                Kind::Rate { gap_s_mean: DAY_S / per_day_mean, swing: *swing, peak_hour: *peak_hour }
            }
            When::Bursty { bursts_per_day_mean, messages_mean, gap_s_mean } => {
                Kind::Bursty(Bursts::new(*bursts_per_day_mean, *messages_mean, *gap_s_mean, clients, seed))
            }
            When::EdgeList { file } => Kind::Replayed(Edges::read(file, clients)?),
        };
        // The file is not read a second time for the contacts.
        let addressees = match &kind {
            Kind::Replayed(edges) => Addressees::of(edges, clients),
            Kind::Rate { .. } | Kind::Bursty(_) => Addressees::new(scenario, seed)?,
        };
        Ok(Self { addressees, seed, kind, places: vec![Place::default(); clients as usize] })
    }

    /// Whom users write to.
    #[must_use]
    pub const fn addressees(&self) -> &Addressees {
        &self.addressees
    }

    /// A user's next message, never earlier than the one before; `None` when there is none.
    pub fn next(&mut self, user: u32) -> Option<Written> {
        let place = self.places.get_mut(user as usize)?;
        match &mut self.kind {
            Kind::Replayed(edges) => {
                let (at, recipient) = *edges.of(user).get(usize::try_from(place.drawn).ok()?)?;
                place.drawn += 1;
                Some(Written { at, recipient })
            }
            Kind::Rate { gap_s_mean, swing, peak_hour } => {
                // Thinning (Lewis, Shedler 1979): draws at the highest rate, of which so many stay as the rate says.
                let mut draws = self.seed.draws(Purpose::Writing, u64::from(user));
                loop {
                    draws.seek(place.drawn);
                    let number = place.drawn;
                    place.drawn += 1;
                    place.at += SimTime::from_secs_f64(draws.exponential(*gap_s_mean / (1.0 + *swing)));
                    if place.at == SimTime::NEVER {
                        return None;
                    }
                    let hour = place.at.as_secs_f64() / HOUR_S - *peak_hour;
                    let rate = 1.0 + *swing * (std::f64::consts::TAU * hour / 24.0).cos();
                    if draws.unit() * (1.0 + *swing) < rate {
                        let at = place.at;
                        return self.addressed(user, at, number);
                    }
                }
            }
            Kind::Bursty(bursts) => {
                let (at, burst) = bursts.next(user)?;
                self.addressed(user, at, burst)
            }
        }
    }

    /// The message, to the contact that a draw of this number names.
    fn addressed(&self, user: u32, at: SimTime, number: u64) -> Option<Written> {
        let mut draws = self.seed.draws(Purpose::Addressee, u64::from(user));
        draws.seek(number);
        Some(Written { at, recipient: self.addressees.draw(user, &mut draws)? })
    }
}

#[cfg(test)]
mod tests;
