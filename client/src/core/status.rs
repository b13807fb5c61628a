//! What the engine shows: people, messages, and why something has not gone yet.

use sotto_protocol::directory::Freshness;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::contact::{Contact, Side, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::id::{ContactId, MessageId};
use super::message::MessageState;
use super::outbox::{Outgoing, Replica};
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
                expires_ms: (person.contact.standing == Standing::Pending)
                    .then(|| person.contact.expires.as_millis()),
                unread: person.unread(),
                queued: person.queued(),
                route: Route::Mix,
                routes: self.settings.routes.clone(),
                routes_own: false,
                protects: Route::Mix.protects().to_owned(),
            })
            .collect();
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views
    }

    /// The conversation with `contact`, oldest first: all of it, or what follows message number `after`.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn messages(&self, contact: &str, after: Option<u64>) -> Result<Vec<MessageView>, EngineError> {
        let person = self.book.named(contact)?;
        let from = after.map_or(0, |seq| seq.saturating_add(1));
        Ok(person.messages.range(from..).map(|(_, message)| message.view(contact)).collect())
    }

    /// One message.
    #[must_use]
    pub fn message(&self, id: &MessageId) -> Option<MessageView> {
        let (person, message) = self.book.message(id)?;
        Some(message.view(&person.contact.name))
    }

    /// How everything stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> StatusView {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let entry = self.session.map(|session| session.entry).or(self.entry.chosen());
        StatusView {
            network: self.consensus.as_ref().map(|consensus| consensus.network.clone()),
            epoch: self.consensus.as_ref().map(|consensus| consensus.epoch),
            consensus: self.consensus_state(now),
            class: self.settings.class.clone(),
            plan: self.settings.routes.clone(),
            routes: Route::ALL
                .into_iter()
                .map(|route| RouteView {
                    route,
                    protects: route.protects().to_owned(),
                    state: match (route, self.session) {
                        (Route::Mix, Some(_)) => RouteState::Connected,
                        (Route::Mix, None) => RouteState::Disconnected,
                        _ => RouteState::NotWanted,
                    },
                    why: None,
                    since_ms: now.as_millis(),
                    entry: entry.map(|entry| entry.to_string()),
                    cover: self.class().map(|class| CoverView {
                        running: self.cover.running(),
                        payload_interval_ms_mean: class.payload_interval_ms_mean,
                        loop_interval_ms_mean: Some(class.loop_interval_ms_mean),
                        drop_interval_ms_mean: Some(class.drop_interval_ms_mean),
                        decoys: true,
                    }),
                    rtt_ms: self.rtt.smoothed().map(millis),
                    rto_ms: self.class().map(|_| millis(self.rtt.timeout(0))),
                    circuits: 0,
                })
                .collect(),
            store_working: self.keeper.is_working(),
            waiting: self.waiting(now),
            outbox_boxes: u64::try_from(self.book.outbox.len()).unwrap_or(u64::MAX),
            outstanding: u64::try_from(self.outstanding.len()).unwrap_or(u64::MAX),
            counters: self.counters.clone(),
        }
    }

    fn consensus_state(&self, now: Timestamp) -> ConsensusState {
        match self.freshness(now) {
            None => ConsensusState::Missing,
            Some(Freshness::NotYet) => ConsensusState::NotYet,
            Some(Freshness::Fresh) => ConsensusState::Fresh,
            Some(Freshness::Grace) => ConsensusState::Grace,
            Some(Freshness::Expired) => ConsensusState::Expired,
        }
    }

    fn waiting(&self, now: Timestamp) -> Vec<WaitingView> {
        let mut waiting = Vec::new();
        for person in self.book.people.values() {
            if let Some(why) = self.answer_waits(&person.contact, now) {
                let (contact, state) = (person.contact.name.clone(), MessageState::Queued);
                let routes = self.settings.routes.clone();
                let (route, protects) = (Route::Mix, Route::Mix.protects().to_owned());
                let view = WaitingView { message: None, contact, state, why, route, routes, protects };
                waiting.push((0, view));
            }
            for message in person.messages.values() {
                if matches!(message.state, MessageState::Queued | MessageState::Released) {
                    let view = WaitingView {
                        message: Some(message.id),
                        contact: person.contact.name.clone(),
                        state: message.state,
                        why: self.why(person.contact.id, Some(message.id), now),
                        route: Route::Mix,
                        routes: self.settings.routes.clone(),
                        protects: Route::Mix.protects().to_owned(),
                    };
                    waiting.push((message.at_ms, view));
                }
            }
        }
        waiting.sort_by_key(|(at_ms, _)| *at_ms);
        waiting.into_iter().map(|(_, view)| view).collect()
    }

    /// What the answer to an invitation waits for, while it does.
    fn answer_waits(&self, contact: &Contact, now: Timestamp) -> Option<String> {
        let waits = contact.side == Side::Joiner && contact.standing == Standing::Pending;
        waits.then(|| self.why(contact.id, None, now))
    }

    /// What a message waits for, in words: the first thing that stands in its way.
    fn why(&self, contact: ContactId, message: Option<MessageId>, now: Timestamp) -> String {
        let person = self.book.people.get(&contact);
        if person.is_some_and(|person| !person.contact.is_live(now)) {
            return "the invitation ran out before it was taken up; invite again".into();
        }
        if !self.keeper.is_working() {
            return "the store cannot be written; free some space or check the disk".into();
        }
        match self.consensus_state(now) {
            ConsensusState::Missing => return "no consensus of the network has been fetched yet".into(),
            ConsensusState::NotYet => {
                return "the consensus is not valid yet; check this computer's clock".into();
            }
            ConsensusState::Expired => {
                return "the consensus has run out and no newer one has come; check this computer's clock \
                        and whether the network's authorities work"
                    .into();
            }
            ConsensusState::Fresh | ConsensusState::Grace => {}
        }
        if self.class().is_none() {
            return format!(
                "the network has no cover class named {:?}; choose one that it has",
                self.settings.class
            );
        }
        if self.session.is_none() {
            return "not connected to an entry of the network".into();
        }
        let boxes: Vec<&Outgoing> = self
            .book
            .outbox
            .of(contact)
            .map(|(_, outgoing)| outgoing)
            .filter(|outgoing| outgoing.message == message)
            .collect();
        why_of_boxes(&boxes, now)
    }
}

/// What boxes wait for, network and session being there.
fn why_of_boxes(boxes: &[&Outgoing], now: Timestamp) -> String {
    let replicas: Vec<(NodeId, Replica)> = boxes
        .iter()
        .flat_map(|outgoing| outgoing.replicas().iter().map(|(mailbox, replica)| (*mailbox, *replica)))
        .collect();
    let refused = replicas.iter().find_map(|(mailbox, replica)| match replica {
        Replica::Waiting { refused: Some(label), not_before, .. } => Some((mailbox, label, not_before)),
        _ => None,
    });
    if let Some((mailbox, label, not_before)) = refused {
        return format!(
            "mailbox {} refused it ({label}); trying again in {} s",
            mailbox.short(),
            not_before.since(now).as_secs()
        );
    }
    let is_waiting = |replica: &&(NodeId, Replica)| matches!(replica.1, Replica::Waiting { .. });
    let unsent = replicas.iter().filter(is_waiting).count();
    if unsent > 0 {
        let total = replicas.len();
        return format!(
            "waiting for free slots of the cover traffic: {unsent} of {total} packets are to be sent"
        );
    }
    let oldest = replicas
        .iter()
        .filter_map(|(mailbox, replica)| match replica {
            Replica::InFlight { since, silences } => Some((*since, *mailbox, *silences)),
            _ => None,
        })
        .min();
    match oldest {
        Some((since, mailbox, silences)) => format!(
            "waiting for the acknowledgement of mailbox {}: sent {} s ago, attempt {}",
            mailbox.short(),
            now.since(since).as_secs(),
            silences.saturating_add(1)
        ),
        None => "waiting for a mailbox: the network lists none".into(),
    }
}
