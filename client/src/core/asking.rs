//! Asking at somebody's contact address: finding its keys, laying out a request, waiting for the answer.
//!
//! ```text
//! keys of this period, or else of the one before --> session --> request at the first place that is free
//! ```
//!
//! The request goes into a stream that everybody with the address can write; who comes to a place first has it. The
//! owner's first box in the session says that it was accepted.

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::{ReadCap, WriteCap};
use sotto_protocol::codec;
use sotto_protocol::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::address::AddressLink;
use super::bond::Bond;
use super::book::Person;
use super::contact::{Contact, Side, Standing};
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::fragment::{KIND_HELLO, KIND_NOTE, split};
use super::id::ContactId;
use super::invite::InviteError;
use super::limits::{ASKING_PLACES_MAX, INVITE_TTL_MAX, REQUEST_NOTE_LEN_MAX};
use super::link::{Link, Live};
use super::outbox::Outgoing;
use super::parcel::{Parcel, Purpose};
use super::rendezvous::{self, period_of};
use super::renewing::Taken;
use super::sealing;
use super::stream::{Reader, Writer};
use super::update::Update;
use super::watch::Sight;
use super::watching::Wanted;
use crate::session::{Bundle, IdentitySecret, Occasion, initiate};
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError, record};

/// How long a request is worth waiting for: as long as mailboxes keep it.
const ASKING_TTL: Duration = INVITE_TTL_MAX;

/// What is kept of it. `Debug` shows no secret.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Asking {
    #[zeroize(skip)]
    contact: ContactId,
    address: [u8; 32],
    note: String,
    /// The request, once there is one; empty before.
    #[serde(with = "codec::bytes")]
    request: Vec<u8>,
    /// The period in whose stream it was laid out last, and the place.
    period: u64,
    place: u64,
    /// The newest keys that were found; they are looked for anew after a restart.
    #[serde(skip)]
    bundle: Option<Vec<u8>>,
    /// Whether keys of the period before are looked for.
    #[serde(skip)]
    looks_back: bool,
}

impl Asking {
    /// From its record, and whose it is.
    pub(crate) fn from_record(value: &[u8]) -> Result<(ContactId, Self), StoreError> {
        let asking: Self = record::decode(value)?;
        Ok((asking.contact, asking))
    }

    /// The request, once there is one.
    #[cfg(test)]
    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: asking_key(self.contact), value: record::encode(self)? })
    }

    /// Our request as a box of this place.
    fn sealed(&self, rng: &mut impl CryptoRng) -> Result<Parcel, EngineError> {
        let seed = rendezvous::address_requests(&self.address, self.period);
        sealing::seal_at(WriteCap::from_seed(seed.as_bytes()), self.place, &self.request, rng)
    }
}

/// Where a request of ours is kept.
pub(crate) const fn asking_key(contact: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Asking, id: *contact.as_bytes() }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asking(place {}, [scrubbed])", self.place)
    }
}

impl<S: Store> Engine<S> {
    /// Asks at an address: makes a contact of this name that is pending until the owner accepts. `note` goes along with
    /// the request, at most [`REQUEST_NOTE_LEN_MAX`] bytes.
    ///
    /// # Errors
    /// [`EngineError`]; then no contact was made.
    pub fn ask_at(
        &mut self,
        now: Timestamp,
        link: &str,
        name: &str,
        note: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<ContactId, EngineError> {
        self.advance_clock(now);
        let link = AddressLink::parse(link)?;
        if note.len() > REQUEST_NOTE_LEN_MAX {
            return Err(EngineError::NoteTooLong { len: note.len(), len_max: REQUEST_NOTE_LEN_MAX });
        }
        if self.book.addresses.values().any(|address| address.link() == link) {
            return Err(InviteError::Own.into());
        }
        let asked = |person: &Person| person.contact.invite_tag == link.tag() && person.contact.is_live(now);
        if self.book.people.values().any(asked) {
            return Err(InviteError::Asked.into());
        }
        self.check_new_name(now, name)?;
        self.check_room(1)?;
        let id = ContactId::generate(rng);
        let contact = Contact::new(id, name, Side::Requester, link.tag(), now + ASKING_TTL);
        let asking = Asking {
            contact: id,
            address: *link.public(),
            note: note.to_owned(),
            request: Vec::new(),
            period: period_of(now),
            place: 0,
            bundle: None,
            looks_back: false,
        };
        let mut update = Update::of(id);
        update.changes.push(asking.put()?);
        let mut person = Person::new(contact, Link::Closed);
        person.asking = Some(asking);
        self.meet(now, person, update)?;
        self.tend_soon(now);
        Ok(id)
    }

    /// What is to be watched for somebody whom we ask.
    pub(super) fn want_of_asking(&self, now: Timestamp, person: &Person, wanted: &mut Wanted) {
        let Some(asking) = person.asking.as_ref().filter(|asking| asking.request.is_empty()) else { return };
        let period = period_of(now).saturating_sub(u64::from(asking.looks_back));
        wanted.add(person.contact.id, Sight::AddressBundles { period }, || {
            let chain = rendezvous::address_bundles(&asking.address, period);
            ReadCap::along(&asking.address, &chain).ok().map(|read| Reader::new(read, 0))
        });
    }

    /// Keys of an address were found; newer ones may follow.
    pub(super) fn note_address_bundle(
        &mut self,
        contact: ContactId,
        bundle: &[u8],
    ) -> Result<Taken, EngineError> {
        let asking = self.book.people.get_mut(&contact).and_then(|person| person.asking.as_mut());
        if let Some(asking) = asking {
            asking.bundle = Some(bundle.to_vec());
        }
        Ok(Taken::Done)
    }

    /// There are no newer keys: asks with those that were found, or looks for older ones.
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get_mut(&contact) else { return Ok(()) };
        let Some(asking) = &mut person.asking else { return Ok(()) };
        let Some(bundle) = asking.bundle.take() else {
            asking.looks_back = !asking.looks_back;
            return Ok(());
        };
        let mut asking = asking.clone();
        let own = IdentitySecret::generate(rng);
        let kind = if asking.note.is_empty() { KIND_HELLO } else { KIND_NOTE };
        let texts =
            split(kind, asking.note.as_bytes()).map_err(|refusal| EngineError::Seal(refusal.to_string()))?;
        let content = texts.into_iter().next().unwrap_or_default();
        let (psk, policy) = (rendezvous::address_psk(&asking.address), self.settings.kem);
        let parsed = Bundle::parse(Occasion::Address, &bundle);
        let made = parsed.and_then(|parsed| {
            let made = initiate(&parsed, &own, &psk, &content, policy, now, rng)?;
            Ok((parsed.identity(), made))
        });
        let (remote, made) = match made {
            Ok(made) => made,
            Err(refusal) => return self.ask_in_vain(now, contact, refusal.label()),
        };
        asking.request = made.answer;
        (asking.period, asking.place) = (period_of(now), 0);
        let live = Live {
            session: made.session,
            write: Writer::begin(&made.write, 0),
            read: Reader::begin(&made.read, 0),
        };
        let bond = Bond::new(own, remote, made.rekey_secret, true);
        let mut update = self.begins(now, contact, live, bond, rng)?;
        self.request_box(&mut update, contact, &asking, rng)?;
        self.make(now, update)?;
        if let Some(person) = self.book.people.get_mut(&contact) {
            person.asking = Some(asking);
        }
        Ok(())
    }

    /// Somebody else's request lies where ours was to lie: it goes to the next place.
    pub(super) fn ask_elsewhere(
        &mut self,
        now: Timestamp,
        mut update: Update,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let asking = self.book.people.get(&contact).and_then(|person| person.asking.clone());
        let Some(mut asking) = asking else { return self.make(now, update) };
        asking.place = asking.place.saturating_add(1);
        if asking.place >= ASKING_PLACES_MAX {
            return self.ask_in_vain(now, contact, "address-busy");
        }
        self.request_box(&mut update, contact, &asking, rng)?;
        self.make(now, update)?;
        if let Some(person) = self.book.people.get_mut(&contact) {
            person.asking = Some(asking);
        }
        Ok(())
    }

    fn request_box(
        &self,
        update: &mut Update,
        contact: ContactId,
        asking: &Asking,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let outgoing = Outgoing::new(contact, Purpose::Request, asking.sealed(rng)?);
        update.boxes.push(((ContactId::generate(rng), 0), outgoing));
        update.changes.push(asking.put()?);
        Ok(())
    }

    /// Nothing can come of it.
    fn ask_in_vain(&mut self, now: Timestamp, contact: ContactId, label: &str) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        let mut changed = person.contact.clone();
        changed.standing = Standing::Spoiled;
        let mut update = Update::of(contact);
        update.link = Some(Link::Closed);
        update.gone = self.book.outbox.owned(contact).map(|(place, _)| place).collect();
        update.events.push(Event::BoxRefused { contact: changed.name.clone(), label: label.to_owned() });
        update.contact = Some(changed);
        update.changes.push(Change::Delete { key: asking_key(contact) });
        self.make(now, update)?;
        if let Some(person) = self.book.people.get_mut(&contact) {
            person.asking = None;
        }
        Ok(())
    }
}
