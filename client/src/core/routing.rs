//! What is told of entries and of Tor, and what follows: which lanes run, and which contact is served by which.

use std::collections::BTreeSet;

use rand::CryptoRng;
use sotto_protocol::directory::Freshness;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::time::Timestamp;

use super::action::CircuitId;
use super::book::put_routes;
use super::choice::{candidates, choose};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::id::ContactId;
use super::lane::{Lane, Way, has_onion_service};
use super::limits::PATIENCE_LATENESS_MAX;
use super::route::{Route, RoutePlan};
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// A session was opened at `entry`, or resumed: then its address is the same, and answers on their way
    /// still arrive.
    pub fn handle_session(&mut self, now: Timestamp, route: Route, entry: NodeId, session: SessionAddress) {
        self.advance_clock(now);
        for work in self.lanes.get_mut(route).opened(now, entry, session) {
            self.abandoned(route, work);
        }
        self.reconsider(now);
    }

    /// The link to the entry is gone; `why` in words. Nothing leaves by this route until there is a session again.
    pub fn handle_session_lost(&mut self, now: Timestamp, route: Route, why: &str) {
        self.advance_clock(now);
        self.lanes.get_mut(route).closed(now, why);
        self.reconsider(now);
    }

    /// The entry could not be reached, or refused a session; `why` in words. After several failures in a row
    /// [`Engine::wanted_entry`] names another one.
    pub fn handle_entry_failed(&mut self, now: Timestamp, route: Route, entry: &NodeId, why: &str) {
        self.advance_clock(now);
        let lane = self.lanes.get_mut(route);
        if let Way::Entry(entrance) = &mut lane.way {
            entrance.sticky.failed(entry);
            if entrance.session.is_none() {
                lane.fell(now, why);
            }
        }
    }

    /// Tor works: circuits can be made.
    pub fn handle_tor_ready(&mut self, now: Timestamp) {
        self.advance_clock(now);
        self.lanes.get_mut(Route::Tor).rose(now);
        self.reconsider(now);
    }

    /// Tor does not work, `why` in words: no circuit can be made, and those that there were are gone. Sessions over
    /// Tor are told of by [`Engine::handle_session_lost`].
    pub fn handle_tor_lost(&mut self, now: Timestamp, why: &str) {
        self.advance_clock(now);
        self.lanes.get_mut(Route::Tor).fell(now, why);
        self.break_circuits(Route::Tor);
        self.reconsider(now);
    }

    /// A circuit could not be made, or broke; `why` in words. What it carried goes again by another circuit, after a
    /// pause that doubles with each failure at that mailbox.
    pub fn handle_circuit_failed(&mut self, now: Timestamp, circuit: CircuitId, why: &str) {
        self.advance_clock(now);
        if let Some(circuits) = self.lanes.get_mut(Route::Tor).circuits_mut() {
            circuits.failed(now, circuit, why);
            self.circuit_gone(Route::Tor, circuit);
            self.count("circuit-failed");
        }
    }

    /// The entry to be connected to on this route: the same one as long as it works and the consensus lists it.
    /// None without a consensus, while nobody wants the route, and on route `tor`.
    pub fn wanted_entry(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<NodeId> {
        self.advance_clock(now);
        let consensus = self.consensus.clone()?;
        let lane = self.lanes.get_mut(route);
        if !lane.is_wanted() {
            return None;
        }
        let Way::Entry(entrance) = &mut lane.way else { return None };
        let listed = consensus.entries().map(|entry| entry.node);
        let listed = listed.filter(|entry| !route.uses_tor() || has_onion_service(&consensus, entry));
        let entry = entrance.sticky.choose(listed.collect(), rng);
        if entry.is_none() && entrance.session.is_none() {
            lane.fell(now, "no entry of the network has an onion service");
        } else if let Way::Entry(entrance) = &lane.way
            && self.book.profile(route).entries != entrance.sticky.entries()
        {
            self.book.profile_mut(route).entries = entrance.sticky.entries().to_vec();
            // An entry that could not be kept is chosen all the same; a restart may then choose another.
            if let Ok(change) = self.book.profile(route).put(route)
                && self.commit(now, vec![change]).is_err()
            {
                self.count("entry-not-kept");
            }
        }
        entry
    }

    /// Whether anything is to run on this route: a session to be kept, or Tor for circuits. The profile's own route is
    /// always wanted, a contact's while it is live, and a fallback while those before it have failed.
    #[must_use]
    pub const fn is_wanted(&self, route: Route) -> bool {
        self.lanes.get(route).is_wanted()
    }

    /// The routes of the profile, for every contact that has none of its own. They are not kept in the store.
    pub fn set_routes(&mut self, now: Timestamp, routes: RoutePlan) {
        self.advance_clock(now);
        self.settings.routes = routes;
        self.reconsider(now);
    }

    /// The routes of the profile.
    #[must_use]
    pub const fn plan(&self) -> &RoutePlan {
        &self.settings.routes
    }

    /// The routes of one contact; none for those of the profile. They are kept in the store.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`]; then nothing has changed.
    pub fn set_contact_routes(
        &mut self,
        now: Timestamp,
        contact: &str,
        routes: Option<RoutePlan>,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let contact = self.book.somebody(contact)?.contact.id;
        self.commit(now, vec![put_routes(contact, routes.as_ref())?])?;
        if let Some(person) = self.book.people.get_mut(&contact) {
            person.routes = routes;
        }
        self.reconsider(now);
        Ok(())
    }

    /// The plan of a contact: its own, or the profile's.
    pub(super) fn plan_of(&self, contact: ContactId) -> &RoutePlan {
        let own = self.book.people.get(&contact).and_then(|person| person.routes.as_ref());
        own.unwrap_or(&self.settings.routes)
    }

    /// The route that serves a contact.
    pub(super) fn route_of(&self, contact: ContactId) -> Route {
        self.in_use.get(&contact).copied().unwrap_or(self.plan_of(contact).wanted())
    }

    /// Decides anew which lanes run and which contact is served by which, as lanes and plans are now.
    pub(super) fn reconsider(&mut self, now: Timestamp) {
        let end = self.reconsider_at;
        if now.since(end) > PATIENCE_LATENESS_MAX {
            self.lanes.iter_mut().for_each(|lane| lane.slept(now, end));
        }
        self.want_lanes(now);
        let live: Vec<ContactId> = self
            .book
            .people
            .values()
            .filter(|person| person.contact.is_live(now))
            .map(|person| person.contact.id)
            .chain(self.book.addresses.keys().copied())
            .collect();
        for contact in live {
            let before = self.in_use.get(&contact).copied();
            let fitness = |route| self.lanes.get(route).fitness(now);
            let route = choose(self.plan_of(contact), before, fitness);
            if before != Some(route) {
                self.serve(now, contact, route);
            }
        }
        self.run_cover(now);
    }

    fn want_lanes(&mut self, now: Timestamp) {
        let people = self.book.people.values().filter(|person| person.contact.is_live(now));
        let plans = people.filter_map(|person| person.routes.as_ref()).chain(&self.plans_aside);
        let plans = plans.chain([&self.settings.routes]);
        let fitness = |route| self.lanes.get(route).fitness(now);
        let (mut wanted, mut has_fallbacks) = (BTreeSet::new(), false);
        for plan in plans {
            wanted.extend(candidates(plan, fitness));
            has_fallbacks |= !plan.fallbacks().is_empty();
        }
        for route in Route::ALL {
            self.lanes.get_mut(route).set_wanted(now, wanted.contains(&route));
            if !wanted.contains(&route) {
                self.break_circuits(route);
            }
        }
        let ends = self.lanes.iter().filter_map(Lane::fails_at).filter(|at| has_fallbacks && *at > now);
        self.reconsider_at = ends.min().unwrap_or(Timestamp::NEVER);
    }

    /// A contact is served by another route than before, if it was served at all.
    fn serve(&mut self, now: Timestamp, contact: ContactId, route: Route) {
        let before = self.in_use.insert(contact, route);
        self.move_work(contact, route);
        let wanted = self.plan_of(contact).wanted();
        let before = before.unwrap_or(wanted);
        if before == route {
            return;
        }
        let why = if route != wanted {
            let failed = self.lanes.get(wanted);
            let lasts = now.since(failed.health.since).as_secs();
            format!("{wanted} has not worked for {lasts} s: {}", failed.health.why)
        } else if self.plan_of(contact).contains(before) {
            format!("{wanted} works again")
        } else {
            format!("{wanted} was chosen")
        };
        if !self.book.people.contains_key(&contact) {
            return;
        }
        let contact = self.book.name(contact);
        self.events.push(Event::RouteChanged { contact, route, wanted, why });
    }

    /// Starts or stops the cover processes, according to sessions, Tor and consensus and nothing else.
    pub(super) fn run_cover(&mut self, now: Timestamp) {
        let usable = self.freshness(now).is_some_and(Freshness::is_usable);
        let consensus = self.consensus.as_ref().filter(|_| usable);
        let class = consensus.and_then(|consensus| consensus.class(&self.settings.class));
        for lane in self.lanes.iter_mut() {
            lane.run(now, class.map(|(_, class)| class));
        }
    }
}
