//! What somebody who checks an engine from outside has to know of it, to compare what it claims with what happened.
//!
//! Nothing here is shown to a user or changes anything: a checker learns which boxes a message is sealed in and what both
//! sides call it, and finds out for itself where those boxes are. What it makes of that is not here.

use sotto_protocol::boxes::BoxId;

use super::engine::Engine;
use super::id::MessageId;
use super::letter::Name;
use super::view::Counters;
use crate::store::Store;

/// What both sides of a conversation call a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LetterName(Name);

impl<S: Store> Engine<S> {
    /// The boxes that a message of ours is sealed in, of those that not every replica has acknowledged. Right after it was
    /// sealed these are all of them.
    #[must_use]
    pub fn boxes_of(&self, message: &MessageId) -> Vec<BoxId> {
        let Some((person, _)) = self.book.message(message) else { return Vec::new() };
        let boxes = self.book.outbox.of(person.contact.id);
        let own = boxes.filter(|(_, outgoing)| outgoing.message() == Some(*message));
        own.map(|(_, outgoing)| *outgoing.parcel.id()).collect()
    }

    /// What both sides call a message, if it is a letter that is kept.
    #[must_use]
    pub fn letter_of(&self, message: &MessageId) -> Option<LetterName> {
        self.book.message(message)?.1.name.map(LetterName)
    }

    /// Whether a letter of a contact is known to have come, or to be lost. It may be gone again.
    #[must_use]
    pub fn has_letter(&self, contact: &str, letter: LetterName) -> bool {
        self.book.named(contact).is_ok_and(|person| person.ledger.has_come(letter.0))
    }

    /// What has been sent and what came back since the engine was opened, as in [`Engine::status`].
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}
