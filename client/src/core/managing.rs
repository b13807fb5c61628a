//! What a user does with somebody who is a contact already: gives another name, mutes, blocks, deletes.
//!
//! None of it is told to the other side, and no packet leaves because of it or stays away: blocking changes only what
//! the packets hold. What a deletion takes along is in [`super::forgetting`].

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::contact::{Contact, check_person_name};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::id::ContactId;
use super::link::Link;
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::update::Update;
use super::view::DeletionView;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Gives a contact another name. It is the same contact: what waits for it goes on waiting, and what it writes comes
    /// under the new name.
    ///
    /// # Errors
    /// [`EngineError::NameInvalid`], [`EngineError::NameReserved`], [`EngineError::NameTaken`] if any other contact has
    /// the name, whatever has become of it; [`EngineError::NamePromised`]; [`EngineError::ContactUnknown`], [`EngineError::NotAPerson`] or
    /// [`EngineError::Store`].
    pub fn rename(&mut self, now: Timestamp, contact: &str, name: &str) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.somebody(contact)?;
        if contact == name {
            return Ok(());
        }
        check_person_name(name)?;
        if self.book.named(name).is_ok() {
            return Err(EngineError::NameTaken(name.to_owned()));
        }
        self.check_not_promised(name, None)?;
        let mut update = Update::of(person.contact.id);
        update.contact = Some(Contact { name: name.to_owned(), ..person.contact.clone() });
        update.events.push(Event::ContactRenamed { contact: name.to_owned(), before: contact.to_owned() });
        self.make(now, update)
    }

    /// Mutes a contact, or takes that back. Its messages come as before, and say that it is muted.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::NotAPerson`] or [`EngineError::Store`].
    pub fn set_muted(&mut self, now: Timestamp, contact: &str, muted: bool) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.somebody(contact)?;
        if person.contact.muted == muted {
            return Ok(());
        }
        let mut update = Update::of(person.contact.id);
        update.contact = Some(Contact { muted, ..person.contact.clone() });
        update.events.push(Event::ContactMuted { contact: contact.to_owned(), muted });
        self.make(now, update)
    }

    /// Blocks a contact, or takes that back. While it is blocked nothing is read of it, keys and answers on their way
    /// included, and nothing is written to it: what waits goes on waiting. Only the withdrawal of an invitation goes out
    /// all the same. Once it is not blocked any more, reading and writing go on where they stopped.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::NotAPerson`] or [`EngineError::Store`].
    pub fn set_blocked(
        &mut self,
        now: Timestamp,
        contact: &str,
        blocked: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.somebody(contact)?;
        if person.contact.blocked == blocked {
            return Ok(());
        }
        let id = person.contact.id;
        let mut update = Update::of(id);
        update.contact = Some(Contact { blocked, ..person.contact.clone() });
        update.events.push(Event::ContactBlocked { contact: contact.to_owned(), blocked });
        self.make(now, update)?;
        if blocked {
            self.book.watches.retain(|_, watch| watch.owner != id);
        } else {
            // Boxes that a failing store had not taken in are still in memory, and are not asked for again.
            self.collect(now, id, rng);
            self.tend_soon(now);
        }
        Ok(())
    }

    /// Whether this is a contact that the user has blocked.
    pub(super) fn is_blocked(&self, contact: ContactId) -> bool {
        self.book.people.get(&contact).is_some_and(|person| person.contact.blocked)
    }

    /// Deletes a contact with everything that belongs to it: keys, messages, what waits to be sent. The other side is not
    /// told; an invitation that nobody has answered is withdrawn. The notes are deleted in the same way.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`]: then everything is still there.
    pub fn delete_contact(&mut self, now: Timestamp, contact: &str) -> Result<DeletionView, EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        let withdrawal = match (&person.link, person.contact.is_pending(now)) {
            (Link::Offered(offered), true) => {
                let tombstone = Parcel::Tombstone(offered.withdrawal.tombstone());
                Some(Outgoing::new(person.contact.id, Purpose::Withdrawal, tombstone))
            }
            _ => None,
        };
        let deletion = DeletionView {
            contact: contact.to_owned(),
            messages: u64::try_from(person.messages.len()).unwrap_or(u64::MAX),
            queued: person.queued(),
            withdrawn: withdrawal.is_some(),
        };
        self.forget(now, person.contact.id, withdrawal)?;
        self.events.push(Event::ContactDeleted { contact: contact.to_owned() });
        self.reconsider(now);
        Ok(deletion)
    }
}
