//! What a report of the other side says of our letters: how far they are, and which have to go again.
//!
//! Nothing is sealed here. A letter that is to go again becomes a queued one, which [`Engine::seal_pending`] seals like
//! any that waits.

use std::collections::{BTreeMap, BTreeSet};

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::fragment::fragment_count;
use super::id::{ContactId, MessageId};
use super::ledger::Ledger;
use super::letter::Got;
use super::limits::RESEND_BOXES_MAX;
use super::link::Link;
use super::message::{Direction, Message, MessageState};
use super::outbox::Outbox;
use super::sealing::{self, takes_letters};
use super::update::Update;
use crate::store::Store;

/// Takes what has come at the other side into the messages; those that are to go again are queued.
pub(super) fn confirmed(
    person: &Person,
    outbox: &Outbox,
    reports: &[Got],
    changed: &mut BTreeMap<MessageId, Message>,
    ledger: &mut Ledger,
    update: &mut Update,
) {
    let mut room = RESEND_BOXES_MAX;
    for got in reports {
        let Some(last) = ledger.last_of(got.series) else { continue };
        let read_to = got.read_to.min(last);
        let come_to = got.delivered_to.min(last).max(read_to);
        let from = ledger.confirm(got, come_to, read_to);
        let come = person.messages.letters(Direction::Out, got.series, (from, come_to));
        for (number, message) in come.filter(|(number, _)| !is_missing(got, *number)) {
            // Nobody looks at what shows at another message only.
            let is_read = number <= read_to && message.is_shown();
            let state = if is_read { MessageState::Read } else { MessageState::Delivered };
            confirm(person, message, state, changed, update);
        }
        if !got.missing.is_empty() {
            let sealed: BTreeSet<MessageId> =
                outbox.owned(person.contact.id).filter_map(|(_, outgoing)| outgoing.message()).collect();
            go_again(person, got, last, &sealed, &mut room, changed, ledger, update);
        }
    }
}

fn is_missing(got: &Got, number: u64) -> bool {
    got.missing.iter().any(|(first, last)| (*first..=*last).contains(&number))
}

/// A letter has come.
fn confirm(
    person: &Person,
    message: &Message,
    state: MessageState,
    changed: &mut BTreeMap<MessageId, Message>,
    update: &mut Update,
) {
    let is_further = match message.state {
        _ if message.is_given_up() => false,
        MessageState::Read => false,
        MessageState::Delivered => state == MessageState::Read,
        _ => true,
    };
    if !is_further {
        return;
    }
    let contact = person.contact.name.clone();
    update.events.push(Event::MessageState { contact: contact.clone(), message: message.id, state });
    // What a letter did is done, and who sent something to be read once has no more of it than who read it.
    if !message.is_shown() || message.disappearing.read_once {
        if message.is_shown() {
            update.events.push(Event::MessageVanished { contact, message: message.id, seq: message.seq });
        }
        update.removed.push(message.id);
        return;
    }
    changed.entry(message.id).or_insert_with(|| message.clone()).state = state;
}

/// Letters that have not come and will not by themselves: they go again, or are said to be gone.
#[allow(clippy::too_many_arguments)]
fn go_again(
    person: &Person,
    got: &Got,
    last: u64,
    sealed: &BTreeSet<MessageId>,
    room: &mut usize,
    changed: &mut BTreeMap<MessageId, Message>,
    ledger: &mut Ledger,
    update: &mut Update,
) {
    for (first, end) in &got.missing {
        let end = *end.min(&last);
        let mut next = *first;
        for (number, message) in person.messages.letters(Direction::Out, got.series, (next, end)) {
            if next < number {
                ledger.owe_gone(got.series, (next, number.saturating_sub(1)));
            }
            next = number.saturating_add(1);
            if sealed.contains(&message.id) || message.state == MessageState::Queued {
                continue;
            }
            let boxes = message.letter().map_or(0, |letter| fragment_count(letter.len()));
            if !message.can_go_again() {
                ledger.owe_gone(got.series, (number, number));
                if !message.state.is_confirmed() {
                    changed.entry(message.id).or_insert_with(|| message.clone()).give_up();
                }
            } else if boxes <= *room {
                *room -= boxes;
                let again = changed.entry(message.id).or_insert_with(|| message.clone());
                again.state = MessageState::Queued;
                again.resent = again.resent.saturating_add(1);
                let contact = person.contact.name.clone();
                let (message, state) = (message.id, MessageState::Queued);
                update.events.push(Event::MessageState { contact, message, state });
            } else {
                // The rest is asked for once more when these have come.
                *room = 0;
            }
        }
        if next <= end {
            ledger.owe_gone(got.series, (next, end));
        }
    }
}

impl<S: Store> Engine<S> {
    /// Seals whatever of a contact waits for that, if it can be.
    pub(super) fn seal_pending(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact).filter(|person| takes_letters(person, now)) else {
            return Ok(());
        };
        let mut waiting = sealing::waiting(&self.book, person).peekable();
        // Looked for at every tending: the session is copied only if there is something.
        let Some(live) = person.link.live().filter(|_| waiting.peek().is_some()) else { return Ok(()) };
        let mut live = live.draft()?;
        let mut update = Update::of(contact);
        update.boxes = sealing::seal_waiting(&mut live, now, waiting, rng)?;
        if update.boxes.is_empty() {
            return Ok(());
        }
        update.link = Some(Link::Live(Box::new(live)));
        self.make(now, update)
    }
}
