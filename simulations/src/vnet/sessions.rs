//! People's sessions at their entries: opening, resuming, losing.

use sotto_client::core::Route;
use sotto_protocol::ident::NodeId;

use super::host::{Core, Host};
use super::network::VirtualNetwork;
use super::person::{Person, RECONNECT_DELAY, Session};
use super::wire::Event;

impl VirtualNetwork {
    /// Opens or resumes a person's session at the entry that their engine wants.
    pub(super) fn connect(&mut self, index: usize) {
        let now = self.now;
        let Some(person) = self.people.get_mut(index) else { return };
        person.reconnect_scheduled = false;
        let Person { engine: Some(engine), rng, session, name, .. } = person else { return };
        if session.as_ref().is_some_and(|session| session.connected) {
            return;
        }
        let Some(entry) = engine.wanted_entry(now, Route::Mix, rng) else {
            self.schedule_reconnect(index);
            return;
        };
        let class = self.consensus.class(&person.class).map_or(0, |(class, _)| class);
        let resume =
            session.take().filter(|session| session.entry == entry).map(|old| (old.address, old.token));
        let granted =
            self.by_id.get(&entry).and_then(|host| self.hosts.get_mut(*host)).and_then(|host| match host {
                Host { core: Some(Core::Mix(mix)), rng, name, .. } => {
                    Some((name.clone(), mix.open_session(now, class, resume.as_ref(), rng).ok()?))
                }
                _ => None,
            });
        if let Some((entry_name, grant)) = granted {
            self.trace.note(now, format_args!("{name} opens a session at {entry_name}"));
            engine.handle_session(now, Route::Mix, entry, grant.session);
            person.session =
                Some(Session { entry, address: grant.session, token: grant.token, connected: true });
        } else {
            self.trace.note(now, format_args!("{name} finds no entry"));
            engine.handle_entry_failed(now, Route::Mix, &entry, "no entry there");
            self.schedule_reconnect(index);
        }
        self.settle_person(index);
        if let Some(host) = self.by_id.get(&entry).copied() {
            self.settle_host(host);
        }
    }

    /// Everybody with a session at this entry loses the connection, and tries again later.
    pub(super) fn drop_sessions_at(&mut self, entry: &NodeId) {
        for index in 0..self.people.len() {
            let now = self.now;
            let Some(person) = self.people.get_mut(index) else { continue };
            let lost = person.session.as_mut().filter(|session| session.connected && session.entry == *entry);
            if let Some(session) = lost {
                session.connected = false;
                if let Some(engine) = &mut person.engine {
                    engine.handle_session_lost(now, Route::Mix, "the entry is gone");
                }
                self.settle_person(index);
                self.schedule_reconnect(index);
            }
        }
    }

    /// The entry notices that a person's connection is gone.
    pub(super) fn leave_session(&mut self, index: usize) {
        let now = self.now;
        let Some(session) = self.people.get_mut(index).and_then(|person| person.session.as_mut()) else {
            return;
        };
        session.connected = false;
        let (entry, address) = (session.entry, session.address);
        if let Some(host) = self.by_id.get(&entry).copied() {
            if let Some(Host { core: Some(Core::Mix(mix)), .. }) = self.hosts.get_mut(host) {
                mix.session_disconnected(now, &address);
            }
            self.settle_host(host);
        }
    }

    fn schedule_reconnect(&mut self, index: usize) {
        if let Some(person) = self.people.get_mut(index)
            && !person.reconnect_scheduled
        {
            person.reconnect_scheduled = true;
            self.schedule.push(self.now + RECONNECT_DELAY, Event::Reconnect { person: index });
        }
    }
}
