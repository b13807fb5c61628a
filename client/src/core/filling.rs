//! Conversations out of nothing, for benchmarks: there is no network in them that messages could come by.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::error::EngineError;
use super::id::MessageId;
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
            update.messages.push(Message {
                id: MessageId::generate(rng),
                contact: person.contact.id,
                seq,
                direction,
                at_ms: at.as_millis(),
                state: if direction == Direction::In { MessageState::Received } else { MessageState::Stored },
                body: Body::Text(text),
            });
        }
        self.make(now, update)
    }
}
