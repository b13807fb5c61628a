//! What a user does to meet somebody: makes an invitation, withdraws it, takes one up.
//!
//! Both sides' keys are exchanged afterwards, in [`super::meeting`], by what lies in the invitation's two streams.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::WriteCap;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::contact::{Contact, Side, Standing, check_person_name};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::forgetting::withdrawal_place;
use super::id::ContactId;
use super::invite::{Invite, InviteError};
use super::limits::CONTACTS_MAX;
use super::link::{Answering, Link, Offered};
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::stream::{Reader, Writer};
use super::update::Update;
use crate::session::{IdentitySecret, Occasion, Offer};
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Makes an invitation that holds for `ttl`, and a contact of this name that is pending until somebody
    /// has taken it up. Messages to it can be sent at once; they wait for the other side's keys.
    ///
    /// # Errors
    /// [`EngineError`]; then no contact was made.
    pub fn create_invite(
        &mut self,
        now: Timestamp,
        name: &str,
        ttl: Duration,
        rng: &mut impl CryptoRng,
    ) -> Result<Invite, EngineError> {
        self.advance_clock(now);
        self.check_new_name(now, name)?;
        self.check_room(1)?;
        let (invite, person, update) = self.invited(now, name, ttl, rng)?;
        self.meet(now, person, update)?;
        Ok(invite)
    }

    /// An invitation, the contact that it is for, and what there is to be kept and sent for it.
    pub(super) fn invited(
        &self,
        now: Timestamp,
        name: &str,
        ttl: Duration,
        rng: &mut impl CryptoRng,
    ) -> Result<(Invite, Person, Update), EngineError> {
        let invite = Invite::generate(now, ttl, rng)?;
        let id = ContactId::generate(rng);
        let contact = Contact::new(id, name, Side::Inviter, invite.tag(), invite.expires());
        let offer = Offer::new(IdentitySecret::generate(rng), rng);
        let mut write = WriteCap::from_seed(&invite.inviter_seed());
        let withdrawal = write.next_tombstone_key();
        let bundle = write
            .seal_next(&offer.bundle(Occasion::Invitation), rng)
            .map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
        let read = Reader::new(WriteCap::from_seed(&invite.joiner_seed()).read_cap(), 0);
        let link = Link::Offered(Box::new(Offered { offer, psk: invite.psk(), read, withdrawal }));
        let outgoing = Outgoing::new(id, Purpose::Bundle, Parcel::Sealed(bundle));
        let mut update = Update::of(id);
        update.boxes.push(((id, 0), outgoing));
        Ok((invite, Person::new(contact, link), update))
    }

    /// Takes up an invitation: makes a contact of this name, whose keys are fetched and answered as soon as there is
    /// a network.
    ///
    /// # Errors
    /// [`EngineError`]; then no contact was made.
    pub fn accept_invite(
        &mut self,
        now: Timestamp,
        link: &str,
        name: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<ContactId, EngineError> {
        self.advance_clock(now);
        let (person, update) = self.joined(now, link, name, None, rng)?;
        let id = person.contact.id;
        self.meet(now, person, update)?;
        Ok(id)
    }

    /// The contact that a link is taken up for, and what there is to be kept for it. The name may be the one that was
    /// promised by the introduction `promised`.
    pub(super) fn joined(
        &self,
        now: Timestamp,
        link: &str,
        name: &str,
        promised: Option<ContactId>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Person, Update), EngineError> {
        let invite = Invite::parse(link)?;
        let known = self.book.people.values().find(|person| person.contact.invite_tag == invite.tag());
        match known.map(|person| person.contact.side) {
            Some(Side::Inviter) => return Err(InviteError::Own.into()),
            Some(_) => return Err(InviteError::Used.into()),
            None if now >= invite.expires() => return Err(InviteError::Expired.into()),
            None => {}
        }
        self.check_name_for(now, name, promised)?;
        self.check_room(1)?;
        let id = ContactId::generate(rng);
        let contact = Contact::new(id, name, Side::Joiner, invite.tag(), invite.expires());
        let read = Reader::new(WriteCap::from_seed(&invite.inviter_seed()).read_cap(), 0);
        let write = Writer::new(WriteCap::from_seed(&invite.joiner_seed()), 0);
        let link = Link::Answering(Box::new(Answering { psk: invite.psk(), read, write }));
        Ok((Person::new(contact, link), Update::of(id)))
    }

    /// Withdraws an invitation that nobody has answered: its keys are erased here, and a tombstone takes the place of
    /// the bundle, so that who has the link is told.
    ///
    /// # Errors
    /// [`EngineError::InviteNotPending`] if it has been taken up or is none; [`EngineError::ContactUnknown`] or
    /// [`EngineError::Store`].
    pub fn revoke_invite(&mut self, now: Timestamp, name: &str) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.somebody(name)?;
        let (Link::Offered(offered), Standing::Pending) = (&person.link, person.contact.standing) else {
            return Err(EngineError::InviteNotPending(name.to_owned()));
        };
        let id = person.contact.id;
        let tombstone = Parcel::Tombstone(offered.withdrawal.tombstone());
        let mut contact = person.contact.clone();
        contact.standing = Standing::Revoked;
        let mut update = Update::of(id);
        update.gone = self.book.outbox.owned(id).map(|(place, _)| place).collect();
        update.boxes.push((withdrawal_place(id), Outgoing::new(id, Purpose::Withdrawal, tombstone)));
        update.events.push(Event::InviteRevoked { contact: name.to_owned() });
        update.contact = Some(contact);
        update.link = Some(Link::Closed);
        self.make(now, update)
    }

    /// Puts a person into the book, in place of one of the same name that nothing can come of any more.
    pub(super) fn meet(&mut self, now: Timestamp, person: Person, update: Update) -> Result<(), EngineError> {
        self.meet_and(now, person, update, None)
    }

    /// The same, with what is to become of somebody else in the same commit.
    pub(super) fn meet_and(
        &mut self,
        now: Timestamp,
        person: Person,
        mut update: Update,
        also: Option<Update>,
    ) -> Result<(), EngineError> {
        let id = person.contact.id;
        if let Ok(before) = self.book.named(&person.contact.name) {
            let before = before.contact.id;
            self.forget(now, before, None)?;
        }
        update.changes.push(person.contact.put()?);
        update.changes.push(person.link.put(id)?);
        if let Some(bond) = &person.bond {
            update.changes.push(bond.put(id)?);
        }
        self.book.people.insert(id, person);
        let made = self.make_all(now, std::iter::once(update).chain(also).collect());
        if made.is_err() {
            self.book.people.remove(&id);
        }
        self.tend_soon(now);
        self.reconsider(now);
        made
    }

    /// A name is free if nobody has it, or somebody with whom there was never a conversation and never will be.
    pub(super) fn check_new_name(&self, now: Timestamp, name: &str) -> Result<(), EngineError> {
        self.check_name_for(now, name, None)
    }

    /// The same for the one to whom an introduction has promised the name, if any has.
    fn check_name_for(
        &self,
        now: Timestamp,
        name: &str,
        promised: Option<ContactId>,
    ) -> Result<(), EngineError> {
        check_person_name(name)?;
        if let Ok(person) = self.book.named(name)
            && (person.contact.is_live(now)
                || person.messages.values().any(|message| !message.is_introduction_notice()))
        {
            return Err(EngineError::NameTaken(name.to_owned()));
        }
        self.check_not_promised(name, promised)?;
        let others = self.book.people.values().filter(|person| !person.contact.is_notes());
        if others.count() >= CONTACTS_MAX {
            return Err(EngineError::ContactsFull);
        }
        Ok(())
    }

    /// An introduction that the user has agreed to takes up a name until it is over.
    pub(super) fn check_not_promised(
        &self,
        name: &str,
        except: Option<ContactId>,
    ) -> Result<(), EngineError> {
        let mut others =
            self.book.introductions.values().filter(|one| {
                one.is_open(self.now) && one.promised() == Some(name) && Some(one.id) != except
            });
        if others.next().is_some() { Err(EngineError::NamePromised(name.to_owned())) } else { Ok(()) }
    }
}
