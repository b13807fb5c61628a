//! Which places are watched, and what is done with what is found there.
//!
//! What there is to watch follows from what is kept, and is worked out anew at regular times. What a found box means is
//! decided in [`super::renewing`], [`super::address`] and [`super::asking`].

use std::collections::BTreeSet;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::id::ContactId;
use super::inbox::Content;
use super::limits::WATCH_BOXES_MAX;
use super::rendezvous::{self, Direction, PERIODS, period_of};
use super::renewing::Taken;
use super::stream::Reader;
use super::watch::{Sight, Watch};
use crate::store::Store;

/// What is to be watched. Places that are watched already are not worked out again: each takes a multiplication on a curve, and
/// with a thousand contacts there are three thousand.
pub(crate) struct Wanted {
    known: BTreeSet<(ContactId, Sight)>,
    keys: BTreeSet<(ContactId, Sight)>,
    new: Vec<(ContactId, Sight, Reader)>,
}

impl Wanted {
    pub(crate) fn add(&mut self, owner: ContactId, sight: Sight, read: impl FnOnce() -> Option<Reader>) {
        self.keys.insert((owner, sight));
        if !self.known.contains(&(owner, sight)) {
            self.new.extend(read().map(|read| (owner, sight, read)));
        }
    }
}

impl<S: Store> Engine<S> {
    /// Watches what is to be watched now, and nothing else.
    pub(super) fn watch(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let known = self.book.watches.values().map(|watch| (watch.owner, watch.sight)).collect();
        let mut wanted = Wanted { known, keys: BTreeSet::new(), new: Vec::new() };
        for person in self.book.people.values().filter(|person| person.contact.is_served(now)) {
            self.want_of_person(now, person, &mut wanted);
        }
        self.want_of_addresses(now, &mut wanted);
        let Wanted { keys, new, .. } = wanted;
        self.book.watches.retain(|_, watch| keys.contains(&(watch.owner, watch.sight)));
        for (owner, sight, read) in new {
            self.book.watches.insert(ContactId::generate(rng), Watch::new(owner, sight, read));
        }
    }

    fn want_of_person(&self, now: Timestamp, person: &Person, wanted: &mut Wanted) {
        let (id, current) = (person.contact.id, period_of(now));
        self.want_of_asking(now, person, wanted);
        let Some(bond) = &person.bond else { return };
        let secret = &bond.rekey_secret;
        for ago in 0..PERIODS {
            let period = current.saturating_sub(ago);
            let direction = Direction::from(!bond.is_initiator);
            wanted.add(id, Sight::RekeyBundles { period, is_past: ago > 0 }, || {
                Some(Reader::begin(&rendezvous::rekey_bundles(secret, direction, period), 0))
            });
        }
        let Some(renewal) = &person.renewal else { return };
        if self.can_lay_out(person, current) {
            let direction = Direction::from(bond.is_initiator);
            wanted.add(id, Sight::RekeyEnd { period: current }, || {
                Some(Reader::begin(&rendezvous::rekey_bundles(secret, direction, current), 0))
            });
        }
        if renewal.laid_out.is_some() {
            let bundle = renewal.bundle();
            wanted.add(id, Sight::RekeyAnswer { tag: rendezvous::tag_of(&bundle) }, || {
                Some(Reader::begin(&rendezvous::rekey_answer(secret, &bundle), 0))
            });
        }
    }

    /// Takes what has come at a watched place, in order, as far as it can be taken now.
    pub(super) fn watched(
        &mut self,
        now: Timestamp,
        id: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        loop {
            let Some(watch) = self.book.watches.get(&id) else { return Ok(()) };
            let (owner, sight, index) = (watch.owner, watch.sight, watch.read.index());
            let is_absent = watch.inbox.is_absent(index);
            let Some(content) = watch.inbox.content(index) else {
                if is_absent {
                    self.nothing_there(now, owner, sight, index, rng)?;
                }
                return Ok(());
            };
            self.doubt_once(id);
            let taken = match content {
                Content::Text(text) => self.found_at(now, owner, sight, &text, rng)?,
                Content::Gone(label) => {
                    self.count(label);
                    Taken::Done
                }
            };
            if taken == Taken::NotYet || index >= WATCH_BOXES_MAX {
                return Ok(());
            }
            if let Some(watch) = self.book.watches.get_mut(&id) {
                watch.advance();
            }
        }
    }

    /// A contact that lays out keys has stored everything before: whether something is left to read is asked anew.
    fn doubt_once(&mut self, id: ContactId) {
        let Some(watch) = self.book.watches.get_mut(&id) else { return };
        let owner = watch.owner;
        if std::mem::replace(&mut watch.is_new, false)
            && let Some(person) = self.book.people.get_mut(&owner)
            && let Some(index) = person.link.reader().map(Reader::index)
        {
            person.inbox.doubt(index);
        }
    }

    fn found_at(
        &mut self,
        now: Timestamp,
        owner: ContactId,
        sight: Sight,
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Taken, EngineError> {
        match sight {
            Sight::RekeyBundles { .. } => self.take_bundle(now, owner, text, rng),
            Sight::RekeyAnswer { .. } => self.take_answer(now, owner, text, rng),
            Sight::Requests { .. } => self.take_request(now, owner, text, rng),
            Sight::AddressBundles { .. } => self.note_address_bundle(owner, text),
            // Somebody has been here; the next place may be free.
            Sight::RekeyEnd { .. } | Sight::AddressEnd { .. } => Ok(Taken::Done),
        }
    }

    /// Nothing lies at a watched place, as every mailbox says.
    fn nothing_there(
        &mut self,
        now: Timestamp,
        owner: ContactId,
        sight: Sight,
        index: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        match sight {
            Sight::RekeyEnd { period } => self.lay_out(now, owner, period, index, rng)?,
            Sight::AddressEnd { period } => self.publish(now, owner, period, index, rng)?,
            Sight::AddressBundles { .. } => self.ask(now, owner, rng)?,
            Sight::RekeyBundles { .. } | Sight::RekeyAnswer { .. } | Sight::Requests { .. } => return Ok(()),
        }
        self.watch(now, rng);
        Ok(())
    }
}
