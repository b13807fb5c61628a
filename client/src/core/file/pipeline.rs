//! Parts on their way out: sealed a few boxes ahead of the slots that carry them.
//!
//! While fewer than [`PARTS_WAITING_MAX`] boxes of a contact's files wait for a slot, so many more are sealed, in one
//! commit with the session. Boxes whose answer is awaited do not count, so that the slots are full however long the round
//! trip is, and a text that is written meanwhile waits for few boxes only. One file goes after the other.

use std::collections::BTreeSet;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::part::Part;
use super::transfer::{BLOCK_PARTS, Owed, Stage, Transfer};
use crate::core::book::Person;
use crate::core::engine::Engine;
use crate::core::error::EngineError;
use crate::core::event::Event;
use crate::core::id::{ContactId, MessageId};
use crate::core::letter::Name;
use crate::core::limits::{OUTBOX_BOXES_MAX, PARTS_UNSETTLED_MAX, PARTS_WAITING_MAX};
use crate::core::link::Link;
use crate::core::message::{Direction, Message};
use crate::core::outbox::Replica;
use crate::core::parcel::Purpose;
use crate::core::sealing::{seal_texts, takes_letters};
use crate::core::update::Update;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Seals the next parts of somebody's file, if there is room. Whether there was.
    pub(super) fn seal_parts(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, EngineError> {
        let sends = |person: &&Person| takes_letters(person, now) && next_file(person).is_some();
        let people = self.book.people.values().filter(sends).map(|person| person.contact.id);
        let contacts: Vec<ContactId> = people.filter(|contact| self.has_room(now, *contact)).collect();
        let Some(contact) = contacts.first() else { return Ok(false) };
        let Some(person) = self.book.people.get(contact) else { return Ok(false) };
        let (Some(transfer), Some(live)) = (next_file(person), person.link.live()) else { return Ok(false) };
        let message = person.messages.get(&transfer.seq);
        let until = message.and_then(Message::exists_until);
        let Some(name) = message.and_then(|message| message.name) else { return Ok(false) };
        let (mut transfer, mut live) = (transfer.clone(), live.draft()?);
        let mut update = Update::of(*contact);
        for index in self.next_parts(&mut transfer) {
            let Some(text) = self.part(&transfer, name, index)? else {
                return self.file_is_gone(now, transfer);
            };
            let (purpose, texts) = (Purpose::Part(transfer.id, index), [text]);
            update.boxes.extend(seal_texts(&mut live, now, *contact, purpose, &texts, until, rng)?);
            transfer.open.remove(index);
        }
        update.transfers.push(transfer);
        update.link = Some(Link::Live(Box::new(live)));
        self.make(now, update)?;
        Ok(true)
    }

    /// Whether more parts can be sealed for a contact.
    fn has_room(&self, now: Timestamp, contact: ContactId) -> bool {
        let boxes = self.book.outbox.of(contact).map(|(_, outgoing)| outgoing);
        let parts = boxes.filter(|outgoing| matches!(outgoing.purpose, Purpose::Part(..)));
        let (mut waiting, mut unsettled) = (0usize, 0usize);
        for outgoing in parts {
            let waits = |replica: &Replica| matches!(replica, Replica::Waiting { not_before, .. } if *not_before <= now);
            let is_waiting = outgoing.replicas().is_empty() || outgoing.replicas().values().any(waits);
            waiting = waiting.saturating_add(usize::from(is_waiting));
            unsettled = unsettled.saturating_add(1);
        }
        waiting < PARTS_WAITING_MAX
            && unsettled < PARTS_UNSETTLED_MAX
            && self.book.outbox.len() < OUTBOX_BOXES_MAX
            && !self.files.held.contains_key(&contact)
    }

    /// The next parts that are not on their way already. Those that are need not go again.
    fn next_parts(&self, transfer: &mut Transfer) -> Vec<u32> {
        let boxes = self.book.outbox.of(transfer.contact).map(|(_, outgoing)| outgoing.purpose);
        let on_their_way: BTreeSet<u32> = boxes
            .filter_map(|purpose| match purpose {
                Purpose::Part(id, index) if id == transfer.id => Some(index),
                _ => None,
            })
            .collect();
        on_their_way.iter().for_each(|index| transfer.open.remove(*index));
        transfer.open.iter().take(PARTS_WAITING_MAX).collect()
    }

    /// The content of the envelope of one part; none if its bytes are gone.
    fn part(
        &self,
        transfer: &Transfer,
        file: Name,
        index: u32,
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, EngineError> {
        let Some(block) = transfer.block(self.keeper.store(), index / BLOCK_PARTS)? else { return Ok(None) };
        let begin = usize::try_from(index % BLOCK_PARTS).unwrap_or(0).saturating_mul(super::part::PART_LEN);
        let end = begin.saturating_add(transfer.part_len(index));
        Ok(block.get(begin..end).map(|bytes| Part { file, index, bytes }.to_bytes()))
    }

    /// The bytes of a file that is wanted are not here: the other side is told.
    fn file_is_gone(&mut self, now: Timestamp, mut transfer: Transfer) -> Result<bool, EngineError> {
        transfer.stage = Stage::Gone;
        transfer.owed = Some(Owed::Cancelled);
        let mut update = Update::of(transfer.contact);
        let (contact, label) = (self.book.name(transfer.contact), "file-gone".to_owned());
        update.events.push(Event::FileFailed { contact, seq: transfer.seq, label });
        update.changes.extend(transfer.drop_bytes());
        update.transfers.push(transfer);
        self.make(now, update)?;
        Ok(true)
    }

    /// Boxes of parts of these files are stored: the next ones may follow.
    pub(in crate::core) fn parts_moved(&mut self, now: Timestamp, parts: &BTreeSet<(ContactId, MessageId)>) {
        for (contact, file) in parts {
            self.tell_progress(now, *contact, &[*file]);
        }
        if !parts.is_empty() {
            self.files.wake(now);
        }
    }
}

/// The file of a person that is sent at present: the earliest.
fn next_file(person: &Person) -> Option<&Transfer> {
    let sends = |transfer: &&Transfer| {
        transfer.direction == Direction::Out && transfer.stage == Stage::Running && !transfer.open.is_empty()
    };
    person.transfers.values().filter(sends).min_by_key(|transfer| transfer.seq)
}
