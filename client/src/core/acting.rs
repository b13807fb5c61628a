//! What a user does to messages that are there: react, edit, delete for both, delete here.
//!
//! Each of the first three is a letter that refers to another one. It shows here at once, in the commit that queues the
//! letter; the letter itself is kept until the other side has told that it came.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::fragment::fragment_count;
use super::id::MessageId;
use super::letter::{Content, Disappearing, Name};
use super::limits::EMOJI_LEN_MAX;
use super::message::{Body, Direction, Message};
use super::sealing;
use super::sending::{check_text, check_writable, reference, shown};
use super::update::Update;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Reacts to a message with an emoji, in place of an earlier one; with none, takes it back.
    ///
    /// # Errors
    /// [`EngineError::MessageUnknown`], [`EngineError::MessageNotShared`], [`EngineError::Emoji`] and those of
    /// [`Engine::send`].
    pub fn react(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        emoji: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let wrong =
            |emoji: &str| emoji.is_empty() || emoji.len() > EMOJI_LEN_MAX || emoji.contains(char::is_control);
        if emoji.is_some_and(wrong) {
            return Err(EngineError::Emoji);
        }
        let to = reference(person, seq)?;
        let mut target = shown(person, seq)?.clone();
        if target.body == Body::Deleted {
            // The other side would not take it.
            return Err(EngineError::MessageUnknown(seq));
        }
        target.reactions.own = emoji.map(str::to_owned);
        let content = Content::Reaction { to, emoji: emoji.map(str::to_owned) };
        let mut update = Update::of(person.contact.id);
        let mut message = self.compose(now, person, content, target.disappearing, &mut update, rng);
        message.refers_to = Some(seq);
        update.messages.push(target);
        self.post(now, update, message, rng)
    }

    /// Changes the text of a message of one's own, for both sides.
    ///
    /// # Errors
    /// [`EngineError::MessageUnknown`], [`EngineError::MessageNotOwn`] and those of [`Engine::send`].
    pub fn edit(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        text: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        check_text(text)?;
        self.check_room(fragment_count(text.len()))?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let (mut target, of) = own(person, seq)?;
        if !target.edit(text) {
            return Err(EngineError::MessageNotOwn(seq));
        }
        let content = Content::Edit { of, text: text.to_owned() };
        self.refer(now, target, content, rng)
    }

    /// Deletes a message of one's own for both sides. A place stays where it was.
    ///
    /// # Errors
    /// As [`Engine::edit`].
    pub fn delete_for_both(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let (mut target, of) = own(person, seq)?;
        target.delete();
        self.refer(now, target, Content::Deletion { of }, rng)
    }

    /// Deletes a message on this device. The other side keeps it and learns nothing.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::MessageUnknown`] or [`EngineError::Store`].
    pub fn delete_here(&mut self, now: Timestamp, contact: &str, seq: u64) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        let target = shown(person, seq)?;
        let mut update = Update::of(person.contact.id);
        update.removed.push(target.id);
        self.make(now, update)
    }

    /// Posts a letter that changes one of ours. One that has not been sealed yet is changed and nothing more: it goes as it is
    /// now.
    fn refer(
        &mut self,
        now: Timestamp,
        target: Message,
        content: Content,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        let person = self.book.people.get(&target.contact).ok_or(EngineError::MessageUnknown(target.seq))?;
        let mut update = Update::of(person.contact.id);
        if sealing::waiting(&self.book, person).any(|message| message.id == target.id) {
            let id = target.id;
            // Nobody has seen what it was before.
            let mut target = target;
            target.edited = false;
            update.messages.push(target);
            self.make(now, update)?;
            return Ok(id);
        }
        let limits =
            if matches!(content, Content::Deletion { .. }) { Disappearing::OFF } else { target.disappearing };
        let mut message = self.compose(now, person, content, limits, &mut update, rng);
        message.refers_to = Some(target.seq);
        update.messages.push(target);
        self.post(now, update, message, rng)
    }
}

/// A letter of ours, to be changed.
fn own(person: &Person, seq: u64) -> Result<(Message, Name), EngineError> {
    let message = shown(person, seq)?;
    let name = message.name.filter(|_| message.direction == Direction::Out && message.body != Body::Deleted);
    Ok((message.clone(), name.ok_or(EngineError::MessageNotOwn(seq))?))
}
