//! A session made anew: after a backup was restored, because a user wants fresh keys, or because one side lost it.
//!
//! ```text
//! side that begins                                     other side
//! free place in its bundle stream:
//!   before || bundle --------------------------------> found, once what was under way has been read
//!                                                      new session; what waits is sealed in it
//! answer stream of this bundle: <--------------------- answer, with before
//! new session; what waits is sealed in it
//! ```
//!
//! No state of the old session goes into the new one: both sides' identity keys and a secret that they share since
//! they met vouch for it. If both begin at once, the side with the smaller identity key answers. Each side then sends a
//! report on letters, so that what was lost with the old session is asked for again ([`super::reporting`]).
//! The places are in [`super::rendezvous`], what is kept in [`super::renewal`].

use rand::CryptoRng;
use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::bond::Bond;
use super::book::Person;
use super::contact::Standing;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::fragment::{KIND_HELLO, Reassembly};
use super::id::{ContactId, MessageId};
use super::limits::{AWAIT_REPORT_MAX, READ_AHEAD_MAX};
use super::link::{Link, Live};
use super::meeting::hello;
use super::message::{Body, Message, MessageState, Notice};
use super::outbox::Outgoing;
use super::parcel::Purpose;
use super::rendezvous::{self, Direction};
use super::renewal::{Before, Renewal};
use super::sealing;
use super::stream::{Reader, Writer};
use super::trust::Trust;
use super::update::Update;
use crate::session::{Bundle, IdentityPublic, IdentitySecret, Occasion, Offer, initiate};
use crate::store::{Change, Store};

/// The label of a message whose end never comes.
const CUT_OFF: &str = "message-cut-off";

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
    /// then has to verify. Keys that are under way already stay under way, unless a new identity is wanted.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::NotMet`], [`EngineError::ContactBlocked`] or
    /// [`EngineError::Store`].
    pub fn renew(
        &mut self,
        now: Timestamp,
        contact: &str,
        new_identity: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.somebody(contact)?;
        if person.contact.blocked {
            return Err(EngineError::ContactBlocked(contact.to_owned()));
        }
        let bond = person.bond.as_ref().ok_or_else(|| EngineError::NotMet(contact.to_owned()))?;
        let before = match &person.renewal {
            // The other side may answer them at any moment, and whatever it seals then opens with them only.
            Some(_) if !new_identity => {
                self.tend_soon(now);
                return Ok(());
            }
            Some(own) if own.laid_out.is_none() => own.before,
            None if person.link.live().is_some() => Before::Kept,
            Some(_) | None => Before::Lost,
        };
        let identity = if new_identity { IdentitySecret::generate(rng) } else { bond.own.clone() };
        let renewal = Renewal::new(Offer::new(identity, rng), before);
        let mut update = Update::of(person.contact.id);
        update.renewal = Some(Some(renewal));
        self.make(now, update)?;
        self.tend_soon(now);
        Ok(())
    }

    /// A box of a contact's stream is lost, and with it perhaps the way to all later ones: the session is made anew, unless
    /// it is being.
    pub(super) fn mend(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        match self.book.people.get(&contact) {
            Some(person) if person.renewal.is_none() => {
                let name = person.contact.name.clone();
                self.renew(now, &name, false, rng)
            }
            _ => Ok(()),
        }
    }

    /// Whether our keys for this contact can be laid out: what was sealed in the old session has to be stored before.
    pub(super) fn can_lay_out(&self, person: &Person, period: u64) -> bool {
        let sealed = || self.book.outbox.due(person.contact.id, self.now).next().is_some();
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
        let write = WriteCap::from_seed(seed.as_bytes());
        let parcel = sealing::seal_at(write, place, &renewal.text(), rng)?;
        let mut update = Update::of(contact);
        let outgoing = Outgoing::new(contact, Purpose::RekeyBundle, parcel);
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
            self.hold_parts(now, contact);
            return Ok(Taken::NotYet);
        }
        let own_before = person.renewal.as_ref().map_or(Before::Kept, |own| own.before);
        let given_up = person.renewal.as_ref().map(|own| rendezvous::tag_of(&own.bundle()));
        let hello = hello(&Told { before: own_before, given_up }.to_bytes())?;
        // A new identity that we were about to show is shown by the answer.
        let own = person.renewal.as_ref().map_or(&bond.own, |own| own.offer.identity()).clone();
        let psk = rendezvous::rekey_psk(&bond.rekey_secret, bundle);
        let policy = self.settings.kem;
        let parsed = Bundle::parse(Occasion::Rekey, bundle);
        let made = parsed.and_then(|parsed| {
            let made = initiate(&parsed, &own, &psk, &hello, policy, now, rng)?;
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
        let answer = sealing::seal_at(WriteCap::from_seed(answer_seed.as_bytes()), 0, &made.answer, rng)?;
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, person.link.next_written()),
            read: Reader::begin(&made.read, next_read(person)),
        };
        let mut bond = bond.clone();
        bond.own = own;
        bond.note(tag);
        let is_lost = before == Before::Lost || own_before == Before::Lost;
        let changed = Changed { bond, remote, notice: Notice::Renewed, is_lost };
        let mut update = self.renewed(now, contact, live, changed, rng)?;
        let outgoing = Outgoing::new(contact, Purpose::RekeyAnswer, answer);
        update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        self.make(now, update)?;
        self.let_parts_go(now, contact);
        self.reports.hasten(contact, now);
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
        let told = Told::of(&made.content);
        if let Some(tag) = told.as_ref().and_then(|told| told.given_up) {
            bond.note(tag);
        }
        let is_lost = renewal.before == Before::Lost || told.is_some_and(|told| told.before == Before::Lost);
        let changed = Changed { bond, remote: made.remote_identity, notice: Notice::Restored, is_lost };
        let update = self.renewed(now, contact, live, changed, rng)?;
        self.make(now, update)?;
        self.reports.hasten(contact, now);
        Ok(Taken::Done)
    }

    /// Other boxes lie where our keys, or our answer to a contact's keys, were to lie.
    pub(super) fn rekey_displaced(
        &mut self,
        now: Timestamp,
        mut update: Update,
        contact: ContactId,
        purpose: Purpose,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        match purpose {
            Purpose::RekeyBundle => {
                let own = self.book.people.get(&contact).and_then(|person| person.renewal.clone());
                update.renewal = own.map(|own| Some(Renewal { laid_out: None, ..own }));
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
        update.renewal = Some(Some(Renewal::new(Offer::new(identity, rng), Before::Lost)));
        self.tend_soon(now);
        self.make(now, update)
    }

    /// Whether nothing of a session is under way any more, as far as this side can know.
    fn is_drained(&self, person: &Person) -> bool {
        let Some(live) = person.link.live() else { return true };
        let sends = self.book.outbox.due(person.contact.id, self.now).any(|(_, outgoing)| {
            !matches!(
                outgoing.purpose,
                Purpose::RekeyBundle | Purpose::RekeyAnswer | Purpose::Control | Purpose::Report
            )
        });
        !sends && person.inbox.is_absent(live.read.index())
    }

    /// Everything that changes with a new session.
    fn renewed(
        &self,
        now: Timestamp,
        contact: ContactId,
        mut live: Live,
        changed: Changed,
        rng: &mut impl CryptoRng,
    ) -> Result<Update, EngineError> {
        let Changed { mut bond, remote, notice, is_lost } = changed;
        let mut update = Update::of(contact);
        let Some(person) = self.book.people.get(&contact) else { return Ok(update) };
        let was_restored = person.renewal.as_ref().is_some_and(|own| own.before == Before::Lost);
        let notice = if was_restored { Notice::Restored } else { notice };
        let has_changed = bond.remote != remote;
        bond.remote = remote;
        let mut contact_after = person.contact.clone();
        if has_changed {
            contact_after.trust = Trust::Changed;
        }
        let mut ledger = person.ledger.clone();
        ledger.owes = true;
        if is_lost {
            ledger.awaits_until_ms = (now + AWAIT_REPORT_MAX).as_millis();
        } else if contact_after.trust != Trust::Changed {
            let queued = person.messages.waiting().filter(|message| message.state == MessageState::Queued);
            update.boxes = sealing::seal_waiting(&mut live, now, queued, rng)?;
        }
        update.ledger = Some(ledger);
        update.transfers = Self::files_renewed(person);
        // What was sealed in the old session and is still on its way: nobody will open it.
        update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
        let name = contact_after.name.clone();
        // The rest of a message that was begun in the old session never comes; its parts would not fit the next one.
        update.cuts_off = true;
        update.changes.extend(person.inbox.parts.iter().map(|key| Change::Delete { key: *key }));
        if !person.inbox.parts.is_empty() {
            update.events.push(Event::BoxRefused { contact: name.clone(), label: CUT_OFF.to_owned() });
        }
        // Who has answered or asked anew has met us, whatever became of the first answer.
        if contact_after.standing == Standing::Pending {
            contact_after.standing = Standing::Established;
            update.events.push(Event::ContactEstablished { contact: name.clone() });
        }
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
        update.messages.extend(notice.map(|notice| {
            let id = MessageId::generate(rng);
            Message::local(id, contact, person.next_seq(), now.as_millis(), Body::Notice(notice))
        }));
        update.link = Some(Link::Live(Box::new(live)));
        update.bond = Some(bond);
        update.contact = Some(contact_after);
        update.renewal = Some(None);
        Ok(update)
    }
}

/// What a new session changes beside itself.
struct Changed {
    bond: Bond,
    /// The identity key that the other side has shown.
    remote: IdentityPublic,
    notice: Notice,
    /// Whether the old session was lost: what was sealed in it may never have been opened.
    is_lost: bool,
}

/// What an answer says beside its keys: `before (1)`, and `given up (16)` if keys of the answering side are.
struct Told {
    /// Whether the answering side has lost the session.
    before: Before,
    /// The tag of its own keys, which lie in its stream and which nobody must answer any more.
    given_up: Option<[u8; 16]>,
}

impl Told {
    fn to_bytes(&self) -> Vec<u8> {
        let tag = self.given_up.as_ref().map_or(&[][..], |tag| tag.as_slice());
        [&[self.before as u8], tag].concat()
    }

    fn of(content: &[u8]) -> Option<Self> {
        let whole = Reassembly::default().push(content).ok()??;
        let (before, rest) = Renewal::parse(&whole.bytes).filter(|_| whole.kind == KIND_HELLO)?;
        let given_up = if rest.is_empty() { None } else { Some(<[u8; 16]>::try_from(rest).ok()?) };
        Some(Self { before, given_up })
    }
}

/// The number of the first box that is read in a new session.
fn next_read(person: &Person) -> u64 {
    person.link.reader().map_or(READ_AHEAD_MAX as u64, Reader::next_base)
}
