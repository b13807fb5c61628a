//! How two people's keys come together: what is done with the box in the place of a bundle, or of an answer.
//!
//! ```text
//! inviter: Offered   --answer--> Live        the joiner's identity is known
//! joiner:  Answering --bundle--> Live        and the answer is on its way; Established once it is stored
//! ```
//!
//! A box that cannot be used ends the acquaintance: its place is taken for good. The cryptography is in
//! [`crate::session`].

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::bond::Bond;
use super::contact::Standing;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::fragment::{KIND_HELLO, split};
use super::id::ContactId;
use super::inbox::{Content, TOMBSTONED};
use super::link::{Answering, Link, Live, Offered};
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::sealing::{self, waiting};
use super::stream::{Reader, Writer};
use super::update::Update;
use crate::session::{Bundle, HandshakeRefusal, IdentitySecret, Occasion, initiate};
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// The box has come that an invitation waits for.
    pub(super) fn keys_have_come(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        content: &Content,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let update = match (&person.link, content) {
            (Link::Answering(_), Content::Gone(label)) if *label == TOMBSTONED => {
                self.gives_up(contact, Standing::Revoked, label)
            }
            (_, Content::Gone(label)) => self.gives_up(contact, Standing::Spoiled, label),
            (Link::Offered(offered), Content::Text(answer)) => {
                match self.answered(now, contact, offered, answer, rng)? {
                    Ok(update) => update,
                    Err(refusal) => self.gives_up(contact, Standing::Spoiled, refusal.label()),
                }
            }
            (Link::Answering(answering), Content::Text(bundle)) => {
                match self.answers(now, contact, answering, bundle, rng)? {
                    Ok(update) => update,
                    Err(refusal) => self.gives_up(contact, Standing::Spoiled, refusal.label()),
                }
            }
            (Link::Live(_) | Link::Closed, Content::Text(_)) => return Ok(()),
        };
        self.make(now, update)
    }

    /// Our offer was answered: there is a session.
    fn answered(
        &self,
        now: Timestamp,
        contact: ContactId,
        offered: &Offered,
        answer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Result<Update, HandshakeRefusal>, EngineError> {
        let policy = self.settings.kem;
        let made = match offered.offer.respond(Occasion::Invitation, &offered.psk, answer, policy, now) {
            Ok(made) => made,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let own = offered.offer.identity().clone();
        let bond = Bond::new(own, made.remote_identity, made.rekey_secret, false);
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, 1),
            read: Reader::begin(&made.read, offered.read.next_base()),
        };
        let mut update = self.begins(now, contact, live, bond, rng)?;
        if let Some(mut contact) = self.book.people.get(&contact).map(|person| person.contact.clone()) {
            contact.standing = Standing::Established;
            update.events.push(Event::ContactEstablished { contact: contact.name.clone() });
            update.contact = Some(contact);
        }
        Ok(Ok(update))
    }

    /// The inviter's bundle is here: there is a session, and its answer goes out.
    fn answers(
        &self,
        now: Timestamp,
        contact: ContactId,
        answering: &Answering,
        bundle: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Result<Update, HandshakeRefusal>, EngineError> {
        let bundle = match Bundle::parse(Occasion::Invitation, bundle) {
            Ok(bundle) => bundle,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let own = IdentitySecret::generate(rng);
        let hello = hello(&[])?;
        let policy = self.settings.kem;
        let made = match initiate(&bundle, &own, &answering.psk, &hello, policy, now, rng) {
            Ok(made) => made,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut first = answering.write.draft()?;
        let (index, answer) =
            first.seal(&made.answer, rng).map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
        let bond = Bond::new(own, bundle.identity(), made.rekey_secret, true);
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, first.index()),
            read: Reader::begin(&made.read, answering.read.next_base()),
        };
        let mut update = self.begins(now, contact, live, bond, rng)?;
        let outgoing = Outgoing::new(contact, Purpose::Answer, Parcel::Sealed(answer));
        update.boxes.push(((contact, index), outgoing));
        Ok(Ok(update))
    }

    /// A session begins: what was waiting for it is sealed.
    pub(super) fn begins(
        &self,
        now: Timestamp,
        contact: ContactId,
        mut live: Live,
        bond: Bond,
        rng: &mut impl CryptoRng,
    ) -> Result<Update, EngineError> {
        let mut update = Update::of(contact);
        if let Some(person) = self.book.people.get(&contact) {
            let waiting = waiting(&self.book, person);
            update.boxes = sealing::seal_waiting(&mut live, now, waiting, rng)?;
        }
        update.link = Some(Link::Live(Box::new(live)));
        update.bond = Some(bond);
        Ok(update)
    }

    /// Nothing can come of it any more.
    fn gives_up(&self, contact: ContactId, standing: Standing, label: &str) -> Update {
        let mut update = Update::of(contact);
        update.link = Some(Link::Closed);
        update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
        if let Some(person) = self.book.people.get(&contact) {
            let mut contact = person.contact.clone();
            contact.standing = standing;
            let name = contact.name.clone();
            update.events.push(match standing {
                Standing::Revoked => Event::InviteRevoked { contact: name },
                _ => Event::BoxRefused { contact: name, label: label.to_owned() },
            });
            update.contact = Some(contact);
        }
        update
    }
}

/// The content of a first message, which is no message to anybody.
pub(crate) fn hello(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, EngineError> {
    let texts = split(KIND_HELLO, content).map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
    Ok(texts.into_iter().next().unwrap_or_default())
}
