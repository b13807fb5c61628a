//! The three lanes, one for each route.

use rand::CryptoRng;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::book::Book;
use super::cover::Tick;
use super::lane::Lane;
use super::route::Route;

/// All lanes.
pub(crate) struct Lanes {
    mix: Lane,
    tor_mix: Lane,
    tor: Lane,
}

impl Lanes {
    /// Lanes that nobody wants yet. Each has generators of its own for its ticks, seeded here in a fixed order.
    pub(crate) fn new(book: &Book, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let mut lane = |route| Lane::new(route, book.profile(route), now, rng);
        Self { mix: lane(Route::Mix), tor_mix: lane(Route::TorMix), tor: lane(Route::Tor) }
    }

    pub(crate) const fn get(&self, route: Route) -> &Lane {
        match route {
            Route::Mix => &self.mix,
            Route::TorMix => &self.tor_mix,
            Route::Tor => &self.tor,
        }
    }

    pub(crate) const fn get_mut(&mut self, route: Route) -> &mut Lane {
        match route {
            Route::Mix => &mut self.mix,
            Route::TorMix => &mut self.tor_mix,
            Route::Tor => &mut self.tor,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lane> {
        [&self.mix, &self.tor_mix, &self.tor].into_iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        [&mut self.mix, &mut self.tor_mix, &mut self.tor].into_iter()
    }

    /// The next tick of any lane.
    pub(crate) fn next_tick(&self) -> Timestamp {
        self.iter().map(|lane| lane.cover.next()).min().unwrap_or(Timestamp::NEVER)
    }

    /// The earliest tick that is due, and whose it is.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Route, Timestamp, Tick)> {
        let lane = self.iter_mut().min_by_key(|lane| lane.cover.next())?;
        let route = lane.route;
        match lane.cover.pop_due(now) {
            Some((due, tick)) => Some((route, due, tick)),
            // Its ticks lay so far back that they were left out; another lane's may still be due.
            None => self.iter_mut().find_map(|lane| {
                let route = lane.route;
                lane.cover.pop_due(now).map(|(due, tick)| (route, due, tick))
            }),
        }
    }

    /// The lane that awaits the answer of this identifier.
    pub(crate) fn awaiting(&self, surb_id: &SurbId) -> Option<&Lane> {
        self.iter().find(|lane| lane.outstanding.keys(surb_id).is_some())
    }

    /// How many answers are awaited.
    pub(crate) fn outstanding(&self) -> usize {
        self.iter().map(|lane| lane.outstanding.len()).sum()
    }
}
