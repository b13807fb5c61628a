//! From a message to sealed boxes: cut into fragments, encrypted by the session, put into boxes of its streams.
//!
//! Nothing is kept or sent here. A message that is written before there is a session waits unsealed, and so does one
//! for a contact whose key has changed or whose session is being made anew; [`seal_waiting`] makes up for it.

use std::collections::BTreeSet;

use rand::CryptoRng;
use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::book::{Book, Person};
use super::error::EngineError;
use super::fragment::{FRAGMENT_LEN_MAX, KIND_LETTER, split};
use super::id::{ContactId, MessageId};
use super::limits::{LASTING_EVERY, MESSAGE_LEN_MAX};
use super::link::Live;
use super::meeting::hello;
use super::message::{Direction, Message, MessageState};
use super::outbox::{Outgoing, Place};
use super::parcel::{Parcel, Purpose};
use super::term::Term;
use super::trust::Trust;
use crate::session::{SKIPPED_MAX, Sealed};

/// A box that was sealed, in its place.
pub(crate) type Boxed = (Place, Outgoing);

fn fault(refusal: &impl ToString) -> EngineError {
    EngineError::Seal(refusal.to_string())
}

/// Puts an envelope into the next box, and follows the session into another stream where it begins one. What it holds
/// ceases to exist at `until`, if it does; of an envelope that leads into another stream it must not.
pub(crate) fn put_in_box(
    live: &mut Live,
    sealed: &Sealed,
    contact: ContactId,
    purpose: Purpose,
    until: Option<Timestamp>,
    rng: &mut impl CryptoRng,
) -> Result<Boxed, EngineError> {
    let term = until.map_or(Term::Open, |end| Term::Until { end, tombstone: live.write.tombstone() });
    let (index, sealed_box) = live.write.seal(&sealed.envelope, rng).map_err(|refusal| fault(&refusal))?;
    if let Some(seed) = &sealed.next_stream {
        live.write.turn(seed);
    }
    Ok(((contact, index), Outgoing::new(contact, purpose, Parcel::Sealed(sealed_box)).within(term)))
}

/// Seals a text in the box at one place of a stream, counted from where `write` stands.
pub(crate) fn seal_at(
    mut write: WriteCap,
    place: u64,
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Parcel, EngineError> {
    (0..place).for_each(|_| write.skip());
    write.seal_next(text, rng).map(Parcel::Sealed).map_err(|refusal| fault(&refusal))
}

/// Seals a content of this kind into as many boxes as it takes.
pub(crate) fn seal(
    live: &mut Live,
    now: Timestamp,
    contact: ContactId,
    purpose: Purpose,
    content: (u8, &[u8]),
    rng: &mut impl CryptoRng,
) -> Result<Vec<Boxed>, EngineError> {
    seal_until(live, now, contact, purpose, content, None, rng)
}

/// The same for a content that ceases to exist at `until`, if it does: no mailbox keeps its boxes beyond that.
///
/// Some envelopes of a chain must not run out, see [`LASTING_EVERY`]. If one of them would be among these, a hello without
/// content goes first and takes that on itself.
pub(crate) fn seal_until(
    live: &mut Live,
    now: Timestamp,
    contact: ContactId,
    purpose: Purpose,
    (kind, content): (u8, &[u8]),
    until: Option<Timestamp>,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Boxed>, EngineError> {
    let texts = split(kind, content).map_err(|refusal| fault(&refusal))?;
    let mut boxes = Vec::with_capacity(texts.len().saturating_add(1));
    if until.is_some() && must_last(live.session.next_number(), texts.len()) {
        let sealed = live.session.seal(now, &hello(&[])?, rng).map_err(|refusal| fault(&refusal))?;
        boxes.push(put_in_box(live, &sealed, contact, Purpose::Ahead, None, rng)?);
    }
    for text in &texts {
        let sealed = live.session.seal(now, text, rng).map_err(|refusal| fault(&refusal))?;
        boxes.push(put_in_box(live, &sealed, contact, purpose, until, rng)?);
    }
    Ok(boxes)
}

const _: () = assert!(
    LASTING_EVERY as usize + MESSAGE_LEN_MAX.div_ceil(FRAGMENT_LEN_MAX) < SKIPPED_MAX as usize,
    "envelopes that last are never so far from one another that the ratchet cannot skip what lies between"
);

/// Whether one of so many envelopes from this number on would have to last.
fn must_last(number: u32, count: usize) -> bool {
    let distance = number.checked_next_multiple_of(LASTING_EVERY).map(|lasting| lasting - number);
    distance.and_then(|distance| usize::try_from(distance).ok()).is_some_and(|distance| distance < count)
}

/// Whether anything for a person can be sealed at present.
pub(crate) fn can_seal(person: &Person) -> bool {
    person.link.live().is_some() && person.renewal.is_none() && person.contact.trust != Trust::Changed
}

/// Whether letters for a person can be sealed at present: after a session was lost, those that are missing go first.
pub(crate) fn takes_letters(person: &Person, now: Timestamp) -> bool {
    can_seal(person) && person.ledger.awaits_until_ms <= now.as_millis()
}

/// The messages of a person that wait and have not been sealed, in order.
pub(crate) fn waiting<'a>(book: &'a Book, person: &'a Person) -> impl Iterator<Item = &'a Message> {
    let sealed: BTreeSet<MessageId> =
        book.outbox.owned(person.contact.id).filter_map(|(_, outgoing)| outgoing.sealed_for()).collect();
    person.messages.waiting().filter(move |message| {
        message.direction == Direction::Out
            && message.state == MessageState::Queued
            && !sealed.contains(&message.id)
    })
}

/// Seals a letter of ours into as many boxes as it takes; none if the message is no letter.
pub(crate) fn seal_letter(
    live: &mut Live,
    now: Timestamp,
    message: &Message,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Boxed>, EngineError> {
    let Some(letter) = message.letter() else { return Ok(Vec::new()) };
    let purpose = Purpose::Message(message.id);
    seal_until(live, now, message.contact, purpose, (KIND_LETTER, &letter), message.exists_until(), rng)
}

/// Seals whatever waits for a session.
pub(crate) fn seal_waiting<'a>(
    live: &mut Live,
    now: Timestamp,
    messages: impl Iterator<Item = &'a Message>,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Boxed>, EngineError> {
    let mut boxes = Vec::new();
    for message in messages {
        boxes.extend(seal_letter(live, now, message, rng)?);
    }
    Ok(boxes)
}
