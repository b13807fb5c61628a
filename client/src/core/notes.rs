//! Notes to oneself: a conversation that nothing ever leaves this device of.
//!
//! It is kept as a contact is, under a name of its own, so that whatever shows or searches conversations finds it. There
//! is no other side: no keys, no stream, no box, and nothing here asks for a packet. The first note makes it.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::contact::{Contact, Side, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::id::{ContactId, MessageId};
use super::letter::Content;
use super::limits::TEXT_LEN_MAX;
use super::link::Link;
use super::message::{Body, Direction, Message, MessageState};
use super::update::Update;
use crate::store::Store;

/// What the conversation is called. No contact can have this name, in whatever case.
pub const NOTES_NAME: &str = "notes";
/// What protects it, in one line.
pub(crate) const NOTES_PROTECTION: &str = "your notes are kept on this device and never sent";
/// Its name in the store: there is one such conversation in a profile.
const NOTES_ID: ContactId = ContactId::from_bytes([0; 16]);

impl<S: Store> Engine<S> {
    /// Keeps a note of at most [`TEXT_LEN_MAX`] bytes. It is never sent.
    ///
    /// # Errors
    /// [`EngineError::TextTooLong`] or [`EngineError::Store`]; then nothing is kept. As with [`Engine::send_text`], a store
    /// that can neither be written nor read leaves that open.
    pub fn add_note(
        &mut self,
        now: Timestamp,
        text: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        if text.len() > TEXT_LEN_MAX {
            return Err(EngineError::TextTooLong { len: text.len(), len_max: TEXT_LEN_MAX });
        }
        let notes = self.book.people.get(&NOTES_ID);
        let (id, seq) = (MessageId::generate(rng), notes.map_or(1, Person::next_seq));
        let body = Body::Letter(Content::Text(text.to_owned()));
        let mut message = Message::local(id, NOTES_ID, seq, now.as_millis(), body);
        (message.direction, message.state) = (Direction::Out, MessageState::Kept);
        let is_first = notes.is_none();
        let mut update = Update::of(NOTES_ID);
        update.messages.push(message);
        if is_first {
            self.meet(now, Person::new(conversation(now), Link::Closed), update)?;
        } else {
            self.make(now, update)?;
        }
        Ok(id)
    }
}

/// The conversation without a note.
fn conversation(now: Timestamp) -> Contact {
    let mut contact = Contact::new(NOTES_ID, NOTES_NAME, Side::Notes, [0; 16], now);
    contact.standing = Standing::Established;
    contact
}
