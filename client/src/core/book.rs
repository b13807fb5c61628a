//! Everything that the store holds, in memory: people, messages, and what is on its way.
//!
//! The book is read once and then follows the store: a change is committed first and made here after.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::address::Address;
use super::asking::Asking;
use super::bond::Bond;
use super::contact::Contact;
use super::conversation::Conversation;
use super::cursor::Cursor;
use super::entry::Profile;
use super::error::EngineError;
use super::file::{Orphans, Transfer};
use super::history::Signer;
use super::id::{ContactId, MessageId};
use super::inbox::{Content, Inbox};
use super::introduction::{Introduction, Introductions};
use super::ledger::{Arrivals, Ledger};
use super::letter::Name;
use super::link::Link;
use super::message::{Direction, Message, MessageState};
use super::outbox::{Outbox, Outgoing, Place, place_key};
use super::places::Places;
use super::renewal::Renewal;
use super::request::{Request, RequestNote};
use super::route::{Route, RoutePlan};
use super::watch::Watch;
use crate::session::KemPolicy;
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError, record};

/// One contact with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) contact: Contact,
    /// The lasting keys, once both sides have met.
    pub(crate) bond: Option<Bond>,
    pub(crate) link: Link,
    /// Keys of ours that are to begin a new session, while they are.
    pub(crate) renewal: Option<Renewal>,
    /// Our request at this contact's address, if we met so.
    pub(crate) asking: Option<Asking>,
    pub(crate) inbox: Inbox,
    pub(crate) ledger: Ledger,
    /// By their place in the conversation.
    pub(crate) messages: Conversation,
    /// Files on their way, and those that have come, by their messages.
    pub(crate) transfers: BTreeMap<MessageId, Transfer>,
    /// Its own routes; none for the profile's.
    pub(crate) routes: Option<RoutePlan>,
}

impl Person {
    pub(crate) fn new(contact: Contact, link: Link) -> Self {
        let messages = Conversation::seen_up_to(contact.seen_seq);
        Self {
            contact,
            bond: None,
            link,
            renewal: None,
            asking: None,
            inbox: Inbox::default(),
            ledger: Ledger::default(),
            messages,
            transfers: BTreeMap::new(),
            routes: None,
        }
    }

    /// What the next box is, if it has come.
    pub(crate) fn next_content(&self) -> Option<Content> {
        self.inbox.content(self.link.reader()?.index())
    }

    /// Boxes may be asked for ahead that are known to come: the parts of files that were asked for.
    pub(crate) fn expect_parts(&mut self) {
        let coming = self.transfers.values().filter(|transfer| transfer.is_coming());
        let parts = coming.map(|transfer| transfer.open.len()).fold(0, u64::saturating_add);
        self.inbox.expected = usize::try_from(parts).unwrap_or(usize::MAX);
    }

    /// The place of the next message in the conversation.
    pub(crate) fn next_seq(&self) -> u64 {
        let last = self.messages.last_key_value().map_or(0, |(seq, _)| *seq);
        last.max(self.contact.seen_seq).max(self.ledger.last_seq).saturating_add(1)
    }

    /// A letter of this name.
    pub(crate) fn letter(&self, direction: Direction, name: Name) -> Option<&Message> {
        self.messages.letter(direction, name)
    }

    /// Received messages that the user has not seen.
    pub(crate) fn unread(&self) -> u64 {
        u64::try_from(self.messages.unseen(self.contact.seen_seq)).unwrap_or(u64::MAX)
    }

    /// Everything up to this number of a series of theirs that has come was read; 0 if nothing was.
    pub(crate) fn read_to(&self, arrivals: &Arrivals) -> u64 {
        let unseen = self.messages.range(self.contact.seen_seq.saturating_add(1)..);
        let numbers = unseen.filter_map(|(_, message)| {
            let name = message.name.filter(|name| name.series == arrivals.series)?;
            (message.direction == Direction::In).then_some(name.number)
        });
        numbers.min().map_or_else(|| arrivals.highest(), |number| number.saturating_sub(1))
    }

    /// Sent messages that are not stored yet.
    pub(crate) fn queued(&self) -> u64 {
        u64::try_from(self.messages.waiting_len()).unwrap_or(u64::MAX)
    }
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
    /// Contact addresses of this profile.
    pub(crate) addresses: BTreeMap<ContactId, Address>,
    /// Requests to them that wait for a decision.
    pub(crate) requests: BTreeMap<ContactId, Request>,
    /// Introductions that are under way.
    pub(crate) introductions: Introductions,
    /// What is looked at beside the streams of people.
    pub(crate) watches: BTreeMap<ContactId, Watch>,
    /// Pieces of files that belong to nobody.
    pub(crate) orphans: Orphans,
    /// Where each message is.
    places: Places,
    signer: Signer,
}

impl Book {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read, or a record is damaged or belongs to nobody.
    pub(crate) fn load(store: &impl Store, policy: KemPolicy) -> Result<Self, StoreError> {
        let mut book = Self::default();
        let (mut links, mut bonds, mut renewals) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut contacts, mut messages, mut parts): (Vec<Contact>, Vec<Message>, Vec<(RecordKey, Part)>) =
            Default::default();
        let mut routes: Vec<OwnRoutes> = Vec::new();
        let (mut notes, mut asking) = (Vec::new(), Vec::new());
        let mut ledgers = BTreeMap::new();
        let (mut transfers, mut pieces): (Vec<Transfer>, Vec<RecordKey>) = Default::default();
        for (key, value) in store.load()? {
            match key.kind {
                RecordKind::Profile => {
                    *book.profile_mut(Profile::route_of(&key)?) = record::decode(&value)?;
                }
                RecordKind::Contact => contacts.push(record::decode(&value)?),
                RecordKind::Link => drop(links.insert(key.id, Link::from_record(&value, policy)?)),
                RecordKind::Renewal => drop(renewals.insert(key.id, Renewal::from_record(&value)?)),
                RecordKind::Address => {
                    let address = Address::decode(&value)?;
                    book.addresses.insert(address.id, address);
                }
                RecordKind::Request => notes.push(record::decode::<RequestNote>(&value)?),
                RecordKind::Asking => asking.push(Asking::from_record(&value)?),
                RecordKind::Ledger => drop(ledgers.insert(key.id, record::decode::<Ledger>(&value)?)),
                RecordKind::Introduction => {
                    let introduction: Introduction = record::decode(&value)?;
                    book.introductions.insert(introduction.id, introduction);
                }
                RecordKind::Bond => drop(bonds.insert(key.id, Bond::decode(&value)?)),
                RecordKind::Outbox => {
                    let (place, outgoing) = Outgoing::from_record(&value)?;
                    book.outbox.insert(place, outgoing);
                }
                RecordKind::Transfer => transfers.push(record::decode(&value)?),
                RecordKind::Chunk => pieces.push(key),
                RecordKind::Message => messages.push(record::decode(&value)?),
                RecordKind::Inbox => parts.push((key, record::decode(&value)?)),
                RecordKind::Routes => routes.push(record::decode(&value)?),
            }
        }
        for contact in contacts {
            let link = links
                .remove(contact.id.as_bytes())
                .ok_or_else(|| StoreError::Damaged("a contact has no link".into()))?;
            let mut person = Person::new(contact, link);
            person.bond = bonds.remove(person.contact.id.as_bytes());
            person.renewal = renewals.remove(person.contact.id.as_bytes());
            person.ledger = ledgers.remove(person.contact.id.as_bytes()).unwrap_or_default();
            book.people.insert(person.contact.id, person);
        }
        for note in notes {
            let (Some(link), Some(bond)) =
                (links.remove(note.id.as_bytes()), bonds.remove(note.id.as_bytes()))
            else {
                return Err(StoreError::Damaged("a request has no keys".into()));
            };
            book.requests.insert(note.id, Request { note, link, bond });
        }
        for (contact, asking) in asking {
            book.person_mut(contact)?.asking = Some(asking);
        }
        for message in messages {
            book.keep_message(message)?;
        }
        for transfer in transfers {
            let person = book.person_mut(transfer.contact)?;
            person.transfers.insert(transfer.id, transfer);
            person.expect_parts();
        }
        book.orphans = Orphans::among(pieces, &book);
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
        let (id, place, until_ms) = (message.id, Cursor::of(&message), message.until_ms);
        let signature = self.signer.sign(&message);
        if let Some(replaced) = self.person_mut(place.contact)?.messages.insert(message) {
            self.places.remove(&replaced);
        }
        self.places.insert(id, place, signature, until_ms);
        Ok(())
    }

    /// A message is in another state. Gives whose it is, if it is there.
    pub(crate) fn set_state(&mut self, id: &MessageId, state: MessageState) -> Option<ContactId> {
        let (contact, seq) = self.places.of(id)?;
        self.people.get_mut(&contact)?.messages.set_state(seq, state)?;
        Some(contact)
    }

    /// Takes out a message.
    pub(crate) fn drop_message(&mut self, id: &MessageId) -> Option<Message> {
        let (contact, seq) = self.places.of(id)?;
        let person = self.people.get_mut(&contact)?;
        let message = person.messages.remove(seq)?;
        person.transfers.remove(id);
        person.expect_parts();
        self.places.remove(&message);
        Some(message)
    }

    /// The user has seen the conversation up to this number, which has been kept.
    pub(crate) fn see(&mut self, contact: Contact) {
        if let Some(person) = self.people.get_mut(&contact.id) {
            person.messages.see(contact.seen_seq);
            person.contact = contact;
        }
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

    /// The same, unless these are the notes: what is asked for can be done with a person only.
    pub(crate) fn somebody(&self, name: &str) -> Result<&Person, EngineError> {
        let person = self.named(name)?;
        if person.contact.is_notes() { Err(EngineError::NotAPerson) } else { Ok(person) }
    }

    /// A message and whose it is.
    pub(crate) fn message(&self, id: &MessageId) -> Option<(&Person, &Message)> {
        let (contact, seq) = self.places.of(id)?;
        let person = self.people.get(&contact)?;
        Some((person, person.messages.get(&seq)?))
    }

    /// Where the messages are.
    pub(crate) const fn places(&self) -> &Places {
        &self.places
    }

    /// What is being read under this name: of a contact, or of a watch.
    pub(crate) fn inbox_mut(&mut self, id: ContactId) -> Option<&mut Inbox> {
        if let Some(person) = self.people.get_mut(&id) {
            return Some(&mut person.inbox);
        }
        self.watches.get_mut(&id).map(|watch| &mut watch.inbox)
    }

    /// For whose sake something is read or written under this name.
    pub(crate) fn owner_of(&self, id: ContactId) -> ContactId {
        self.watches.get(&id).map_or(id, |watch| watch.owner)
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
