//! Messages from a contact: boxes opened by the session, fragments put together, the whole kept.
//!
//! Boxes are taken in the order of their streams. What they hold is kept in the same commit that moves session and
//! reader past them: before the commit the boxes count as unread, after it they cannot be read
//! again, so a message is received once whatever fails in between. What letters and reports say is done in
//! [`super::taking`].

use std::collections::BTreeMap;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::book::{Book, Person, put_part};
use super::confirming::confirmed;
use super::contact::{Contact, Side, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::file::{Coming, Part};
use super::fragment::{KIND_HELLO, KIND_LETTER, KIND_REPORT, Reassembly, Whole};
use super::id::{ContactId, MessageId};
use super::inbox::{Content, TOMBSTONED};
use super::introduction::IntroductionDraft;
use super::ledger::Ledger;
use super::letter::Got;
use super::link::{Link, Live};
use super::message::{Direction, Message};
use super::outbox::place_key;
use super::update::Update;
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError};

/// What the boxes that have come amount to, before it is kept.
pub(super) struct Harvest<'a> {
    pub(super) book: &'a Book,
    pub(super) person: &'a Person,
    pub(super) contact: Contact,
    pub(super) ledger: Ledger,
    live: Live,
    reassembly: Reassembly,
    parts: Vec<RecordKey>,
    pub(super) next_seq: u64,
    pub(super) changes: Vec<Change>,
    /// New ones.
    pub(super) messages: Vec<Message>,
    /// Earlier ones, as they are now.
    pub(super) changed: BTreeMap<MessageId, Message>,
    pub(super) introductions: IntroductionDraft<'a>,
    /// Whether the other side has told what it has.
    pub(super) is_reported: bool,
    /// What the other side says has come of ours.
    pub(super) got: Vec<Got>,
    /// Boxes that are passed over.
    pub(super) refused: Vec<&'static str>,
    /// What letters say that cannot be done or believed.
    pub(super) doubts: Vec<&'static str>,
    /// What is no fault, and only counted.
    pub(super) counted: Vec<&'static str>,
    /// What is said of files, and has come of them.
    pub(super) coming: Coming,
    /// Whether a step of key encapsulation was among them: the next may be due.
    has_control: bool,
    /// Whether the way to later boxes may be lost.
    is_torn: bool,
}

impl<S: Store> Engine<S> {
    /// Takes the boxes at the front of a contact's stream, if any have come.
    pub(super) fn harvested(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let Some(live) = person.link.live() else { return Ok(()) };
        let file_bytes = self.book.file_bytes(Direction::In);
        let Some(harvest) = harvest(&self.book, person, live, file_bytes, now, rng)? else { return Ok(()) };
        let mut update = Update::of(contact);
        let name = harvest.contact.name.clone();
        if harvest.contact != person.contact {
            update.events.push(Event::ContactEstablished { contact: name.clone() });
            update.contact = Some(harvest.contact.clone());
        }
        update.events.extend(
            harvest
                .refused
                .iter()
                .map(|label| Event::BoxRefused { contact: name.clone(), label: (*label).to_owned() }),
        );
        let doubts = harvest.doubts.iter();
        update.events.extend(
            doubts.map(|label| Event::LetterDoubted { contact: name.clone(), label: (*label).to_owned() }),
        );
        let received = harvest.messages.iter().map(|message| message.view(&harvest.contact));
        update
            .events
            .extend(received.map(|message| Event::MessageReceived { contact: name.clone(), message }));
        let changed = harvest.changed.values().map(|message| message.view(&harvest.contact));
        update.events.extend(changed.map(|message| Event::MessageChanged { contact: name.clone(), message }));
        let count = u64::try_from(harvest.messages.len()).unwrap_or(u64::MAX);
        let mut changed = harvest.changed;
        let mut ledger = harvest.ledger;
        ledger.heard_ms = now.as_millis();
        let is_reported = harvest.is_reported;
        confirmed(person, &self.book.outbox, &harvest.got, &mut changed, &mut ledger, &mut update);
        update.changes = harvest.changes;
        update.events.extend(harvest.coming.events);
        update.transfers.extend(harvest.coming.transfers.into_values());
        let files: Vec<MessageId> = update.transfers.iter().map(|transfer| transfer.id).collect();
        update.messages = harvest.messages;
        update.messages.extend(changed.into_values());
        update.ledger = Some(ledger);
        update.link = Some(Link::Live(Box::new(harvest.live)));
        update.introductions = harvest.introductions.changes;
        let has_introductions = !update.introductions.is_empty();
        let (reassembly, parts) = (harvest.reassembly, harvest.parts);
        let labels = [harvest.refused, harvest.doubts, harvest.counted].concat();
        let (has_control, is_torn) = (harvest.has_control, harvest.is_torn);
        self.make(now, update)?;
        if let Some(person) = self.book.people.get_mut(&contact) {
            person.inbox.reassembly = reassembly;
            person.inbox.parts = parts;
        }
        self.tell_progress(now, contact, &files);
        self.counters.messages_received = self.counters.messages_received.saturating_add(count);
        labels.iter().for_each(|label| self.count(label));
        if has_control {
            self.tend_soon(now);
        }
        if has_introductions {
            self.tend_introductions(now, rng);
        }
        if is_reported {
            // What is to go again, and what had to wait for that.
            self.seal_pending(now, contact, rng)?;
        }
        // It may have led into the stream that everything after it lies in.
        if is_torn {
            self.mend(now, contact, rng)?;
        }
        Ok(())
    }
}

/// What the boxes at the front of a person's stream amount to, if any have come.
fn harvest<'a>(
    book: &'a Book,
    person: &'a Person,
    live: &Live,
    file_bytes: u64,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<Harvest<'a>>, StoreError> {
    let front = live.read.index();
    if person.inbox.content(front).is_none() {
        return Ok(None);
    }
    let mut harvest = Harvest {
        book,
        person,
        contact: person.contact.clone(),
        ledger: person.ledger.clone(),
        live: live.draft()?,
        reassembly: person.inbox.reassembly.clone(),
        parts: person.inbox.parts.clone(),
        next_seq: person.next_seq(),
        changes: Vec::new(),
        messages: Vec::new(),
        changed: BTreeMap::new(),
        introductions: IntroductionDraft::of(&book.introductions),
        is_reported: false,
        got: Vec::new(),
        refused: Vec::new(),
        doubts: Vec::new(),
        counted: Vec::new(),
        coming: Coming::new(file_bytes),
        has_control: false,
        is_torn: false,
    };
    while let Some(content) = person.inbox.content(harvest.live.read.index()) {
        harvest.take(content, now, rng)?;
    }
    Ok(Some(harvest))
}

impl Harvest<'_> {
    /// Takes the next box, and moves on: to the next one, or into the stream that it leads to.
    fn take(&mut self, content: Content, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StoreError> {
        let index = self.live.read.index();
        self.live.read.advance();
        let envelope = match content {
            Content::Text(text) => text,
            Content::Gone(label) => {
                self.refused.push(label);
                // The writer puts no envelope that leads into another stream into a box that it may replace.
                self.is_torn |= label != TOMBSTONED;
                if self.reassembly.give_up() {
                    self.refused.push("message-cut-off");
                }
                self.forget_parts();
                return Ok(());
            }
        };
        let opened = match self.live.session.open(now, &envelope) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.refused.push(refusal.label());
                return Ok(());
            }
        };
        if let Some(seed) = &opened.next_stream {
            self.live.read.turn(seed);
        }
        // Who asked at a contact address learns by the first box that the owner has accepted.
        if self.contact.side == Side::Requester && self.contact.standing == Standing::Pending {
            self.contact.standing = Standing::Established;
        }
        match opened.content {
            Some(text) => self.fragment(&text, index, now, rng),
            None => {
                self.has_control = true;
                Ok(())
            }
        }
    }

    fn fragment(
        &mut self,
        text: &Zeroizing<Vec<u8>>,
        index: u64,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StoreError> {
        if Part::is_part(text) {
            // Parts never come between the fragments of a message.
            if self.reassembly.remaining() > 0 {
                self.refused.push("file-part-between");
                return Ok(());
            }
            return self.part(text);
        }
        match self.reassembly.push(text) {
            Ok(None) => {
                let place = (self.contact.id, index);
                self.changes.push(put_part(place, text)?);
                self.parts.push(place_key(RecordKind::Inbox, place));
            }
            Ok(Some(whole)) => {
                self.forget_parts();
                self.keep(&whole, now, rng);
            }
            Err(refusal) => {
                self.forget_parts();
                self.refused.push(refusal.label());
            }
        }
        Ok(())
    }

    fn keep(&mut self, whole: &Whole, now: Timestamp, rng: &mut impl CryptoRng) {
        match whole.kind {
            KIND_HELLO => {}
            KIND_LETTER => self.letter(&whole.bytes, now, rng),
            KIND_REPORT => self.report(&whole.bytes, now, rng),
            kind => self.unknown(kind, &whole.bytes, now, rng),
        }
    }

    /// Parts kept within this very harvest are put and deleted again in one commit; the last change holds.
    fn forget_parts(&mut self) {
        self.changes.extend(self.parts.drain(..).map(|key| Change::Delete { key }));
    }
}
