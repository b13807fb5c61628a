//! What is due without anybody asking for it.
//!
//! It is done at regular times and never within a tick, so that no packet waits for a commit. Boxes that come of it
//! take slots that would have carried decoys.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::error::EngineError;
use super::id::ContactId;
use super::limits::TEND_INTERVAL;
use super::link::Link;
use super::parcel::Purpose;
use super::sealing::{self, can_seal};
use super::update::Update;
use super::view::ContactState;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Looks for what is due at this moment already, if there is anybody for whom something could be.
    pub(super) fn tend_soon(&mut self, at: Timestamp) {
        if !self.book.people.is_empty() || !self.book.addresses.is_empty() {
            self.tend_at = self.tend_at.min(at);
        }
    }

    /// Does what is due for everybody.
    pub(super) fn tend(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.tend_at = Timestamp::NEVER;
        self.tend_soon(now + TEND_INTERVAL);
        if self.keeper.is_undecided() {
            return;
        }
        self.settle(now, rng);
        self.files.wake(now);
        self.keep_report_clock(now);
        self.watch(now, rng);
        let watches: Vec<ContactId> = self.book.watches.keys().copied().collect();
        for watch in watches {
            // What could not be taken when it came may be taken now.
            self.collect(now, watch, rng);
        }
        self.tend_introductions(now, rng);
        let contacts: Vec<ContactId> = self.book.people.keys().copied().collect();
        for contact in contacts {
            if let Err(error) = self.tend_session(now, contact, rng) {
                self.count(error.label());
            }
        }
    }

    /// The step of key encapsulation that is due, and the end of skipped keys that are too old.
    fn tend_session(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        if person.contact.state(now) == ContactState::Expired && !matches!(person.link, Link::Closed) {
            // Nobody will answer to these keys.
            let mut update = Update::of(contact);
            update.link = Some(Link::Closed);
            update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
            return self.make(now, update);
        }
        self.seal_pending(now, contact, rng)?;
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let Some(live) = person.link.live().filter(|_| person.contact.is_live(now)) else { return Ok(()) };
        let mut live = live.draft()?;
        let expired = live.session.expire(now);
        let mut update = Update::of(contact);
        let is_on_its_way =
            self.book.outbox.owned(contact).any(|(_, outgoing)| outgoing.purpose == Purpose::Control);
        let may_write = can_seal(person) && person.contact.is_served(now);
        if may_write && !is_on_its_way && live.session.control_due(now) {
            let sealed = live
                .session
                .seal_control(now, rng)
                .map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
            if let Some(sealed) = sealed {
                let boxed = sealing::put_in_box(&mut live, &sealed, contact, Purpose::Control, None, rng)?;
                update.boxes.push(boxed);
            }
        }
        if expired == 0 && update.boxes.is_empty() {
            return Ok(());
        }
        update.link = Some(Link::Live(Box::new(live)));
        self.make(now, update)
    }
}
