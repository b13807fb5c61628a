//! Conversations out of nothing, for benchmarks: there is no network in them that messages could come by.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::error::EngineError;
use super::id::MessageId;
use super::letter::Content;
use super::message::{Body, Direction, Message, MessageState};
use super::update::Update;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Keeps texts at the end of a conversation as if they had been received, or sent and stored, in one commit.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`].
    #[doc(hidden)]
    pub fn fill_conversation(
        &mut self,
        now: Timestamp,
        contact: &str,
        texts: impl IntoIterator<Item = (Direction, Timestamp, String)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let person = self.book.named(contact)?;
        let mut update = Update::of(person.contact.id);
        for (seq, (direction, at, text)) in (person.next_seq()..).zip(texts) {
            let (id, body) = (MessageId::generate(rng), Body::Letter(Content::Text(text)));
            let mut message = Message::local(id, person.contact.id, seq, at.as_millis(), body);
            if direction == Direction::Out {
                (message.direction, message.state) = (direction, MessageState::Stored);
            }
            update.messages.push(message);
        }
        self.make(now, update)
    }
}
