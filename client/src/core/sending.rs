//! Messages that a user sends, and what a user has seen.
//!
//! Each is kept in one commit, sealed boxes and advanced session included, before anything of it can leave.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::error::EngineError;
use super::fragment::fragment_count;
use super::id::MessageId;
use super::limits::{OUTBOX_BOXES_MAX, TEXT_LEN_MAX};
use super::link::Link;
use super::message::{Body, Direction, Message, MessageState};
use super::parcel::Purpose;
use super::sealing::{self, can_seal};
use super::trust::Trust;
use super::update::Update;
use super::view::ContactState;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Queues a text of at most [`TEXT_LEN_MAX`] bytes. When this returns, the text is kept, and its sealed boxes with
    /// it if there is a session; a crash at any later moment does not keep the message from being sent, once.
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
            ContactState::Revoked => return Err(EngineError::ContactRevoked(contact.to_owned())),
            ContactState::Spoiled => return Err(EngineError::ContactSpoiled(contact.to_owned())),
        }
        if person.contact.trust == Trust::Changed {
            return Err(EngineError::ContactChanged(contact.to_owned()));
        }
        let id = MessageId::generate(rng);
        let message = Message {
            id,
            contact: person.contact.id,
            seq: person.next_seq(),
            direction: Direction::Out,
            at_ms: now.as_millis(),
            state: MessageState::Queued,
            body: Body::Text(text.to_owned()),
        };
        let mut update = Update::of(person.contact.id);
        if let (true, Some(live), Some(content)) =
            (can_seal(person), person.link.live(), sealing::content(&message))
        {
            let mut live = live.draft()?;
            let purpose = Purpose::Message(id);
            update.boxes = sealing::seal(&mut live, now, person.contact.id, purpose, content, rng)?;
            update.link = Some(Link::Live(Box::new(live)));
        }
        update.messages.push(message);
        self.make(now, update)?;
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
        self.book.see(contact);
        Ok(())
    }

    /// Whether so many boxes more can wait. What waits for a session counts as if it was sealed.
    pub(super) fn check_room(&self, boxes: usize) -> Result<(), EngineError> {
        let unsealed: usize = self
            .book
            .people
            .values()
            .filter(|person| person.queued() > 0 && !can_seal(person))
            .flat_map(|person| sealing::waiting(&self.book, person))
            .filter_map(sealing::content)
            .map(|(_, bytes)| fragment_count(bytes.len()))
            .sum();
        let waiting = self.book.outbox.len().saturating_add(unsealed);
        if waiting.saturating_add(boxes) > OUTBOX_BOXES_MAX {
            return Err(EngineError::OutboxFull);
        }
        Ok(())
    }
}
