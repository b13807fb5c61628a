//! Answers of mailboxes, and what becomes of them.
//!
//! What the boxes of a contact hold is for [`super::harvest`] and [`super::meeting`].

use rand::CryptoRng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::mailbox::Reply;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::arq::Work;
use super::engine::Engine;
use super::id::ContactId;
use super::limits::{BACKOFF_DOUBLINGS_MAX, REFUSED_PAUSE};
use super::link::Link;
use super::outbox::Place;
use super::route::Route;
use crate::store::Store;

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
            Work::Write { contact, index, mailbox } => {
                self.written(now, (contact, index), mailbox, &reply, rng);
            }
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
    fn written(
        &mut self,
        now: Timestamp,
        place: Place,
        mailbox: NodeId,
        reply: &Reply,
        rng: &mut impl CryptoRng,
    ) {
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
        self.settle(now, rng);
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
        let is_blocked = self.is_blocked(contact);
        let Some(inbox) = self.book.inbox_mut(contact) else { return };
        if is_blocked {
            // It was asked before. The mailbox has it still, and is asked anew once the contact is read again.
            return inbox.settled(index, &mailbox);
        }
        let refused = match reply {
            Reply::Found(sealed) => inbox.found(index, &mailbox, sealed).err().map(|refusal| refusal.label()),
            Reply::Tombstoned(tombstone) => {
                inbox.tombstoned(index, &mailbox, tombstone).err().map(|refusal| refusal.label())
            }
            Reply::NotFound => {
                inbox.not_found(index, &mailbox);
                if !self.book.watches.is_empty() {
                    self.look_again(now, contact, rng);
                }
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

    /// Takes the boxes that have come and follow one another, keeps what they hold and tells of it. Failing to keep it,
    /// the boxes stay where they are; the engine comes back when it tries the store again.
    pub(super) fn collect(&mut self, now: Timestamp, contact: ContactId, rng: &mut impl CryptoRng) {
        let Some(person) = self.book.people.get(&contact) else {
            return self.look(now, contact, rng);
        };
        if person.contact.blocked {
            return;
        }
        let outcome = match &person.link {
            Link::Live(_) => self.harvested(now, contact, rng),
            Link::Offered(_) | Link::Answering(_) => {
                let Some(content) = person.next_content() else { return };
                self.keys_have_come(now, contact, &content, rng)
            }
            Link::Closed => return,
        };
        if let Err(error) = outcome {
            return self.count(error.label());
        }
        if let Some(circuits) = self.lanes.get_mut(Route::Tor).circuits_mut() {
            circuits.moved_on(now, contact);
        }
    }

    /// Takes what has come at a watched place.
    fn look(&mut self, now: Timestamp, watch: ContactId, rng: &mut impl CryptoRng) {
        if let Err(error) = self.watched(now, watch, rng) {
            self.count(error.label());
        }
    }

    /// A box is not there: that may be what a watch has waited for, its own or one of the same person.
    fn look_again(&mut self, now: Timestamp, id: ContactId, rng: &mut impl CryptoRng) {
        let owner = self.book.owner_of(id);
        let watches = self.book.watches.iter().filter(|(_, watch)| watch.owner == owner);
        let watches: Vec<ContactId> = watches.map(|(id, _)| *id).collect();
        for watch in watches {
            self.look(now, watch, rng);
        }
    }
}
