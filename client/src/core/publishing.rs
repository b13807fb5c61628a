//! Addresses of this profile: making and withdrawing them, laying out their keys, reading requests, and deciding.
//!
//! The keys of an address serve for everybody who asks in a period; who asks learns nothing of other contacts, whose
//! keys have nothing to do with them.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::address::{Address, AddressLink, Published, address_key};
use super::bond::{Bond, bond_key};
use super::book::Person;
use super::contact::{Contact, Side, Standing, check_name};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::fragment::{KIND_HELLO, KIND_NOTE, Reassembly};
use super::id::{ContactId, MessageId};
use super::limits::{ADDRESSES_MAX, REQUESTS_MAX};
use super::link::{Link, Live, link_key};
use super::message::{Body, Message};
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::rendezvous::{self, PERIODS, period_of};
use super::renewing::Taken;
use super::request::{Request, RequestNote, request_key};
use super::sealing;
use super::stream::{Reader, Writer};
use super::update::Update;
use super::view::{AddressView, RequestView};
use super::watch::Sight;
use super::watching::Wanted;
use crate::session::{IdentitySecret, Occasion, Offer};
use crate::store::{Change, Store};

impl<S: Store> Engine<S> {
    /// Makes an address with this label, under which the user knows it.
    ///
    /// # Errors
    /// [`EngineError`]; then none was made.
    pub fn create_address(
        &mut self,
        now: Timestamp,
        label: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<AddressLink, EngineError> {
        self.advance_clock(now);
        check_name(label)?;
        if self.book.addresses.values().any(|address| address.label == label) {
            return Err(EngineError::AddressTaken(label.to_owned()));
        }
        if self.book.addresses.len() >= ADDRESSES_MAX {
            return Err(EngineError::AddressesFull);
        }
        let address = Address::generate(label, now.as_millis(), rng);
        self.commit(now, vec![address.put()?])?;
        let link = address.link();
        self.book.addresses.insert(address.id, address);
        self.tend_soon(now);
        self.reconsider(now);
        Ok(link)
    }

    /// Withdraws an address: its keys are erased and taken away, and nobody can ask at it any more. Requests that wait
    /// and contacts that came by it stay.
    ///
    /// # Errors
    /// [`EngineError::AddressUnknown`] or [`EngineError::Store`].
    pub fn remove_address(
        &mut self,
        now: Timestamp,
        label: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let address = self.book.addresses.values().find(|address| address.label == label);
        let address = address.ok_or_else(|| EngineError::AddressUnknown(label.to_owned()))?;
        let (id, mut update) = (address.id, Update::of(address.id));
        update.changes.push(Change::Delete { key: address_key(id) });
        update.gone = self.book.outbox.owned(id).map(|(place, _)| place).collect();
        for published in &address.published {
            let mut write = address.bundles(published.period);
            (0..published.place).for_each(|_| write.skip());
            let tombstone = Parcel::Tombstone(write.tombstone_next());
            let outgoing = Outgoing::new(id, Purpose::Withdrawal, tombstone);
            update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        }
        self.make(now, update)?;
        self.book.addresses.remove(&id);
        self.watch(now, rng);
        Ok(())
    }

    /// The addresses of this profile, sorted by label.
    #[must_use]
    pub fn addresses(&self) -> Vec<AddressView> {
        let requests = |id| self.book.requests.values().filter(|request| request.note.address == id).count();
        let view = |address: &Address| AddressView {
            label: address.label.clone(),
            address: address.link().to_string(),
            created_ms: address.created_ms,
            is_published: address.published.iter().any(|one| one.period == period_of(self.now))
                && !self
                    .book
                    .outbox
                    .owned(address.id)
                    .any(|(_, outgoing)| outgoing.purpose == Purpose::AddressBundle),
            requests: u64::try_from(requests(address.id)).unwrap_or(u64::MAX),
        };
        let mut views: Vec<AddressView> = self.book.addresses.values().map(view).collect();
        views.sort_by(|one, other| one.label.cmp(&other.label));
        views
    }

    /// The requests that wait for a decision, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestView> {
        let label = |id| self.book.addresses.get(&id).map(|address: &Address| address.label.clone());
        let view = |request: &Request| RequestView {
            request: request.note.id,
            address: label(request.note.address),
            at_ms: request.note.at_ms,
            note: request.note.note.clone(),
        };
        let mut views: Vec<RequestView> = self.book.requests.values().map(view).collect();
        views.sort_by_key(|view| view.at_ms);
        views
    }

    /// Accepts a request: it becomes a contact of this name, and the other side learns of it.
    ///
    /// # Errors
    /// [`EngineError`]; then it waits on.
    pub fn accept_request(
        &mut self,
        now: Timestamp,
        request: &ContactId,
        name: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        self.check_new_name(now, name)?;
        self.check_room(1)?;
        let waiting = self.book.requests.get(request);
        let waiting = waiting.ok_or_else(|| EngineError::RequestUnknown(request.to_string()))?;
        let Some(live) = waiting.link.live() else {
            return Err(EngineError::RequestUnknown(request.to_string()));
        };
        let id = *request;
        let mut contact = Contact::new(id, name, Side::Host, waiting.note.tag, now);
        contact.standing = Standing::Established;
        let mut live = live.draft()?;
        let mut update = Update::of(id);
        update.boxes = sealing::seal(&mut live, now, id, Purpose::Welcome, (KIND_HELLO, &[]), rng)?;
        update.changes.push(Change::Delete { key: request_key(id) });
        update.events.push(Event::ContactEstablished { contact: name.to_owned() });
        if !waiting.note.note.is_empty() {
            let body = Body::Request(waiting.note.note.clone());
            let at_ms = waiting.note.at_ms;
            update.messages.push(Message::local(MessageId::generate(rng), id, 1, at_ms, body));
        }
        let mut person = Person::new(contact, Link::Live(Box::new(live)));
        person.bond = Some(waiting.bond.clone());
        self.meet(now, person, update)?;
        self.book.requests.remove(&id);
        self.tend_soon(now);
        Ok(())
    }

    /// Rejects a request: its keys are erased. The other side is not told.
    ///
    /// # Errors
    /// [`EngineError::RequestUnknown`] or [`EngineError::Store`].
    pub fn reject_request(&mut self, now: Timestamp, request: &ContactId) -> Result<(), EngineError> {
        self.advance_clock(now);
        if !self.book.requests.contains_key(request) {
            return Err(EngineError::RequestUnknown(request.to_string()));
        }
        let keys = [request_key(*request), link_key(*request), bond_key(*request)];
        self.commit(now, keys.map(|key| Change::Delete { key }).to_vec())?;
        self.book.requests.remove(request);
        Ok(())
    }

    /// What is to be watched for the addresses.
    pub(super) fn want_of_addresses(&self, now: Timestamp, wanted: &mut Wanted) {
        let current = period_of(now);
        for address in self.book.addresses.values() {
            let public = *address.link().public();
            // Keys of a period are good for the requests of the next one as well.
            for period in [current, current.saturating_sub(1)] {
                wanted.add(address.id, Sight::Requests { period, is_past: period != current }, || {
                    Some(Reader::begin(&rendezvous::address_requests(&public, period), 0))
                });
            }
            if !address.published.iter().any(|one| one.period == current) {
                wanted.add(address.id, Sight::AddressEnd { period: current }, || {
                    Some(Reader::new(address.bundles(current).read_cap(), 0))
                });
            }
        }
    }

    /// Lays out fresh keys of an address at the first free place.
    pub(super) fn publish(
        &mut self,
        now: Timestamp,
        id: ContactId,
        period: u64,
        place: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(address) = self.book.addresses.get(&id) else { return Ok(()) };
        let offer = Offer::new(IdentitySecret::generate(rng), rng);
        let parcel = sealing::seal_at(address.bundles(period), place, &offer.bundle(Occasion::Address), rng)?;
        let mut address = address.clone();
        address.published.retain(|one| one.period.saturating_add(PERIODS) > period);
        address.publish(Published { period, place, offer });
        let outgoing = Outgoing::new(id, Purpose::AddressBundle, parcel);
        let mut update = Update::of(id);
        update.changes.push(address.put()?);
        update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        self.make(now, update)?;
        self.book.addresses.insert(id, address);
        Ok(())
    }

    /// Other keys lie where ours were to lie: they have to go elsewhere.
    pub(super) fn address_displaced(
        &mut self,
        now: Timestamp,
        mut update: Update,
        id: ContactId,
    ) -> Result<(), EngineError> {
        let Some(address) = self.book.addresses.get(&id) else { return self.make(now, update) };
        let mut address = address.clone();
        address.published.pop();
        update.changes.push(address.put()?);
        self.make(now, update)?;
        self.book.addresses.insert(id, address);
        self.tend_soon(now);
        Ok(())
    }

    /// Takes a request that was found, if there is room for it.
    pub(super) fn take_request(
        &mut self,
        now: Timestamp,
        id: ContactId,
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Taken, EngineError> {
        let Some(address) = self.book.addresses.get(&id) else { return Ok(Taken::Done) };
        if self.book.requests.len() >= REQUESTS_MAX {
            return Ok(Taken::NotYet);
        }
        let tag = rendezvous::tag_of(text);
        let mut address = address.clone();
        if !address.note(tag) {
            self.count("request-replayed");
            return Ok(Taken::Done);
        }
        let (psk, policy) = (rendezvous::address_psk(address.link().public()), self.settings.kem);
        let mut refused = "request-without-keys";
        let opened = address.published.iter().rev().find_map(|published| {
            match published.offer.respond(Occasion::Address, &psk, text, policy, now) {
                Ok(made) => Some((published.offer.identity().clone(), made)),
                Err(refusal) => {
                    refused = refusal.label();
                    None
                }
            }
        });
        let Some((own, made)) = opened else {
            self.count(refused);
            self.commit(now, vec![address.put()?])?;
            self.book.addresses.insert(id, address);
            return Ok(Taken::Done);
        };
        let request = ContactId::generate(rng);
        let note = RequestNote {
            id: request,
            address: id,
            at_ms: now.as_millis(),
            note: note_of(&made.content),
            tag,
        };
        let bond = Bond::new(own, made.remote_identity, made.rekey_secret, false);
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, 0),
            read: Reader::begin(&made.read, 0),
        };
        let link = Link::Live(Box::new(live));
        let changes = vec![address.put()?, note.put()?, link.put(request)?, bond.put(request)?];
        self.commit(now, changes)?;
        self.events.push(Event::RequestReceived {
            request,
            address: address.label.clone(),
            note: note.note.clone(),
        });
        self.book.addresses.insert(id, address);
        self.book.requests.insert(request, Request { note, link, bond });
        Ok(Taken::Done)
    }
}

/// What the asking side wrote, if it wrote something that can be read.
fn note_of(content: &Zeroizing<Vec<u8>>) -> String {
    match Reassembly::default().push(content) {
        Ok(Some(whole)) if whole.kind == KIND_NOTE => String::from_utf8_lossy(&whole.bytes).into_owned(),
        _ => String::new(),
    }
}
