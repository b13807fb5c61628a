//! Forgetting somebody, with everything that hangs on them.

use sotto_protocol::time::Timestamp;

use super::asking::asking_key;
use super::bond::bond_key;
use super::book::put_routes;
use super::engine::Engine;
use super::error::EngineError;
use super::file::forget_files;
use super::id::{ContactId, MessageId};
use super::introduction::introduction_key;
use super::ledger::ledger_key;
use super::link::link_key;
use super::message::message_key;
use super::outbox::{Outgoing, Place, place_key};
use super::parcel::Purpose;
use super::renewal::Renewal;
use super::route::Route;
use crate::store::{Change, RecordKey, RecordKind, Store};

impl<S: Store> Engine<S> {
    /// Removes a contact in one commit: keys, messages, and what waits to be sent. Nothing is told to the other side;
    /// `withdrawal` is what takes a bundle away that was laid out for whoever has the link, if one was.
    pub(super) fn forget(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        withdrawal: Option<Outgoing>,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        // What takes a withdrawn bundle away still has to go out, or whoever has the link meets nobody.
        let owned = self.book.outbox.owned(contact);
        let ends = owned.filter(|(_, outgoing)| outgoing.purpose != Purpose::Withdrawal);
        let places: Vec<Place> = ends.map(|(place, _)| place).collect();
        let messages: Vec<MessageId> = person.messages.values().map(|message| message.id).collect();
        let contact_key = RecordKey { kind: RecordKind::Contact, id: *contact.as_bytes() };
        let introductions = self.book.introductions.values().filter(|one| one.concerns(contact));
        let introductions: Vec<ContactId> = introductions.map(|one| one.id).collect();
        let keys =
            [contact_key, link_key(contact), bond_key(contact), asking_key(contact), ledger_key(contact)]
                .into_iter();
        let boxes = places.iter().map(|place| place_key(RecordKind::Outbox, *place));
        let texts = messages.iter().map(|id| message_key(*id));
        let introduced = introductions.iter().map(|id| introduction_key(*id));
        let parts = person.inbox.parts.iter().copied();
        let mut changes: Vec<Change> = keys
            .chain(boxes)
            .chain(texts)
            .chain(introduced)
            .chain(parts)
            .map(|key| Change::Delete { key })
            .collect();
        changes.extend(forget_files(person.transfers.values()));
        changes.push(Renewal::change(None, contact)?);
        changes.push(put_routes(contact, None)?);
        let withdrawal = withdrawal.map(|outgoing| (withdrawal_place(contact), outgoing));
        if let Some((place, outgoing)) = &withdrawal {
            changes.push(outgoing.put(*place)?);
        }
        self.commit(now, changes)?;
        for place in places {
            self.book.outbox.remove(place);
        }
        if let Some((place, outgoing)) = withdrawal {
            self.book.outbox.insert(place, outgoing);
        }
        for id in messages {
            self.book.drop_message(&id);
        }
        for id in introductions {
            self.book.introductions.remove(&id);
        }
        for route in Route::ALL {
            let lane = self.lanes.get_mut(route);
            if let Some(circuits) = lane.circuits_mut() {
                circuits.leave(contact);
            }
            for work in lane.outstanding.release(contact) {
                self.abandoned(route, work);
            }
        }
        self.book.people.remove(&contact);
        self.book.watches.retain(|_, watch| watch.owner != contact);
        self.in_use.remove(&contact);
        Ok(())
    }
}

/// Where the tombstone of an invitation's bundle waits: a number of its own, so that what a mailbox said of the bundle
/// does not count for the tombstone.
pub(super) const fn withdrawal_place(contact: ContactId) -> Place {
    (contact, 1)
}
