//! People's sessions at their entries: opening, resuming, losing.

use sotto_client::core::Route;
use sotto_protocol::ident::NodeId;

use super::host::{Core, Host};
use super::network::VirtualNetwork;
use super::person::{Person, RECONNECT_DELAY, Session};
use super::wire::Event;

impl VirtualNetwork {
    /// Opens or resumes a person's session at the entry that their engine wants.
    pub(super) fn connect(&mut self, index: usize, route: Route) {
        let now = self.now;
        let Some(person) = self.people.get_mut(index) else { return };
        person.reconnecting.remove(&route);
        let Person { engine: Some(engine), rng, sessions, name, .. } = person else { return };
        if sessions.get(&route).is_some_and(|session| session.connected) || !engine.is_wanted(route) {
            return;
        }
        let reachable = self.tor_works || !route.uses_tor();
        let Some(entry) = engine.wanted_entry(now, route, rng).filter(|_| reachable) else {
            self.schedule_reconnect(index, route);
            return;
        };
        let class = self.consensus.class(&person.settings.class).map_or(0, |(class, _)| class);
        let resume = sessions
            .remove(&route)
            .filter(|session| session.entry == entry)
            .map(|old| (old.address, old.token));
        let granted =
            self.by_id.get(&entry).and_then(|host| self.hosts.get_mut(*host)).and_then(|host| match host {
                Host { core: Some(Core::Mix(mix)), rng, name, .. } => {
                    Some((name.clone(), mix.open_session(now, class, resume.as_ref(), rng).ok()?))
                }
                _ => None,
            });
        if let Some((entry_name, grant)) = granted {
            self.trace.note(now, format_args!("{name} opens a session at {entry_name} by {route}"));
            engine.handle_session(now, route, entry, grant.session);
            let open = Session { entry, address: grant.session, token: grant.token, connected: true };
            sessions.insert(route, open);
        } else {
            self.trace.note(now, format_args!("{name} finds no entry by {route}"));
            engine.handle_entry_failed(now, route, &entry, "no entry there");
            self.schedule_reconnect(index, route);
        }
        self.settle_person(index);
        if let Some(host) = self.by_id.get(&entry).copied() {
            self.settle_host(host);
        }
    }

    /// Everybody with a session at this entry loses the connection, and tries again later.
    pub(super) fn drop_sessions_at(&mut self, entry: &NodeId) {
        for index in 0..self.people.len() {
            let Some(person) = self.people.get(index) else { continue };
            let at = |session: &Session| session.connected && session.entry == *entry;
            let lost: Vec<Route> =
                person.sessions.iter().filter_map(|(route, session)| at(session).then_some(*route)).collect();
            for route in lost {
                self.lose_session(index, route, "the entry is gone");
            }
        }
    }

    /// A person notices that the connection to their entry is gone, and tries again later if that is still wanted.
    pub(super) fn lose_session(&mut self, index: usize, route: Route, why: &str) {
        let now = self.now;
        let Some(Person { engine: Some(engine), sessions, .. }) = self.people.get_mut(index) else { return };
        let Some(session) = sessions.get_mut(&route).filter(|session| session.connected) else { return };
        session.connected = false;
        engine.handle_session_lost(now, route, why);
        self.settle_person(index);
        self.schedule_reconnect(index, route);
    }

    /// The entry notices that a person's connection is gone.
    pub(super) fn leave_session(&mut self, index: usize, route: Route) {
        let now = self.now;
        let Some(session) = self.people.get(index).and_then(|person| person.sessions.get(&route)) else {
            return;
        };
        let (entry, address) = (session.entry, session.address);
        if let Some(host) = self.by_id.get(&entry).copied() {
            if let Some(Host { core: Some(Core::Mix(mix)), .. }) = self.hosts.get_mut(host) {
                mix.session_disconnected(now, &address);
            }
            self.settle_host(host);
        }
    }

    /// All entries of a person notice that they are gone.
    pub(super) fn leave_sessions(&mut self, index: usize) {
        for route in [Route::Mix, Route::TorMix] {
            self.leave_session(index, route);
        }
    }

    fn schedule_reconnect(&mut self, index: usize, route: Route) {
        if let Some(person) = self.people.get_mut(index)
            && person.reconnecting.insert(route)
        {
            self.schedule.push(self.now + RECONNECT_DELAY, Event::Reconnect { person: index, route });
        }
    }
}
