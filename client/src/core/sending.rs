//! Letters that a user sends, and what a user has seen.
//!
//! Each is kept in one commit, name, sealed boxes and advanced session included, before anything of it can leave. What
//! refers to earlier messages is in [`super::acting`].

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::fragment::fragment_count;
use super::id::MessageId;
use super::ledger::Receipts;
use super::letter::{Author, Content, Disappearing, Reference};
use super::limits::{DISAPPEARING_MAX_S, EXISTS_FOR_MIN_S, OUTBOX_BOXES_MAX, TEXT_LEN_MAX};
use super::link::Link;
use super::message::{Direction, Message, MessageState};
use super::sealing::{self, takes_letters};
use super::trust::Trust;
use super::update::Update;
use super::view::ContactState;
use crate::store::Store;

/// How a text is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendOptions {
    /// The `seq` of the message that it answers.
    pub reply_to: Option<u64>,
    /// The limits of its existence; none for those that the conversation has.
    pub disappearing: Option<Disappearing>,
}

impl<S: Store> Engine<S> {
    /// Queues a text of at most [`TEXT_LEN_MAX`] bytes, as [`Engine::send`] does without options.
    ///
    /// # Errors
    /// As [`Engine::send`].
    pub fn send_text(
        &mut self,
        now: Timestamp,
        contact: &str,
        text: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.send(now, contact, text, SendOptions::default(), rng)
    }

    /// Queues a text of at most [`TEXT_LEN_MAX`] bytes. When this returns, the text is kept, and its sealed boxes with
    /// it if there is a session; a crash at any later moment does not keep the message from being sent, once.
    ///
    /// # Errors
    /// [`EngineError`]; then nothing is kept and nothing will be sent. The one exception is a store that
    /// can neither be written nor read any more: [`EngineError::Store`] then leaves open whether the
    /// message was kept, and [`Engine::messages`] tells once the store works again.
    pub fn send(
        &mut self,
        now: Timestamp,
        contact: &str,
        text: &str,
        options: SendOptions,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        check_text(text)?;
        self.check_room(fragment_count(text.len()))?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let disappearing = options.disappearing.unwrap_or(person.ledger.defaults);
        check_disappearing(disappearing)?;
        let content = match options.reply_to {
            None => Content::Text(text.to_owned()),
            Some(seq) => Content::Reply { to: reference(person, seq)?, text: text.to_owned() },
        };
        let mut update = Update::of(person.contact.id);
        let mut message = self.compose(now, person, content, disappearing, &mut update, rng);
        message.refers_to = options.reply_to;
        self.post(now, update, message, rng)
    }

    /// Gives letters of this conversation other limits of existence from here on, unless they say otherwise. Both sides are
    /// shown it.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn set_disappearing(
        &mut self,
        now: Timestamp,
        contact: &str,
        disappearing: Disappearing,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        check_disappearing(disappearing)?;
        let mut update = Update::of(person.contact.id);
        let version = person.ledger.defaults_version.saturating_add(1);
        let content = Content::Defaults { version, disappearing };
        let message = self.compose(now, person, content, Disappearing::OFF, &mut update, rng);
        if let Some(ledger) = &mut update.ledger {
            (ledger.defaults, ledger.defaults_version) = (disappearing, version);
        }
        self.post(now, update, message, rng)
    }

    /// The limits that letters of this conversation have unless they say otherwise.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn disappearing(&self, contact: &str) -> Result<Disappearing, EngineError> {
        Ok(self.book.named(contact)?.ledger.defaults)
    }

    /// Which receipts the contact is sent.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`].
    pub fn receipts(&self, contact: &str) -> Result<Receipts, EngineError> {
        Ok(self.book.named(contact)?.ledger.receipts)
    }

    /// Decides which receipts the contact is sent from here on. What was told before stays told.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`].
    pub fn set_receipts(
        &mut self,
        now: Timestamp,
        contact: &str,
        receipts: Receipts,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        let mut update = Update::of(person.contact.id);
        let mut ledger = person.ledger.clone();
        ledger.receipts = receipts;
        update.ledger = Some(ledger);
        self.make(now, update)
    }

    /// A letter with the next name. The update has the ledger that it is counted in.
    pub(super) fn compose(
        &self,
        now: Timestamp,
        person: &Person,
        content: Content,
        disappearing: Disappearing,
        update: &mut Update,
        rng: &mut impl CryptoRng,
    ) -> Message {
        let ledger = update.ledger.get_or_insert_with(|| person.ledger.clone());
        let name = ledger.give_name(rng);
        ledger.last_seq = person.next_seq();
        let (id, at_ms) = (MessageId::generate(rng), now.as_millis());
        let body = super::message::Body::Letter(content);
        let mut message = Message::local(id, person.contact.id, person.next_seq(), at_ms, body);
        message.direction = Direction::Out;
        message.state = MessageState::Queued;
        message.name = Some(name);
        message.disappearing = disappearing;
        // Who wrote it has read it.
        let ends = [disappearing.exists_until_ms(at_ms), disappearing.visible_until_ms(at_ms)];
        message.until_ms = ends.into_iter().flatten().min();
        message
    }

    /// Keeps a letter, sealed if that is possible, with whatever else the update changes.
    pub(super) fn post(
        &mut self,
        now: Timestamp,
        update: Update,
        message: Message,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        let id = message.id;
        let update = self.sealed(now, update, message, rng)?;
        self.make(now, update)?;
        Ok(id)
    }

    /// The update with a letter in it, sealed if that is possible.
    pub(super) fn sealed(
        &self,
        now: Timestamp,
        mut update: Update,
        message: Message,
        rng: &mut impl CryptoRng,
    ) -> Result<Update, EngineError> {
        let person = self.book.people.get(&message.contact);
        if let Some((person, live)) = person.and_then(|person| Some((person, person.link.live()?)))
            && takes_letters(person, now)
        {
            let mut live = live.draft()?;
            update.boxes = sealing::seal_letter(&mut live, now, &message, rng)?;
            update.link = Some(Link::Live(Box::new(live)));
        }
        update.messages.push(message);
        Ok(update)
    }

    /// Notes that the user has seen the conversation up to message number `seq`. What is to be read once goes with this.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`].
    pub fn mark_read(&mut self, now: Timestamp, contact: &str, seq: u64) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        if seq <= person.contact.seen_seq {
            return Ok(());
        }
        let mut update = Update::of(person.contact.id);
        for (_, message) in person.messages.range(person.contact.seen_seq.saturating_add(1)..=seq) {
            if message.direction != Direction::In {
                continue;
            }
            if message.disappearing.read_once {
                update.removed.push(message.id);
            } else if let Some(until_ms) = message.disappearing.visible_until_ms(now.as_millis()) {
                let mut message = message.clone();
                message.until_ms = Some(message.until_ms.map_or(until_ms, |before| before.min(until_ms)));
                update.messages.push(message);
            }
        }
        let mut contact = person.contact.clone();
        contact.seen_seq = seq;
        if person.ledger.receipts.read && !person.ledger.owes {
            let mut ledger = person.ledger.clone();
            ledger.owes = true;
            update.ledger = Some(ledger);
        }
        update.changes.push(contact.put()?);
        self.make(now, update)?;
        self.book.see(contact);
        Ok(())
    }

    /// Whether so many boxes more can wait. What waits for a session counts as if it was sealed.
    pub(super) fn check_room(&self, boxes: usize) -> Result<(), EngineError> {
        let unsealed: usize = self
            .book
            .people
            .values()
            .filter(|person| person.queued() > 0 && !takes_letters(person, self.now))
            .flat_map(|person| sealing::waiting(&self.book, person))
            .filter_map(Message::letter)
            .map(|letter| fragment_count(letter.len()))
            .sum();
        let waiting = self.book.outbox.len().saturating_add(unsealed);
        if waiting.saturating_add(boxes) > OUTBOX_BOXES_MAX {
            return Err(EngineError::OutboxFull);
        }
        Ok(())
    }
}

/// Whether a letter to this person makes sense.
pub(super) fn check_writable(person: &Person, now: Timestamp) -> Result<(), EngineError> {
    let name = || person.contact.name.clone();
    match person.contact.state(now) {
        ContactState::Pending | ContactState::Established => {}
        ContactState::Expired => return Err(EngineError::ContactExpired(name())),
        ContactState::Taken => return Err(EngineError::ContactTaken(name())),
        ContactState::Revoked => return Err(EngineError::ContactRevoked(name())),
        ContactState::Spoiled => return Err(EngineError::ContactSpoiled(name())),
        ContactState::Notes => return Err(EngineError::NotAPerson),
    }
    if person.contact.blocked {
        return Err(EngineError::ContactBlocked(name()));
    }
    if person.contact.trust == Trust::Changed {
        return Err(EngineError::ContactChanged(name()));
    }
    Ok(())
}

pub(super) const fn check_text(text: &str) -> Result<(), EngineError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(EngineError::TextTooLong { len: text.len(), len_max: TEXT_LEN_MAX });
    }
    Ok(())
}

/// Whether limits that a user gives can be kept to.
pub(super) const fn check_disappearing(limits: Disappearing) -> Result<(), EngineError> {
    let is_short = limits.exists_for_s != 0 && limits.exists_for_s < EXISTS_FOR_MIN_S;
    let is_long = limits.exists_for_s > DISAPPEARING_MAX_S || limits.visible_for_s > DISAPPEARING_MAX_S;
    if is_short || is_long { Err(EngineError::DisappearingRange) } else { Ok(()) }
}

/// The message that is shown at this place.
pub(super) fn shown(person: &Person, seq: u64) -> Result<&Message, EngineError> {
    let message = person.messages.get(&seq).filter(|message| message.is_shown());
    message.ok_or(EngineError::MessageUnknown(seq))
}

/// What the other side calls the message at this place.
pub(super) fn reference(person: &Person, seq: u64) -> Result<Reference, EngineError> {
    let message = shown(person, seq)?;
    let name = message.name.ok_or(EngineError::MessageNotShared(seq))?;
    let author = if message.direction == Direction::Out { Author::Sender } else { Author::Receiver };
    Ok(Reference { author, name })
}
