//! Everything that the store holds, in memory: people, messages, and what is on its way.
//!
//! The book is read once and then follows the store: a change is committed first and made here after.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::contact::{Contact, Streams};
use super::entry::Profile;
use super::error::EngineError;
use super::id::{ContactId, MessageId};
use super::inbox::Inbox;
use super::message::{Direction, Message, MessageState};
use super::outbox::{Outbox, Outgoing, Place, place_key};
use super::route::{Route, RoutePlan};
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError, record};

/// One contact with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) contact: Contact,
    pub(crate) streams: Streams,
    pub(crate) inbox: Inbox,
    /// By their place in the conversation.
    pub(crate) messages: BTreeMap<u64, Message>,
    /// Its own routes; none for the profile's.
    pub(crate) routes: Option<RoutePlan>,
}

impl Person {
    pub(crate) fn new(contact: Contact, streams: Streams) -> Self {
        Self { contact, streams, inbox: Inbox::default(), messages: BTreeMap::new(), routes: None }
    }

    /// The place of the next message in the conversation.
    pub(crate) fn next_seq(&self) -> u64 {
        self.messages.last_key_value().map_or(0, |(seq, _)| *seq).saturating_add(1)
    }

    /// Received messages that the user has not seen.
    pub(crate) fn unread(&self) -> u64 {
        let unseen = self.messages.range(self.contact.seen_seq.saturating_add(1)..);
        count(unseen.filter(|(_, message)| message.direction == Direction::In))
    }

    /// Sent messages that are not stored yet.
    pub(crate) fn queued(&self) -> u64 {
        let waits = |state| matches!(state, MessageState::Queued | MessageState::Released);
        count(self.messages.values().filter(|message| waits(message.state)))
    }
}

fn count(items: impl Iterator) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// A received part of a message whose end is still to come.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Part {
    #[zeroize(skip)]
    contact: ContactId,
    index: u64,
    #[serde(with = "codec::bytes")]
    text: Vec<u8>,
}

/// The routes of a contact that has its own.
#[derive(Serialize, Deserialize)]
struct OwnRoutes {
    contact: ContactId,
    routes: RoutePlan,
}

/// The change that keeps a contact's own routes, or forgets them.
pub(crate) fn put_routes(contact: ContactId, routes: Option<&RoutePlan>) -> Result<Change, StoreError> {
    let key = RecordKey { kind: RecordKind::Routes, id: *contact.as_bytes() };
    Ok(match routes {
        Some(routes) => {
            Change::Put { key, value: record::encode(&OwnRoutes { contact, routes: routes.clone() })? }
        }
        None => Change::Delete { key },
    })
}

/// The change that keeps a received part.
pub(crate) fn put_part(place: Place, text: &[u8]) -> Result<Change, StoreError> {
    let part = Part { contact: place.0, index: place.1, text: text.to_vec() };
    Ok(Change::Put { key: place_key(RecordKind::Inbox, place), value: record::encode(&part)? })
}

/// All of it. `Debug` shows counts only.
#[derive(Default)]
pub(crate) struct Book {
    /// The entries of route `mix`.
    pub(crate) mix: Profile,
    /// The entries of route `tor+mix`.
    pub(crate) tor_mix: Profile,
    pub(crate) people: BTreeMap<ContactId, Person>,
    pub(crate) outbox: Outbox,
    /// Where each message is.
    pub(crate) places: BTreeMap<MessageId, (ContactId, u64)>,
}

impl Book {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read, or a record is damaged or belongs to nobody.
    pub(crate) fn load(store: &impl Store) -> Result<Self, StoreError> {
        let mut book = Self::default();
        let mut streams = BTreeMap::new();
        let (mut contacts, mut messages, mut parts): (Vec<Contact>, Vec<Message>, Vec<(RecordKey, Part)>) =
            Default::default();
        let mut routes: Vec<OwnRoutes> = Vec::new();
        for (key, value) in store.load()? {
            match key.kind {
                RecordKind::Profile => {
                    *book.profile_mut(Profile::route_of(&key)?) = record::decode(&value)?;
                }
                RecordKind::Contact => contacts.push(record::decode(&value)?),
                RecordKind::Stream => drop(streams.insert(key.id, Streams::from_record(&value)?)),
                RecordKind::Outbox => {
                    let (place, outgoing) = Outgoing::from_record(&value)?;
                    book.outbox.insert(place, outgoing);
                }
                RecordKind::Message => messages.push(record::decode(&value)?),
                RecordKind::Inbox => parts.push((key, record::decode(&value)?)),
                RecordKind::Routes => routes.push(record::decode(&value)?),
            }
        }
        for contact in contacts {
            let streams = streams
                .remove(contact.id.as_bytes())
                .ok_or_else(|| StoreError::Damaged("a contact has no streams".into()))?;
            book.people.insert(contact.id, Person::new(contact, streams));
        }
        for message in messages {
            book.keep_message(message)?;
        }
        for own in routes {
            book.person_mut(own.contact)?.routes = Some(own.routes);
        }
        parts.sort_by_key(|(_, part)| (part.contact, part.index));
        for (key, part) in &parts {
            let inbox = &mut book.person_mut(part.contact)?.inbox;
            // Only parts that were accepted were kept, and they were accepted in this order.
            if inbox.reassembly.push(&part.text).is_err() {
                return Err(StoreError::Damaged("the parts of a message do not fit together".into()));
            }
            inbox.parts.push(*key);
        }
        Ok(book)
    }

    /// The entries that were chosen for a route. Route `tor` has none.
    pub(crate) const fn profile(&self, route: Route) -> &Profile {
        if matches!(route, Route::TorMix) { &self.tor_mix } else { &self.mix }
    }

    /// The same, to change them.
    pub(crate) const fn profile_mut(&mut self, route: Route) -> &mut Profile {
        if matches!(route, Route::TorMix) { &mut self.tor_mix } else { &mut self.mix }
    }

    /// Takes in a message that has been kept, or replaces it.
    pub(crate) fn keep_message(&mut self, message: Message) -> Result<(), StoreError> {
        self.places.insert(message.id, (message.contact, message.seq));
        let person = self.person_mut(message.contact)?;
        person.messages.insert(message.seq, message);
        Ok(())
    }

    fn person_mut(&mut self, contact: ContactId) -> Result<&mut Person, StoreError> {
        self.people
            .get_mut(&contact)
            .ok_or_else(|| StoreError::Damaged("a record belongs to a contact that is not there".into()))
    }

    /// The person of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Person, EngineError> {
        self.people
            .values()
            .find(|person| person.contact.name == name)
            .ok_or_else(|| EngineError::ContactUnknown(name.to_owned()))
    }

    /// A message and whose it is.
    pub(crate) fn message(&self, id: &MessageId) -> Option<(&Person, &Message)> {
        let (contact, seq) = self.places.get(id)?;
        let person = self.people.get(contact)?;
        Some((person, person.messages.get(seq)?))
    }

    /// The same, to change its state.
    pub(crate) fn message_mut(&mut self, id: &MessageId) -> Option<&mut Message> {
        let (contact, seq) = self.places.get(id)?;
        self.people.get_mut(contact)?.messages.get_mut(seq)
    }

    /// The name of a contact, for events.
    pub(crate) fn name(&self, contact: ContactId) -> String {
        self.people.get(&contact).map_or_else(String::new, |person| person.contact.name.clone())
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Book({} people, {} messages, {:?})", self.people.len(), self.places.len(), self.outbox)
    }
}
