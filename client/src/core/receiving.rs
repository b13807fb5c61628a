//! Answers of mailboxes, and messages from contacts.
//!
//! Boxes are taken in the order of their stream. What they hold is kept in the same commit that advances the
//! read capability past them: before the commit the boxes count as unread, after it they cannot be read
//! again, so a message is received once whatever fails in between.

use rand::CryptoRng;
use sotto_protocol::boxes::ReadCap;
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::mailbox::Reply;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::arq::Work;
use super::book::{Person, put_part};
use super::contact::{Contact, Side, Standing, Streams};
use super::engine::Engine;
use super::event::Event;
use super::fragment::{KIND_HELLO, KIND_TEXT, Reassembly, Whole};
use super::id::{ContactId, MessageId};
use super::inbox::Content;
use super::limits::{BACKOFF_DOUBLINGS_MAX, REFUSED_PAUSE};
use super::message::{Direction, Message, MessageState, body_from_wire};
use super::outbox::{Place, place_key};
use super::route::Route;
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError};

/// What the boxes that have come amount to, before it is kept.
struct Harvest {
    contact: Contact,
    read: ReadCap,
    reassembly: Reassembly,
    parts: Vec<RecordKey>,
    next_seq: u64,
    changes: Vec<Change>,
    messages: Vec<Message>,
    refused: Vec<&'static str>,
}

impl<S: Store> Engine<S> {
    /// Opens an answer and settles what it was for.
    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        surb_id: SurbId,
        payload: &[u8; PAYLOAD_LEN],
        rng: &mut impl CryptoRng,
    ) {
        let Some(lane) = self.lanes.awaiting(&surb_id) else { return self.count("answer-unknown") };
        let route = lane.route;
        let text = match lane.outstanding.keys(&surb_id).map(|keys| keys.open(payload)) {
            Some(Ok(text)) => Zeroizing::new(text),
            // It may be genuine yet: whoever changed this one knows no keys.
            Some(Err(refusal)) => return self.count(refusal.label()),
            None => return,
        };
        let lane = self.lanes.get_mut(route);
        let Some(answered) = lane.outstanding.answered(&surb_id) else { return };
        if let (Some(passage), Some(circuits)) = (answered.passage, lane.circuits_mut()) {
            circuits.answered(passage.circuit);
        }
        if answered.work == Work::Loop {
            return self.loop_returned(answered.late);
        }
        self.counters.replies = self.counters.replies.saturating_add(1);
        self.counters.replies_late = self.counters.replies_late.saturating_add(u64::from(answered.late));
        // What went by a circuit that had to be built first measures the building.
        if answered.passage.is_none_or(|passage| passage.proven) {
            self.lanes.get_mut(route).rtt.sample(now.since(answered.sent_at));
        }
        let reply = match Reply::parse(&text) {
            Ok(reply) => reply,
            Err(refusal) => {
                self.count(refusal.label());
                return self.abandoned(route, answered.work);
            }
        };
        match answered.work {
            Work::Write { contact, index, mailbox } => self.written(now, (contact, index), mailbox, &reply),
            Work::Read { contact, index, mailbox } => self.asked(now, (contact, index), mailbox, &reply, rng),
            Work::Decoy(poll) => self.lanes.get_mut(route).decoys.settled(&poll),
            Work::Loop => {}
        }
    }

    fn loop_returned(&mut self, late: bool) {
        self.counters.loops_returned = self.counters.loops_returned.saturating_add(1);
        self.counters.loops_lost = self.counters.loops_lost.saturating_sub(u64::from(late));
    }

    /// A mailbox has answered a write.
    fn written(&mut self, now: Timestamp, place: Place, mailbox: NodeId, reply: &Reply) {
        let outbox = &mut self.book.outbox;
        match reply {
            Reply::Stored | Reply::AlreadyStored => outbox.acknowledged(place, &mailbox),
            Reply::Conflict => outbox.conflicted(place, &mailbox),
            Reply::Refused(code) => {
                let doublings = outbox.silences(place, &mailbox).min(BACKOFF_DOUBLINGS_MAX);
                let pause = REFUSED_PAUSE.saturating_mul(1 << doublings);
                outbox.refused(place, &mailbox, now + pause, code.label());
                return self.count(code.label());
            }
            Reply::Found(_) | Reply::NotFound | Reply::Tombstoned(_) => {
                outbox.silent(place, &mailbox);
                return self.count("answer-to-other-question");
            }
        }
        self.settle(now);
    }

    /// A mailbox has answered a read.
    fn asked(
        &mut self,
        now: Timestamp,
        (contact, index): Place,
        mailbox: NodeId,
        reply: &Reply,
        rng: &mut impl CryptoRng,
    ) {
        let Some(person) = self.book.people.get_mut(&contact) else { return };
        let inbox = &mut person.inbox;
        let refused = match reply {
            Reply::Found(sealed) => inbox.found(index, &mailbox, sealed).err().map(|refusal| refusal.label()),
            Reply::Tombstoned(tombstone) => {
                inbox.tombstoned(index, &mailbox, tombstone).err().map(|refusal| refusal.label())
            }
            Reply::NotFound => {
                inbox.not_found(index, &mailbox);
                return;
            }
            Reply::Refused(code) => {
                inbox.settled(index, &mailbox);
                Some(code.label())
            }
            Reply::Stored | Reply::AlreadyStored | Reply::Conflict => {
                inbox.settled(index, &mailbox);
                Some("answer-to-other-question")
            }
        };
        if let Some(label) = refused {
            self.count(label);
        }
        self.collect(now, contact, rng);
    }

    /// Takes the boxes that have come and follow one another, keeps what they hold and tells of it.
    pub(super) fn collect(&mut self, now: Timestamp, contact: ContactId, rng: &mut impl CryptoRng) {
        let Some(person) = self.book.people.get(&contact) else { return };
        let harvest = match harvest(person, now, rng) {
            Ok(Some(harvest)) => harvest,
            Ok(None) => return,
            Err(error) => return self.count(error.label()),
        };
        // Failing, the boxes stay where they are; the engine comes back when it tries the store again.
        if self.commit(now, harvest.changes).is_err() {
            return;
        }
        let name = harvest.contact.name.clone();
        if let Some(person) = self.book.people.get_mut(&contact) {
            if person.contact.standing == Standing::Pending
                && harvest.contact.standing == Standing::Established
            {
                self.events.push(Event::ContactEstablished { contact: name.clone() });
            }
            person.contact = harvest.contact;
            person.inbox.advance_to(harvest.read.index());
            person.inbox.reassembly = harvest.reassembly;
            person.inbox.parts = harvest.parts;
            person.streams.read = harvest.read;
        }
        if let Some(circuits) = self.lanes.get_mut(Route::Tor).circuits_mut() {
            circuits.moved_on(now, contact);
        }
        for label in harvest.refused {
            self.count(label);
            self.events.push(Event::BoxRefused { contact: name.clone(), label: label.to_owned() });
        }
        for message in harvest.messages {
            self.counters.messages_received = self.counters.messages_received.saturating_add(1);
            self.events.push(Event::MessageReceived { contact: name.clone(), message: message.view(&name) });
            // The contact is there: it was found above, and nothing takes contacts away.
            if self.book.keep_message(message).is_err() {
                self.count("message-of-nobody");
            }
        }
    }
}

/// What the boxes at the front of a person's stream amount to, if any have come.
fn harvest(person: &Person, now: Timestamp, rng: &mut impl CryptoRng) -> Result<Option<Harvest>, StoreError> {
    let mut harvest = Harvest {
        contact: person.contact.clone(),
        read: person.streams.read.clone(),
        reassembly: person.inbox.reassembly.clone(),
        parts: person.inbox.parts.clone(),
        next_seq: person.next_seq(),
        changes: Vec::new(),
        messages: Vec::new(),
        refused: Vec::new(),
    };
    while let Some(content) = person.inbox.content(harvest.read.index()) {
        harvest.take(content, now, rng)?;
        harvest.read.advance();
    }
    if harvest.read.index() == person.streams.read.index() {
        return Ok(None);
    }
    if harvest.contact != person.contact {
        harvest.changes.push(harvest.contact.put()?);
    }
    harvest.changes.push(Streams::put(harvest.contact.id, &person.streams.write, &harvest.read)?);
    Ok(Some(harvest))
}

impl Harvest {
    fn take(&mut self, content: Content, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StoreError> {
        let text = match content {
            Content::Text(text) => text,
            Content::Gone(label) => {
                self.refused.push(label);
                if self.reassembly.give_up() {
                    self.refused.push("message-cut-off");
                }
                self.forget_parts();
                return Ok(());
            }
        };
        // Only the holder of the invitation can have written it: the other side is there.
        if self.contact.side == Side::Inviter && self.contact.standing == Standing::Pending {
            self.contact.standing = Standing::Established;
        }
        match self.reassembly.push(&text) {
            Ok(None) => {
                let place = (self.contact.id, self.read.index());
                self.changes.push(put_part(place, &text)?);
                self.parts.push(place_key(RecordKind::Inbox, place));
            }
            Ok(Some(whole)) => {
                self.forget_parts();
                self.keep(&whole, now, rng)?;
            }
            Err(refusal) => {
                self.forget_parts();
                self.refused.push(refusal.label());
            }
        }
        Ok(())
    }

    fn keep(&mut self, whole: &Whole, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StoreError> {
        if whole.kind == KIND_HELLO && whole.bytes.is_empty() {
            return Ok(());
        }
        let message = Message {
            id: MessageId::generate(rng),
            contact: self.contact.id,
            seq: self.next_seq,
            direction: Direction::In,
            at_ms: now.as_millis(),
            state: MessageState::Received,
            body: body_from_wire(whole.kind, KIND_TEXT, &whole.bytes),
        };
        self.next_seq = self.next_seq.saturating_add(1);
        self.changes.push(message.put()?);
        self.messages.push(message);
        Ok(())
    }

    /// Parts kept within this very harvest are put and deleted again in one commit; the last change holds.
    fn forget_parts(&mut self) {
        self.changes.extend(self.parts.drain(..).map(|key| Change::Delete { key }));
    }
}
