//! What becomes of boxes once their replicas have answered, and what is made up for when the store works again.

use std::collections::{BTreeMap, BTreeSet};

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Book;
use super::contact::Standing;
use super::engine::Engine;
use super::event::Event;
use super::id::{ContactId, MessageId};
use super::message::{Direction, MessageState};
use super::outbox::{Place, place_key};
use super::route::Route;
use crate::store::{Change, RecordKind, Store, StoreError};

/// What the answers amount to, before it is kept.
#[derive(Default)]
struct Settlement {
    /// Boxes that need not wait any longer.
    done: BTreeSet<Place>,
    /// New states of messages.
    states: BTreeMap<MessageId, MessageState>,
    /// New standings of contacts.
    standings: BTreeMap<ContactId, Standing>,
    /// What to tell of conflicts.
    conflicts: Vec<Event>,
}

impl<S: Store> Engine<S> {
    /// Takes note of every box that is stored everywhere or has met another box of its name. Does nothing if
    /// the store fails; it is called again then.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let settlement = self.settlement(now);
        let changes = match self.settlement_changes(&settlement) {
            Ok(changes) if changes.is_empty() => return,
            Ok(changes) => changes,
            Err(error) => return self.count(error.label()),
        };
        if self.commit(now, changes).is_err() {
            return;
        }
        for place in settlement.done {
            self.book.outbox.remove(place);
        }
        for event in settlement.conflicts {
            self.events.push(event);
        }
        for (id, state) in settlement.states {
            let Some(message) = self.book.message_mut(&id) else { continue };
            message.state = state;
            let contact = message.contact;
            let contact = self.book.name(contact);
            self.events.push(Event::MessageState { contact, message: id, state });
        }
        for (id, standing) in settlement.standings {
            let Some(person) = self.book.people.get_mut(&id) else { continue };
            person.contact.standing = standing;
            let contact = person.contact.name.clone();
            self.events.push(match standing {
                Standing::Taken => Event::InviteTaken { contact },
                Standing::Established | Standing::Pending => Event::ContactEstablished { contact },
            });
        }
    }

    fn settlement(&self, now: Timestamp) -> Settlement {
        let outbox = &self.book.outbox;
        let mut settlement = Settlement::default();
        let mut touched = BTreeSet::new();
        for place in outbox.decided() {
            let Some(outgoing) = outbox.get(place) else { continue };
            if outbox.is_complete(place) {
                settlement.done.insert(place);
            }
            match (outgoing.message, outgoing.conflict()) {
                (None, conflict) => {
                    let Some(person) = self.book.people.get(&place.0) else { continue };
                    if conflict.is_some() {
                        settlement.standings.insert(place.0, Standing::Taken);
                    } else if person.contact.standing == Standing::Pending && person.contact.is_live(now) {
                        settlement.standings.insert(place.0, Standing::Established);
                    }
                }
                (Some(message), Some(mailbox)) => {
                    let known = self.book.message(&message);
                    if known.is_some_and(|(_, message)| message.state != MessageState::Conflict)
                        && settlement.states.insert(message, MessageState::Conflict).is_none()
                    {
                        settlement.conflicts.push(Event::MessageConflict {
                            contact: self.book.name(place.0),
                            message,
                            mailbox: mailbox.to_string(),
                        });
                    }
                }
                (Some(message), None) => drop(touched.insert((place.0, message))),
            }
        }
        for (contact, message) in touched {
            let waits = outbox.of(contact).any(|(place, outgoing)| {
                outgoing.message == Some(message) && !settlement.done.contains(&place)
            });
            let conflicts = settlement.states.contains_key(&message)
                || self.book.message(&message).is_none_or(|(_, kept)| kept.state == MessageState::Conflict);
            if !waits && !conflicts {
                settlement.states.insert(message, MessageState::Stored);
            }
        }
        self.give_up_taken(&mut settlement);
        settlement
    }

    /// Nothing for a contact whose invitation somebody else took up will ever be read.
    fn give_up_taken(&self, settlement: &mut Settlement) {
        for (contact, standing) in &settlement.standings {
            if *standing != Standing::Taken {
                continue;
            }
            for (place, outgoing) in self.book.outbox.of(*contact) {
                settlement.done.insert(place);
                if let Some(message) = outgoing.message {
                    settlement.states.insert(message, MessageState::Conflict);
                }
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
            }
        }
        let done = settlement.done.iter();
        changes.extend(done.map(|place| Change::Delete { key: place_key(RecordKind::Outbox, *place) }));
        Ok(changes)
    }

    /// The store may work again: reads it if memory may differ from it, then makes up for what is missing.
    pub(super) fn retry(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.keeper.is_undecided() {
            match Book::load(self.keeper.store()) {
                Ok(book) => self.catch_up(book),
                Err(_) => return self.keeper.postpone(now),
            }
            self.keeper.decided(now);
            self.reconsider(now);
        }
        let failures = self.keeper.failures();
        self.settle(now);
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
                        let message = message.view(&contact);
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
