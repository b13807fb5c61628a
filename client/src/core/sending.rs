//! What a user asks for: invitations and messages.
//!
//! Each is kept in one commit, sealed boxes and advanced stream included, before anything of it can leave.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::contact::{Contact, Side, Streams, check_name};
use super::engine::Engine;
use super::error::EngineError;
use super::fragment::{KIND_HELLO, KIND_TEXT, fragment_count, split};
use super::id::{ContactId, MessageId};
use super::invite::{Invite, InviteError};
use super::limits::{CONTACTS_MAX, OUTBOX_BOXES_MAX, TEXT_LEN_MAX};
use super::message::{Body, Direction, Message, MessageState};
use super::outbox::{Outgoing, Place};
use super::view::ContactState;
use crate::store::{Change, Store};

impl<S: Store> Engine<S> {
    /// Makes an invitation that holds for `ttl`, and a contact of this name that is pending until somebody
    /// has taken it up. Messages to it can be sent at once.
    ///
    /// # Errors
    /// [`EngineError`]; then no contact was made.
    pub fn create_invite(
        &mut self,
        now: Timestamp,
        name: &str,
        ttl: Duration,
        rng: &mut impl CryptoRng,
    ) -> Result<Invite, EngineError> {
        self.advance_clock(now);
        self.check_new_name(name)?;
        let invite = Invite::generate(now, ttl, rng)?;
        let contact = Contact::new(ContactId::generate(rng), name, Side::Inviter, &invite);
        let streams = Streams::new(&invite, Side::Inviter);
        let changes = vec![contact.put()?, Streams::put(contact.id, &streams.write, &streams.read)?];
        self.commit(now, changes)?;
        self.book.people.insert(contact.id, Person::new(contact, streams));
        self.reconsider(now);
        Ok(invite)
    }

    /// Takes up an invitation: makes a contact of this name and queues the answer to the invitation.
    ///
    /// # Errors
    /// [`EngineError`]; then no contact was made.
    pub fn accept_invite(
        &mut self,
        now: Timestamp,
        link: &str,
        name: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<ContactId, EngineError> {
        self.advance_clock(now);
        let invite = Invite::parse(link)?;
        let known = self.book.people.values().find(|person| person.contact.invite_tag == invite.tag());
        match known.map(|person| person.contact.side) {
            Some(Side::Inviter) => return Err(InviteError::Own.into()),
            Some(Side::Joiner) => return Err(InviteError::Used.into()),
            None if now >= invite.expires() => return Err(InviteError::Expired.into()),
            None => {}
        }
        self.check_new_name(name)?;
        self.check_room(1)?;
        let contact = Contact::new(ContactId::generate(rng), name, Side::Joiner, &invite);
        let mut streams = Streams::new(&invite, Side::Joiner);
        let boxes = seal(&mut streams.write, contact.id, None, KIND_HELLO, &[], rng)?;
        let mut changes = vec![contact.put()?, Streams::put(contact.id, &streams.write, &streams.read)?];
        put_boxes(&boxes, &mut changes)?;
        self.commit(now, changes)?;
        let id = contact.id;
        self.book.people.insert(id, Person::new(contact, streams));
        self.queue(boxes);
        self.reconsider(now);
        Ok(id)
    }

    /// Queues a text of at most [`TEXT_LEN_MAX`] bytes. When this returns, text and sealed boxes are kept,
    /// and a crash at any later moment does not keep the message from being sent, once.
    ///
    /// # Errors
    /// [`EngineError`]; then nothing is kept and nothing will be sent. The one exception is a store that
    /// can neither be written nor read any more: [`EngineError::Store`] then leaves open whether the
    /// message was kept, and [`Engine::messages`] tells once the store works again.
    pub fn send_text(
        &mut self,
        now: Timestamp,
        contact: &str,
        text: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        if text.len() > TEXT_LEN_MAX {
            return Err(EngineError::TextTooLong { len: text.len(), len_max: TEXT_LEN_MAX });
        }
        self.check_room(fragment_count(text.len()))?;
        let person = self.book.named(contact)?;
        match person.contact.state(now) {
            ContactState::Pending | ContactState::Established => {}
            ContactState::Expired => return Err(EngineError::ContactExpired(contact.to_owned())),
            ContactState::Taken => return Err(EngineError::ContactTaken(contact.to_owned())),
        }
        let id = MessageId::generate(rng);
        let contact_id = person.contact.id;
        let message = Message {
            id,
            contact: contact_id,
            seq: person.next_seq(),
            direction: Direction::Out,
            at_ms: now.as_millis(),
            state: MessageState::Queued,
            body: Body::Text(text.to_owned()),
        };
        let mut write = person.streams.writer()?;
        let boxes = seal(&mut write, contact_id, Some(id), KIND_TEXT, text.as_bytes(), rng)?;
        let mut changes = vec![message.put()?, Streams::put(contact_id, &write, &person.streams.read)?];
        put_boxes(&boxes, &mut changes)?;
        self.commit(now, changes)?;
        if let Some(person) = self.book.people.get_mut(&contact_id) {
            person.streams.write = write;
        }
        self.book.keep_message(message)?;
        self.queue(boxes);
        Ok(id)
    }

    /// Notes that the user has seen the conversation up to message number `seq`.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`].
    pub fn mark_read(&mut self, now: Timestamp, contact: &str, seq: u64) -> Result<(), EngineError> {
        self.advance_clock(now);
        let mut contact = self.book.named(contact)?.contact.clone();
        if seq <= contact.seen_seq {
            return Ok(());
        }
        contact.seen_seq = seq;
        self.commit(now, vec![contact.put()?])?;
        if let Some(person) = self.book.people.get_mut(&contact.id) {
            person.contact = contact;
        }
        Ok(())
    }

    fn check_new_name(&self, name: &str) -> Result<(), EngineError> {
        check_name(name)?;
        if self.book.named(name).is_ok() {
            return Err(EngineError::NameTaken(name.to_owned()));
        }
        if self.book.people.len() >= CONTACTS_MAX {
            return Err(EngineError::ContactsFull);
        }
        Ok(())
    }

    fn check_room(&self, boxes: usize) -> Result<(), EngineError> {
        if self.book.outbox.len().saturating_add(boxes) > OUTBOX_BOXES_MAX {
            return Err(EngineError::OutboxFull);
        }
        Ok(())
    }

    fn queue(&mut self, boxes: Vec<(Place, Outgoing)>) {
        for (place, outgoing) in boxes {
            self.book.outbox.insert(place, outgoing);
        }
    }
}

/// Seals a message into boxes of the stream and advances it.
fn seal(
    write: &mut WriteCap,
    contact: ContactId,
    message: Option<MessageId>,
    kind: u8,
    content: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<(Place, Outgoing)>, EngineError> {
    let texts = split(kind, content).map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
    texts
        .iter()
        .map(|text| {
            let place = (contact, write.index());
            let sealed =
                write.seal_next(text, rng).map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
            Ok((place, Outgoing::new(message, sealed)))
        })
        .collect()
}

fn put_boxes(boxes: &[(Place, Outgoing)], changes: &mut Vec<Change>) -> Result<(), EngineError> {
    for (place, outgoing) in boxes {
        changes.push(outgoing.put(*place)?);
    }
    Ok(())
}
