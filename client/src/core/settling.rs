//! What becomes of boxes once their replicas have answered, and what is made up for when the store works again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Book;
use super::contact::Standing;
use super::engine::Engine;
use super::event::Event;
use super::file::FileDesk;
use super::id::{ContactId, MessageId};
use super::limits::TOMBSTONES_MAX;
use super::link::Link;
use super::message::{Direction, MessageState};
use super::outbox::{Outgoing, Place, place_key};
use super::parcel::Purpose;
use super::route::Route;
use super::sealing;
use super::update::Update;
use crate::store::{Change, RecordKind, Store, StoreError};

/// From the last box that was stored to a look for what had waited for it.
const SETTLED_PAUSE: Duration = Duration::from_secs(1);

/// What the answers amount to, before it is kept.
#[derive(Default)]
struct Settlement {
    /// Boxes that need not wait any longer.
    done: BTreeSet<Place>,
    /// Of these, the ones that run out, and the tombstones that will take their places.
    run_out: BTreeMap<Place, Outgoing>,
    /// How many such tombstones there was no room for.
    left_out: usize,
    /// New states of messages.
    states: BTreeMap<MessageId, MessageState>,
    /// New standings of contacts.
    standings: BTreeMap<ContactId, Standing>,
    /// What to tell of conflicts.
    conflicts: Vec<Event>,
    /// Files of which parts are stored.
    parts: BTreeSet<(ContactId, MessageId)>,
    /// Boxes that found another one in their place, where something follows from it. What is no message stays in the
    /// outbox until that is kept: in between, a crash would leave nothing that tells of it.
    displaced: Vec<(Place, ContactId, Purpose)>,
}

impl<S: Store> Engine<S> {
    /// Takes note of every box that is stored everywhere or has met another box of its name. Does nothing if
    /// the store fails; it is called again then.
    pub(super) fn settle(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let settlement = self.settlement(now);
        let changes = match self.settlement_changes(&settlement) {
            Ok(changes) if changes.is_empty() && settlement.displaced.is_empty() => return,
            Ok(changes) => changes,
            Err(error) => return self.count(error.label()),
        };
        if !changes.is_empty() && self.commit(now, changes).is_err() {
            return;
        }
        // A renewal or a publication may have waited for the last of them.
        if !settlement.done.is_empty() {
            self.tend_soon(now + SETTLED_PAUSE);
        }
        for place in settlement.done {
            self.book.outbox.remove(place);
        }
        for (place, tombstone) in settlement.run_out {
            self.book.outbox.insert(place, tombstone);
        }
        (0..settlement.left_out).for_each(|_| self.count("tombstone-left-out"));
        self.parts_moved(now, &settlement.parts);
        for event in settlement.conflicts {
            self.events.push(event);
        }
        for (id, state) in settlement.states {
            let Some(contact) = self.book.set_state(&id, state) else { continue };
            let contact = self.book.name(contact);
            self.events.push(Event::MessageState { contact, message: id, state });
        }
        for (id, standing) in settlement.standings {
            let Some(person) = self.book.people.get_mut(&id) else { continue };
            person.contact.standing = standing;
            if standing == Standing::Taken {
                person.link = Link::Closed;
            }
            let contact = person.contact.name.clone();
            self.events.push(match standing {
                Standing::Taken => Event::InviteTaken { contact },
                _ => Event::ContactEstablished { contact },
            });
        }
        for (place, owner, purpose) in settlement.displaced {
            self.displaced(now, place, owner, purpose, rng);
        }
    }

    fn settlement(&self, now: Timestamp) -> Settlement {
        let outbox = &self.book.outbox;
        let mut settlement = Settlement::default();
        let mut touched = BTreeSet::new();
        for place in outbox.decided() {
            let Some(outgoing) = outbox.get(place) else { continue };
            let is_complete = outbox.is_complete(place);
            if is_complete {
                settlement.done.insert(place);
            }
            let owner = outgoing.owner;
            match (outgoing.purpose, outgoing.conflict()) {
                (Purpose::Answer | Purpose::Bundle, Some(_)) => {
                    settlement.done.insert(place);
                    // Once there is an answer, it does not matter any more what lies in the place of the bundle.
                    let person = self.book.people.get(&owner);
                    if person.is_some_and(|person| person.contact.standing == Standing::Pending) {
                        settlement.standings.insert(owner, Standing::Taken);
                    }
                }
                (Purpose::Answer, None) => {
                    let person = self.book.people.get(&owner);
                    if person.is_some_and(|person| person.contact.is_pending(now)) {
                        settlement.standings.insert(owner, Standing::Established);
                    }
                }
                (Purpose::Message(message), Some(mailbox)) => {
                    if outgoing.is_displaced() {
                        settlement.displaced.push((place, owner, outgoing.purpose));
                    }
                    let known = self.book.message(&message);
                    if known.is_some_and(|(_, message)| {
                        message.state != MessageState::Conflict && !message.state.is_confirmed()
                    }) && settlement.states.insert(message, MessageState::Conflict).is_none()
                    {
                        settlement.conflicts.push(Event::MessageConflict {
                            contact: self.book.name(owner),
                            message,
                            mailbox: mailbox.to_string(),
                        });
                    }
                }
                (Purpose::Message(message), None) => drop(touched.insert((owner, message))),
                (Purpose::Part(..), Some(_)) => {
                    if outgoing.is_displaced() {
                        settlement.displaced.push((place, owner, outgoing.purpose));
                    }
                }
                (Purpose::Part(file, _), None) => drop(settlement.parts.insert((owner, file))),
                (purpose, Some(_)) => {
                    settlement.done.remove(&place);
                    settlement.displaced.push((place, owner, purpose));
                }
                (_, None) => {}
            }
        }
        let cut_off = self.run_out(now, &mut settlement);
        touched.retain(|(_, message)| !cut_off.contains(message));
        for (contact, message) in touched {
            let waits = outbox.of(contact).any(|(place, outgoing)| {
                outgoing.message() == Some(message) && !settlement.done.contains(&place)
            });
            let conflicts = settlement.states.contains_key(&message)
                || self.book.message(&message).is_none_or(|(_, kept)| kept.state == MessageState::Conflict);
            // The other side may have told that it has it before the mailboxes did.
            let confirmed = self.book.message(&message).is_some_and(|(_, kept)| kept.state.is_confirmed());
            if !waits && !conflicts && !confirmed {
                settlement.states.insert(message, MessageState::Stored);
            }
        }
        self.give_up_taken(&mut settlement);
        settlement
    }

    /// Takes note of the boxes that are written no more because they run out. Returns the messages that can never be stored as
    /// a whole: what they waited for is a box that was over before.
    fn run_out(&self, now: Timestamp, settlement: &mut Settlement) -> BTreeSet<MessageId> {
        let outbox = &self.book.outbox;
        let over = outbox.over(now).into_iter().filter(|place| !settlement.done.contains(place));
        let over: Vec<Place> = over.collect();
        let cut_off = over.iter().filter_map(|place| outbox.get(*place)?.message()).collect();
        settlement.done.extend(over);
        let mut room = TOMBSTONES_MAX.saturating_sub(outbox.late());
        for place in &settlement.done {
            let outgoing = outbox.get(*place).filter(|outgoing| outgoing.conflict().is_none());
            let Some(tombstone) = outgoing.and_then(|outgoing| outgoing.tombstone(now)) else { continue };
            if room == 0 {
                settlement.left_out += 1;
                continue;
            }
            room -= 1;
            settlement.run_out.insert(*place, tombstone);
        }
        cut_off
    }

    /// Another box lies where one of ours was to lie that was no message.
    fn displaced(
        &mut self,
        now: Timestamp,
        place: Place,
        owner: ContactId,
        purpose: Purpose,
        rng: &mut impl CryptoRng,
    ) {
        let mut update = Update::of(owner);
        update.gone.push(place);
        let outcome = match purpose {
            // Every mailbox has other bytes under a name that only this session gives: it was used by a copy of it.
            Purpose::Message(_)
            | Purpose::Part(..)
            | Purpose::Lead
            | Purpose::RekeyBundle
            | Purpose::RekeyAnswer => self.rekey_displaced(now, update, owner, purpose, rng),
            Purpose::AddressBundle => self.address_displaced(now, update, owner),
            Purpose::Request => self.ask_elsewhere(now, update, owner, rng),
            _ => {
                self.count("box-displaced");
                self.make(now, update)
            }
        };
        if let Err(error) = outcome {
            self.count(error.label());
        }
    }

    /// Nothing for a contact whose invitation somebody else took up will ever be read.
    fn give_up_taken(&self, settlement: &mut Settlement) {
        for (contact, standing) in &settlement.standings {
            if *standing != Standing::Taken {
                continue;
            }
            for (place, outgoing) in self.book.outbox.owned(*contact) {
                settlement.done.insert(place);
                settlement.run_out.remove(&place);
                if let Some(message) = outgoing.message() {
                    settlement.states.insert(message, MessageState::Conflict);
                }
            }
            if let Some(person) = self.book.people.get(contact) {
                let unsealed = sealing::waiting(&self.book, person);
                settlement.states.extend(unsealed.map(|message| (message.id, MessageState::Conflict)));
            }
        }
    }

    fn settlement_changes(&self, settlement: &Settlement) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        for (id, state) in &settlement.states {
            if let Some((_, message)) = self.book.message(id) {
                let mut message = message.clone();
                message.state = *state;
                changes.push(message.put()?);
            }
        }
        for (id, standing) in &settlement.standings {
            if let Some(person) = self.book.people.get(id) {
                let mut contact = person.contact.clone();
                contact.standing = *standing;
                changes.push(contact.put()?);
                if *standing == Standing::Taken {
                    changes.push(Link::Closed.put(*id)?);
                }
            }
        }
        let done = settlement.done.iter().filter(|place| !settlement.run_out.contains_key(place));
        changes.extend(done.map(|place| Change::Delete { key: place_key(RecordKind::Outbox, *place) }));
        for (place, tombstone) in &settlement.run_out {
            changes.push(tombstone.put(*place)?);
        }
        Ok(changes)
    }

    /// The store may work again: reads it if memory may differ from it, then makes up for what is missing.
    pub(super) fn retry(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.keeper.is_undecided() {
            match Book::load(self.keeper.store(), self.settings.kem) {
                Ok(book) => self.catch_up(book),
                Err(_) => return self.keeper.postpone(now),
            }
            self.keeper.decided(now);
            self.reconsider(now);
        }
        let failures = self.keeper.failures();
        self.settle(now, rng);
        let contacts: Vec<ContactId> = self.book.people.keys().copied().collect();
        for contact in contacts {
            self.collect(now, contact, rng);
        }
        // Nothing may have been left to do; something has to show that the store works.
        if let Ok(change) = self.book.mix.put(Route::Mix)
            && self.commit(now, vec![change]).is_ok()
            && self.keeper.failures() == failures
        {
            self.keeper.recovered(&mut self.events);
        } else {
            self.keeper.postpone(now);
        }
    }

    /// Goes on with the book as the store has it, and tells what the store had taken in meanwhile.
    fn catch_up(&mut self, mut book: Book) {
        if let Some(consensus) = &self.consensus {
            book.outbox.replace(consensus);
        }
        let before = std::mem::replace(&mut self.book, book);
        self.unkept.clear();
        self.files = FileDesk::of(&self.book);
        for person in self.book.people.values() {
            let contact = person.contact.name.clone();
            let standing = before.people.get(&person.contact.id).map(|person| person.contact.standing);
            if person.contact.standing == Standing::Established && standing == Some(Standing::Pending) {
                self.events.push(Event::ContactEstablished { contact: contact.clone() });
            }
            for message in person.messages.values() {
                let known = before.message(&message.id).map(|(_, message)| message.state);
                match (known, message.direction) {
                    (None, Direction::In) => {
                        let message = message.view(&person.contact);
                        self.counters.messages_received = self.counters.messages_received.saturating_add(1);
                        self.events.push(Event::MessageReceived { contact: contact.clone(), message });
                    }
                    (Some(known), Direction::Out) if known != message.state => {
                        let (message, state) = (message.id, message.state);
                        self.events.push(Event::MessageState { contact: contact.clone(), message, state });
                    }
                    _ => {}
                }
            }
        }
    }
}
