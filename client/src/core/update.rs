//! What is to become of one person: kept in one commit, and made in memory after it.
//!
//! Whatever changes keys and places changes them together, or a crash in between would use one of them twice. What
//! the changes are is decided elsewhere; nothing here looks at them.

use sotto_protocol::time::Timestamp;

use super::bond::Bond;
use super::contact::Contact;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::file::{Transfer, forget_files};
use super::id::{ContactId, MessageId};
use super::introduction::{IntroductionChanges, put_all};
use super::ledger::Ledger;
use super::link::Link;
use super::message::{Message, message_key};
use super::outbox::{Outgoing, Place, place_key};
use super::renewal::Renewal;
use crate::store::{Change, RecordKind, Store, StoreError};

/// The changes of one person; what is `None` or empty stays as it is.
pub(crate) struct Update {
    id: ContactId,
    pub(crate) contact: Option<Contact>,
    pub(crate) link: Option<Link>,
    pub(crate) bond: Option<Bond>,
    pub(crate) ledger: Option<Ledger>,
    /// Keys that are to begin a new session; `Some(None)` when they have, or never will.
    pub(crate) renewal: Option<Option<Renewal>>,
    /// Boxes that are to be sent.
    pub(crate) boxes: Vec<(Place, Outgoing)>,
    /// Boxes that are not to be sent any more.
    pub(crate) gone: Vec<Place>,
    /// Messages, new or changed.
    pub(crate) messages: Vec<Message>,
    /// Messages that are not kept any longer.
    pub(crate) removed: Vec<MessageId>,
    /// Files, as they are then.
    pub(crate) transfers: Vec<Transfer>,
    /// Whether a message that has begun to come is given up.
    pub(crate) cuts_off: bool,
    /// Introductions, new or changed; `None` for those that go.
    pub(crate) introductions: IntroductionChanges,
    /// Whatever else is kept in the same commit.
    pub(crate) changes: Vec<Change>,
    /// What is told once it is kept.
    pub(crate) events: Vec<Event>,
}

impl Update {
    /// No change yet.
    pub(crate) const fn of(id: ContactId) -> Self {
        Self {
            id,
            contact: None,
            link: None,
            bond: None,
            ledger: None,
            renewal: None,
            boxes: Vec::new(),
            gone: Vec::new(),
            messages: Vec::new(),
            removed: Vec::new(),
            transfers: Vec::new(),
            cuts_off: false,
            introductions: IntroductionChanges::new(),
            changes: Vec::new(),
            events: Vec::new(),
        }
    }

    fn changes(&mut self) -> Result<Vec<Change>, StoreError> {
        let mut changes = std::mem::take(&mut self.changes);
        changes.extend(self.contact.as_ref().map(Contact::put).transpose()?);
        changes.extend(self.link.as_ref().map(|link| link.put(self.id)).transpose()?);
        changes.extend(self.bond.as_ref().map(|bond| bond.put(self.id)).transpose()?);
        changes.extend(self.ledger.as_ref().map(|ledger| ledger.put(self.id)).transpose()?);
        if let Some(renewal) = &self.renewal {
            changes.push(Renewal::change(renewal.as_ref(), self.id)?);
        }
        let gone = self.gone.iter().map(|place| place_key(RecordKind::Outbox, *place));
        changes.extend(gone.map(|key| Change::Delete { key }));
        for (place, outgoing) in &self.boxes {
            changes.push(outgoing.put(*place)?);
        }
        for message in &self.messages {
            changes.push(message.put()?);
        }
        for transfer in &self.transfers {
            changes.push(transfer.put()?);
        }
        let removed = self.removed.iter().map(|id| message_key(*id));
        changes.extend(removed.map(|key| Change::Delete { key }));
        changes.extend(put_all(&self.introductions)?);
        Ok(changes)
    }
}

impl<S: Store> Engine<S> {
    /// Keeps the changes of a person that is in the book, and makes them.
    ///
    /// # Errors
    /// [`EngineError::Store`]: nothing has changed, or it is undecided and everything will be read anew.
    pub(super) fn make(&mut self, now: Timestamp, update: Update) -> Result<(), EngineError> {
        self.make_all(now, vec![update])
    }

    /// The same for several people, in one commit.
    ///
    /// # Errors
    /// As [`Engine::make`].
    pub(super) fn make_all(&mut self, now: Timestamp, updates: Vec<Update>) -> Result<(), EngineError> {
        let mut changes = Vec::new();
        let mut followed = Vec::with_capacity(updates.len());
        for mut update in updates {
            changes.append(&mut update.changes()?);
            let gone = self.book.files_gone(&update.removed, &update.messages, &update.transfers);
            changes.extend(forget_files(gone.iter()));
            followed.push((update, gone));
        }
        self.commit(now, changes)?;
        followed.into_iter().try_for_each(|(update, gone)| self.follow(now, update, &gone))
    }

    /// Makes the changes in memory.
    fn follow(&mut self, now: Timestamp, update: Update, gone: &[Transfer]) -> Result<(), EngineError> {
        let is_turning_point = update.contact.is_some();
        if let Some(person) = self.book.people.get_mut(&update.id) {
            person.contact = update.contact.unwrap_or_else(|| person.contact.clone());
            person.bond = update.bond.or_else(|| person.bond.take());
            person.ledger = update.ledger.unwrap_or_else(|| std::mem::take(&mut person.ledger));
            person.renewal = update.renewal.unwrap_or_else(|| person.renewal.take());
            if !update.transfers.is_empty() {
                self.files.wake(now);
            }
            person.transfers.extend(update.transfers.into_iter().map(|transfer| (transfer.id, transfer)));
            for transfer in gone {
                person.transfers.remove(&transfer.id);
            }
            person.expect_parts();
            if update.cuts_off {
                person.inbox.reassembly.give_up();
                person.inbox.parts.clear();
            }
            if let Some(link) = update.link {
                person.link = link;
                if let Some(reader) = person.link.reader() {
                    person.inbox.advance_to(reader.index());
                }
            }
        }
        for place in update.gone {
            self.book.outbox.remove(place);
        }
        for (place, outgoing) in update.boxes {
            self.book.outbox.insert(place, outgoing);
        }
        for message in update.messages {
            self.unkept.remove(&message.id);
            self.book.keep_message(message)?;
        }
        for id in update.removed {
            self.unkept.remove(&id);
            self.book.drop_message(&id);
        }
        for (id, introduction) in update.introductions {
            match introduction {
                Some(introduction) => drop(self.book.introductions.insert(id, introduction)),
                None => drop(self.book.introductions.remove(&id)),
            }
        }
        for event in update.events {
            self.events.push(event);
        }
        if is_turning_point {
            self.reconsider(now);
        }
        Ok(())
    }
}
