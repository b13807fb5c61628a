//! What the engine shows: people, messages, and why something has not gone yet.

use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::circuits::Circuits;
use super::contact::{Contact, Side, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::id::MessageId;
use super::lane::Way;
use super::link::Link;
use super::message::{Direction, MessageState};
use super::notes::NOTES_PROTECTION;
use super::parcel::Purpose;
use super::route::Route;
use super::view::{
    ConsensusState, ContactView, CoverView, MessageView, RouteState, RouteView, StatusView, WaitingView,
};
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Everybody, sorted by name. States are those of the latest time that the engine was told.
    #[must_use]
    pub fn contacts(&self) -> Vec<ContactView> {
        let mut views: Vec<ContactView> = self
            .book
            .people
            .values()
            .map(|person| ContactView {
                name: person.contact.name.clone(),
                state: person.contact.state(self.now),
                trust: person.contact.trust,
                muted: person.contact.muted,
                blocked: person.contact.blocked,
                expires_ms: (person.contact.standing == Standing::Pending)
                    .then(|| person.contact.expires.as_millis()),
                messages: u64::try_from(person.messages.len()).unwrap_or(u64::MAX),
                unread: person.unread(),
                queued: person.queued(),
                route: self.route_of(person.contact.id),
                routes: self.plan_of(person.contact.id).clone(),
                routes_own: person.routes.is_some(),
                protects: self.protection_of(&person.contact).to_owned(),
            })
            .collect();
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views
    }

    /// What protects a conversation on its way, in one line.
    fn protection_of(&self, contact: &Contact) -> &'static str {
        if contact.is_notes() { NOTES_PROTECTION } else { self.route_of(contact.id).protects() }
    }

    /// The conversation with `contact`, oldest first: all of it, or what follows message number `after`.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn messages(&self, contact: &str, after: Option<u64>) -> Result<Vec<MessageView>, EngineError> {
        Ok(self.messages_after(contact, after)?.collect())
    }

    /// The same, one after the other: who needs a few does not pay for all.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn messages_after(
        &self,
        contact: &str,
        after: Option<u64>,
    ) -> Result<impl Iterator<Item = MessageView>, EngineError> {
        let person = self.book.named(contact)?;
        let from = after.map_or(0, |seq| seq.saturating_add(1));
        let now_ms = self.now.as_millis();
        let messages = person.messages.range(from..).map(|(_, message)| message);
        Ok(messages.filter_map(move |message| message.view_back(&person.contact, now_ms)))
    }

    /// The received messages that [`Engine::mark_read`] has not covered, of all contacts by name or of one, by age,
    /// without the first `skip`. Those of muted contacts are left out unless they are wanted.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn unread(
        &self,
        contact: Option<&str>,
        wants_muted: bool,
        skip: usize,
    ) -> Result<impl Iterator<Item = MessageView>, EngineError> {
        let mut people: Vec<&Person> = match contact {
            Some(contact) => vec![self.book.named(contact)?],
            None => self.book.people.values().collect(),
        };
        people.retain(|person| contact.is_some() || wants_muted || !person.contact.muted);
        people.sort_by(|one, other| one.contact.name.cmp(&other.contact.name));
        let now_ms = self.now.as_millis();
        let unseen = people.into_iter().flat_map(|person| {
            let unseen = person.messages.range(person.contact.seen_seq.saturating_add(1)..);
            unseen.map(move |(_, message)| (person, message))
        });
        let received = unseen
            .filter(move |(_, message)| message.direction == Direction::In && message.is_shown_at(now_ms));
        Ok(received.skip(skip).map(|(person, message)| message.view(&person.contact)))
    }

    /// One message.
    #[must_use]
    pub fn message(&self, id: &MessageId) -> Option<MessageView> {
        let (person, message) = self.book.message(id)?;
        Some(message.view(&person.contact))
    }

    /// How everything stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> StatusView {
        StatusView {
            network: self.consensus.as_ref().map(|consensus| consensus.network.clone()),
            epoch: self.consensus.as_ref().map(|consensus| consensus.epoch),
            consensus: self.consensus_state(now),
            class: self.settings.class.clone(),
            plan: self.settings.routes.clone(),
            routes: Route::ALL.into_iter().map(|route| self.route_view(route)).collect(),
            store_working: self.keeper.is_working(),
            waiting: self.waiting(now),
            undelivered: self.undelivered(),
            outbox_boxes: u64::try_from(self.book.outbox.len()).unwrap_or(u64::MAX),
            outstanding: u64::try_from(self.lanes.outstanding()).unwrap_or(u64::MAX),
            counters: self.counters.clone(),
        }
    }

    fn route_view(&self, route: Route) -> RouteView {
        let lane = self.lanes.get(route);
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let state = match (lane.is_wanted(), lane.health.up) {
            (false, _) => RouteState::NotWanted,
            (true, true) => RouteState::Connected,
            (true, false) => RouteState::Disconnected,
        };
        let entry = match &lane.way {
            Way::Entry(entrance) => entrance.session.map(|open| open.entry).or(entrance.sticky.chosen()),
            Way::Circuits(_) => None,
        };
        let circuits = lane.circuits().map_or(0, Circuits::len);
        RouteView {
            route,
            protects: route.protects().to_owned(),
            state,
            why: (state == RouteState::Disconnected).then(|| lane.health.why.clone()),
            since_ms: lane.health.since.as_millis(),
            entry: entry.map(|entry| entry.to_string()),
            cover: self.class().map(|class| CoverView {
                running: lane.cover.running(),
                payload_interval_ms_mean: class.payload_interval_ms_mean,
                loop_interval_ms_mean: route.uses_entry().then_some(class.loop_interval_ms_mean),
                drop_interval_ms_mean: route.uses_entry().then_some(class.drop_interval_ms_mean),
                decoys: self.has_decoys(route),
            }),
            rtt_ms: lane.rtt.smoothed().map(millis),
            rto_ms: self.class().map(|_| millis(lane.rtt.timeout(0))),
            circuits: u64::try_from(circuits).unwrap_or(u64::MAX),
        }
    }

    fn waiting_view(
        &self,
        person: &Person,
        message: Option<MessageId>,
        state: MessageState,
        why: String,
    ) -> WaitingView {
        let id = person.contact.id;
        let route = self.route_of(id);
        WaitingView {
            message,
            contact: person.contact.name.clone(),
            trust: person.contact.trust,
            state,
            why,
            expected_ms: message.and_then(|message| self.stored_in_ms(id, message)),
            route,
            routes: self.plan_of(id).clone(),
            protects: route.protects().to_owned(),
        }
    }

    pub(super) fn consensus_state(&self, now: Timestamp) -> ConsensusState {
        self.freshness(now).into()
    }

    fn waiting(&self, now: Timestamp) -> Vec<WaitingView> {
        let mut waiting = Vec::new();
        for person in self.book.people.values() {
            if let Some(why) = self.keys_wait(person, now) {
                waiting.push((0, self.waiting_view(person, None, MessageState::Queued, why)));
            }
            for message in person.messages.waiting() {
                let why = self.why(person.contact.id, Some(message.id), now);
                let view = self.waiting_view(person, Some(message.id), message.state, why);
                waiting.push((message.at_ms, view));
            }
        }
        waiting.sort_by_key(|(at_ms, _)| *at_ms);
        waiting.into_iter().map(|(_, view)| view).collect()
    }

    /// What the keys that are to be exchanged with somebody wait for, while they do.
    fn keys_wait(&self, person: &Person, now: Timestamp) -> Option<String> {
        let contact = &person.contact;
        let is_on_its_way = || {
            let keys = |purpose| matches!(purpose, Purpose::Bundle | Purpose::Request | Purpose::RekeyBundle);
            self.book.outbox.owned(contact.id).any(|(_, outgoing)| keys(outgoing.purpose))
        };
        let waits = match contact.side {
            _ if !contact.is_live(now) => false,
            Side::Joiner if contact.standing == Standing::Pending => true,
            Side::Requester if matches!(person.link, Link::Closed) && person.renewal.is_none() => true,
            _ => person.renewal.is_some() || is_on_its_way(),
        };
        waits.then(|| self.why(contact.id, None, now))
    }
}
