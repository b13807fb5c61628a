//! What of a profile goes into a backup, and what a profile is made from again.
//!
//! A backup has people with their lasting keys, their messages, the notes, addresses and the chosen entries. It has no session, no place
//! in a stream, no sealed box and no keys that were laid out: two devices that went on from one state would use keys
//! twice. A restored profile begins a new session with everybody instead ([`super::renewing`]). How a backup is
//! encrypted is in [`crate::backup`].

use rand::CryptoRng;

use super::address::Address;
use super::bond::{Bond, bond_key};
use super::book::put_routes;
use super::contact::{Contact, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::id::ContactId;
use super::ledger::Ledger;
use super::link::Link;
use super::message::{Direction, Message, MessageState};
use super::renewal::{Before, Renewal};
use super::route::Route;
use crate::session::Offer;
use crate::store::{Change, Record, RecordKind, Store, StoreError, record};

impl<S: Store> Engine<S> {
    /// The records of a backup. Invitations and requests that nobody has answered are not among them.
    ///
    /// # Errors
    /// [`EngineError::Store`] if a record cannot be encoded.
    pub fn backup(&self) -> Result<Vec<Record>, EngineError> {
        let mut changes = Vec::new();
        for route in [Route::Mix, Route::TorMix] {
            changes.push(self.book.profile(route).put(route)?);
        }
        for person in self.book.people.values() {
            match &person.bond {
                Some(bond) => changes.push(bond.put(person.contact.id)?),
                None if person.contact.is_notes() => {}
                None => continue,
            }
            changes.push(person.contact.put()?);
            changes.extend(
                person
                    .routes
                    .as_ref()
                    .map(|routes| put_routes(person.contact.id, Some(routes)))
                    .transpose()?,
            );
            changes.push(person.ledger.put(person.contact.id)?);
            // What goes by being read may be read after the backup was made: it would come back.
            let lasting = |message: &&Message| {
                !message.disappearing.read_once && message.disappearing.visible_for_s == 0
            };
            for message in person.messages.values().filter(lasting) {
                changes.push(message.put()?);
            }
        }
        for address in self.book.addresses.values() {
            changes.push(address.without_keys().put()?);
        }
        let record = |change| match change {
            Change::Put { key, value } => Some((key, value)),
            Change::Delete { .. } => None,
        };
        Ok(changes.into_iter().filter_map(record).collect())
    }
}

/// The changes that make a profile from the records of a backup, in an empty store. With everybody a new session is to
/// begin.
///
/// # Errors
/// [`StoreError::Damaged`] if a record is of a kind that no backup has, or cannot be read.
pub fn restored(records: Vec<Record>, rng: &mut impl CryptoRng) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::with_capacity(records.len());
    for (key, value) in records {
        match key.kind {
            RecordKind::Profile | RecordKind::Routes => changes.push(Change::Put { key, value }),
            RecordKind::Address => changes.push(Address::decode(&value)?.without_keys().put()?),
            RecordKind::Contact => {
                let mut contact: Contact = record::decode(&value)?;
                // Who has a bond has met; what the request or the answer waited for is for the new session to tell.
                contact.standing = Standing::Established;
                if contact.is_notes() {
                    changes.push(Link::Closed.put(contact.id)?);
                }
                changes.push(contact.put()?);
            }
            RecordKind::Bond => {
                let (contact, bond) = (ContactId::from_bytes(key.id), Bond::decode(&value)?);
                let renewal = Renewal::new(Offer::new(bond.own.clone(), rng), Before::Lost);
                changes.push(Change::Put { key: bond_key(contact), value });
                changes.push(Link::Closed.put(contact)?);
                changes.push(Renewal::change(Some(&renewal), contact)?);
            }
            RecordKind::Message => {
                let mut message: Message = record::decode(&value)?;
                let is_open = matches!(message.state, MessageState::Queued | MessageState::Released);
                if message.direction == Direction::Out && is_open {
                    message.state = MessageState::Unconfirmed;
                }
                changes.push(message.put()?);
            }
            RecordKind::Ledger => {
                let ledger: Ledger = record::decode(&value)?;
                changes.push(ledger.restored().put(ContactId::from_bytes(key.id))?);
            }
            RecordKind::Link
            | RecordKind::Outbox
            | RecordKind::Inbox
            | RecordKind::Request
            | RecordKind::Asking
            | RecordKind::Renewal
            | RecordKind::Chunk
            | RecordKind::Transfer
            | RecordKind::Introduction => {
                return Err(StoreError::Damaged("a record that no backup has".into()));
            }
        }
    }
    Ok(changes)
}
