//! A session made anew: after a backup was restored, because a user wants fresh keys, or because one side lost it.
//!
//! ```text
//! side that begins                                     other side
//! free place in its bundle stream: kind || bundle ---> found, once what was under way has been read
//! answer stream of this bundle: answer <-------------- new session; what waits is sealed in it
//! new session; what waits is sealed in it
//! ```
//!
//! No state of the old session goes into the new one: both sides' identity keys and a secret that they share since
//! they met vouch for it. If both begin at once, the side with the smaller identity key answers.
//! The places are in [`super::rendezvous`], what is kept in [`super::renewal`].

use rand::CryptoRng;
use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::bond::Bond;
use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::id::{ContactId, MessageId};
use super::limits::READ_AHEAD_MAX;
use super::link::Live;
use super::meeting::hello;
use super::message::{Body, Direction as Way, Message, MessageState, Notice};
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::rendezvous::{self, Direction};
use super::renewal::{Before, Renewal};
use super::stream::{Reader, Writer};
use super::trust::Trust;
use super::update::Update;
use crate::session::{Bundle, IdentityPublic, IdentitySecret, Occasion, Offer, initiate};
use crate::store::Store;

/// What became of keys that were found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// They are done with, for better or worse.
    Done,
    /// What was under way has to come first.
    NotYet,
}

impl<S: Store> Engine<S> {
    /// Makes the session with a contact anew; with `new_identity` under another identity key, which the other side
    /// then has to verify.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::NotMet`] or [`EngineError::Store`].
    pub fn renew(
        &mut self,
        now: Timestamp,
        contact: &str,
        new_identity: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        let bond = person.bond.as_ref().ok_or_else(|| EngineError::NotMet(contact.to_owned()))?;
        let identity = if new_identity { IdentitySecret::generate(rng) } else { bond.own.clone() };
        let before = if person.link.live().is_some() { Before::Kept } else { Before::Lost };
        let renewal = Renewal::new(Offer::new(identity, rng), before);
        let mut update = Update::of(person.contact.id);
        update.renewal = Some(Some(renewal));
        self.make(now, update)?;
        self.tend_soon(now);
        Ok(())
    }

    /// Whether our keys for this contact can be laid out: what was sealed in the old session has to be stored before.
    pub(super) fn can_lay_out(&self, person: &Person, period: u64) -> bool {
        let sealed = || self.book.outbox.owned(person.contact.id).next().is_some();
        person.renewal.as_ref().is_some_and(|renewal| renewal.laid_out != Some(period)) && !sealed()
    }

    /// The first free place for our keys was found: they go there.
    pub(super) fn lay_out(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        period: u64,
        place: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let (Some(renewal), Some(bond)) = (&person.renewal, &person.bond) else { return Ok(()) };
        let direction = Direction::from(bond.is_initiator);
        let seed = rendezvous::rekey_bundles(&bond.rekey_secret, direction, period);
        let mut write = WriteCap::from_seed(seed.as_bytes());
        (0..place).for_each(|_| write.skip());
        let sealed = write
            .seal_next(&renewal.text(), rng)
            .map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
        let mut update = Update::of(contact);
        let outgoing = Outgoing::new(contact, Purpose::RekeyBundle, Parcel::Sealed(sealed));
        update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        update.renewal = Some(Some(Renewal { laid_out: Some(period), ..renewal.clone() }));
        self.make(now, update)
    }

    /// Keys of a contact were found. What its old session still has to give is read first, if it is still there.
    pub(super) fn take_bundle(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Taken, EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(Taken::Done) };
        let Some(bond) = &person.bond else { return Ok(Taken::Done) };
        let Some((before, bundle)) = Renewal::parse(text) else {
            self.count("rekey-kind");
            return Ok(Taken::Done);
        };
        let tag = rendezvous::tag_of(bundle);
        let goes_first = bond.own.public().as_bytes() > bond.remote.as_bytes();
        if bond.has_seen(&tag) || (person.renewal.is_some() && goes_first) {
            return Ok(Taken::Done);
        }
        if before == Before::Kept && !self.is_drained(person) {
            return Ok(Taken::NotYet);
        }
        let (psk, hello) = (rendezvous::rekey_psk(&bond.rekey_secret, bundle), hello()?);
        let policy = self.settings.kem;
        let parsed = Bundle::parse(Occasion::Rekey, bundle);
        let made = parsed.and_then(|parsed| {
            let made = initiate(&parsed, &bond.own, &psk, &hello, policy, now, rng)?;
            Ok((parsed.identity(), made))
        });
        let (remote, made) = match made {
            Ok(made) => made,
            Err(refusal) => {
                self.count(refusal.label());
                return Ok(Taken::Done);
            }
        };
        let answer_seed = rendezvous::rekey_answer(&bond.rekey_secret, bundle);
        let answer = WriteCap::from_seed(answer_seed.as_bytes())
            .seal_next(&made.answer, rng)
            .map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, person.link.next_written()),
            read: Reader::begin(&made.read, next_read(person)),
        };
        let mut bond = bond.clone();
        bond.note(tag);
        let lost = if before == Before::Lost { self.uncertain(person) } else { Vec::new() };
        let mut update = self.renewed(now, contact, live, bond, remote, Notice::Renewed, (lost, rng))?;
        let outgoing = Outgoing::new(contact, Purpose::RekeyAnswer, Parcel::Sealed(answer));
        update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        self.make(now, update)?;
        Ok(Taken::Done)
    }

    /// The answer to our keys was found.
    pub(super) fn take_answer(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        answer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Taken, EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(Taken::Done) };
        let (Some(renewal), Some(bond)) = (&person.renewal, &person.bond) else { return Ok(Taken::Done) };
        if person.link.live().is_some() && !self.is_drained(person) {
            return Ok(Taken::NotYet);
        }
        let psk = rendezvous::rekey_psk(&bond.rekey_secret, &renewal.bundle());
        let policy = self.settings.kem;
        let made = match renewal.offer.respond(Occasion::Rekey, &psk, answer, policy, now) {
            Ok(made) => made,
            Err(refusal) => {
                self.count(refusal.label());
                return self.begin_again(now, contact, rng).map(|()| Taken::Done);
            }
        };
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, person.link.next_written()),
            read: Reader::begin(&made.read, next_read(person)),
        };
        let mut bond = bond.clone();
        bond.own = renewal.offer.identity().clone();
        let remote = made.remote_identity;
        let update = self.renewed(now, contact, live, bond, remote, Notice::Restored, (Vec::new(), rng))?;
        self.make(now, update)?;
        Ok(Taken::Done)
    }

    /// Other boxes lie where our keys, or our answer to a contact's keys, were to lie.
    pub(super) fn rekey_displaced(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        purpose: Purpose,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        match purpose {
            Purpose::RekeyBundle => {
                let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
                let Some(renewal) = &person.renewal else { return Ok(()) };
                let mut update = Update::of(contact);
                update.renewal = Some(Some(Renewal { laid_out: None, ..renewal.clone() }));
                self.tend_soon(now);
                self.make(now, update)
            }
            // These keys were answered before, by a device that this profile was restored from.
            _ => self.begin_again(now, contact, rng),
        }
    }

    fn begin_again(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let Some(bond) = &person.bond else { return Ok(()) };
        let identity = match &person.renewal {
            Some(renewal) => renewal.offer.identity().clone(),
            None => bond.own.clone(),
        };
        let mut update = Update::of(contact);
        update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
        update.messages = self.uncertain(person);
        update.renewal = Some(Some(Renewal::new(Offer::new(identity, rng), Before::Lost)));
        self.tend_soon(now);
        self.make(now, update)
    }

    /// Whether nothing of a session is under way any more, as far as this side can know.
    fn is_drained(&self, person: &Person) -> bool {
        let Some(live) = person.link.live() else { return true };
        let sends = self.book.outbox.owned(person.contact.id).any(|(_, outgoing)| {
            !matches!(outgoing.purpose, Purpose::RekeyBundle | Purpose::RekeyAnswer | Purpose::Control)
        });
        !sends && person.inbox.is_absent(live.read.index())
    }

    /// Messages of which packets have left and not every box is known to be stored: nobody can know whether they
    /// were read.
    fn uncertain(&self, person: &Person) -> Vec<Message> {
        let released = person.messages.values().filter(|message| message.state == MessageState::Released);
        released
            .cloned()
            .map(|mut message| {
                message.state = MessageState::Unconfirmed;
                message
            })
            .collect()
    }

    /// Everything that changes with a new session. Messages in `lost` are not sent again.
    #[allow(clippy::too_many_arguments, reason = "they make up one change, and are used in no other place")]
    fn renewed(
        &self,
        now: Timestamp,
        contact: ContactId,
        live: Live,
        mut bond: Bond,
        remote: IdentityPublic,
        notice: Notice,
        (lost, rng): (Vec<Message>, &mut impl CryptoRng),
    ) -> Result<Update, EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(Update::of(contact)) };
        let was_restored = person.renewal.as_ref().is_some_and(|own| own.before == Before::Lost);
        let has_changed = bond.remote != remote;
        bond.remote = remote;
        let mut changed = person.contact.clone();
        if has_changed {
            changed.trust = Trust::Changed;
        }
        let mut update = if changed.trust == Trust::Changed {
            let mut update = Update::of(contact);
            update.link = Some(super::link::Link::Live(Box::new(live)));
            update.bond = Some(bond);
            update
        } else {
            self.begins_without(now, contact, live, bond, &lost, rng)?
        };
        // What was sealed in the old session and is still on its way: nobody will open it.
        update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
        let name = changed.name.clone();
        update.events.push(if has_changed {
            Event::KeyChanged { contact: name }
        } else {
            Event::ContactRenewed { contact: name }
        });
        let notice = match notice {
            _ if has_changed => Some(Notice::Changed),
            Notice::Restored => was_restored.then_some(Notice::Restored),
            notice => Some(notice),
        };
        update.messages = lost;
        update.messages.extend(notice.map(|notice| Message {
            id: MessageId::generate(rng),
            contact,
            seq: person.next_seq(),
            direction: Way::In,
            at_ms: now.as_millis(),
            state: MessageState::Received,
            body: Body::Notice(notice),
        }));
        update.contact = Some(changed);
        update.renewal = Some(None);
        Ok(update)
    }
}

/// The number of the first box that is read in a new session.
fn next_read(person: &Person) -> u64 {
    person.link.reader().map_or(READ_AHEAD_MAX as u64, Reader::next_base)
}
