//! When something is to be done for files, and what: never in a tick, one thing at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::checking::Checking;
use super::filling::Filling;
use super::transfer::{Owed, Stage, Transfer, owner};
use super::view::{Pace, done_bytes};
use crate::core::book::Book;
use crate::core::engine::Engine;
use crate::core::error::EngineError;
use crate::core::event::Event;
use crate::core::id::{ContactId, MessageId};
use crate::core::letter::Verb;
use crate::core::limits::{ORPHANS_BATCH_MAX, PARTS_HELD, STORE_RETRY, WANTED_RANGES_MAX};
use crate::core::message::{Body, Direction, Message};
use crate::core::parcel::Purpose;
use crate::core::sending::check_writable;
use crate::core::update::Update;
use crate::store::{Change, RecordKey, Store};

/// What is under way, in memory only: a crash begins it again. `Debug` shows nothing of it.
pub(crate) struct FileDesk {
    /// When to look next.
    pub(super) at: Timestamp,
    pub(super) filling: Option<Filling>,
    pub(super) checking: Option<Checking>,
    /// Contacts for whom no part is sealed until then.
    pub(super) held: BTreeMap<ContactId, Timestamp>,
    pub(super) pace: BTreeMap<MessageId, Pace>,
}

impl FileDesk {
    /// For what this book has.
    pub(crate) fn of(book: &Book) -> Self {
        let has_work =
            !book.orphans.0.is_empty() || book.people.values().any(|person| !person.transfers.is_empty());
        let at = if has_work { Timestamp::from_micros(0) } else { Timestamp::NEVER };
        Self { at, filling: None, checking: None, held: BTreeMap::new(), pace: BTreeMap::new() }
    }

    /// When to look next.
    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Something may be to do from this moment on.
    pub(crate) fn wake(&mut self, at: Timestamp) {
        self.at = self.at.min(at);
    }
}

impl fmt::Debug for FileDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileDesk")
    }
}

/// Pieces that belong to no transfer: a crash came before the file that they were to make.
#[derive(Default)]
pub(crate) struct Orphans(Vec<RecordKey>);

impl Orphans {
    /// Those of these pieces that belong to nobody.
    pub(crate) fn among(pieces: Vec<RecordKey>, book: &Book) -> Self {
        let transfers = book.people.values().flat_map(|person| person.transfers.keys());
        let owners: BTreeSet<&[u8; 12]> = transfers.filter_map(|id| owner(id.as_bytes())).collect();
        let belongs = |key: &RecordKey| owner(&key.id).is_some_and(|owner| owners.contains(owner));
        Self(pieces.into_iter().filter(|key| !belongs(key)).collect())
    }

    pub(super) fn add(&mut self, keys: impl IntoIterator<Item = RecordKey>) {
        self.0.extend(keys);
    }
}

impl<S: Store> Engine<S> {
    /// Does one of the things that are due for files.
    pub(in crate::core) fn tend_files(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.files.held.retain(|_, until| *until > now);
        self.files.at = self.files.held.values().copied().min().unwrap_or(Timestamp::NEVER);
        if self.keeper.is_undecided() {
            return self.files.wake(now + STORE_RETRY);
        }
        match self.tend_one_file(now, rng) {
            Ok(true) => self.files.wake(now),
            Ok(false) => {}
            Err(error) => {
                self.count(error.label());
                self.files.wake(now + STORE_RETRY);
            }
        }
    }

    /// Whether there was something to do.
    fn tend_one_file(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<bool, EngineError> {
        if !self.book.orphans.0.is_empty() {
            let count = self.book.orphans.0.len().min(ORPHANS_BATCH_MAX);
            let batch = self.book.orphans.0.iter().take(count);
            let changes = batch.map(|key| Change::Delete { key: *key }).collect();
            self.commit(now, changes)?;
            self.book.orphans.0.drain(..count);
            return Ok(true);
        }
        Ok(self.answer_owed(now, rng)? || self.check_one(now)? || self.seal_parts(now, rng)?)
    }

    /// Writes the first answer that somebody is owed.
    fn answer_owed(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<bool, EngineError> {
        let writable = self.book.people.values().filter(|person| check_writable(person, now).is_ok());
        let mut transfers =
            writable.flat_map(|person| person.transfers.values().map(move |own| (person, own)));
        let Some((person, transfer)) = transfers.find(|(_, transfer)| transfer.owed.is_some()) else {
            return Ok(false);
        };
        let mut transfer = transfer.clone();
        let verb = match transfer.owed.take() {
            Some(Owed::Wanted) if !transfer.is_coming() => None,
            Some(Owed::Wanted) => Some(transfer.wants()),
            Some(Owed::Cancelled) => Some(Verb::Cancelled),
            Some(Owed::Received) => Some(Verb::Received),
            None => None,
        };
        let mut update = Update::of(person.contact.id);
        let (direction, seq) = (transfer.direction, transfer.seq);
        update.transfers.push(transfer);
        let Some(verb) = verb else {
            self.make(now, update)?;
            return Ok(true);
        };
        let message = self.compose_answer(now, person, (direction, seq), verb, &mut update, rng)?;
        self.post(now, update, message, rng)?;
        Ok(true)
    }

    /// No part is sealed for a contact for a while: its new session waits until the old one is drained.
    pub(in crate::core) fn hold_parts(&mut self, now: Timestamp, contact: ContactId) {
        self.files.held.insert(contact, now + PARTS_HELD);
        self.files.wake(now + PARTS_HELD);
    }

    /// The new session is there: parts may be sealed in it.
    pub(in crate::core) fn let_parts_go(&mut self, now: Timestamp, contact: ContactId) {
        self.files.held.remove(&contact);
        self.files.wake(now);
    }

    /// How much of a file is done, in bytes.
    pub(super) fn file_done_bytes(&self, transfer: &Transfer) -> u64 {
        let of_it = |purpose: Purpose| matches!(purpose, Purpose::Part(id, _) if id == transfer.id);
        let boxes = self.book.outbox.of(transfer.contact).filter(|(_, outgoing)| of_it(outgoing.purpose));
        let lens = boxes.filter_map(|(_, outgoing)| match outgoing.purpose {
            Purpose::Part(_, index) => Some(transfer.part_len(index) as u64),
            _ => None,
        });
        done_bytes(transfer, lens.sum())
    }

    /// Tells how far files are, if that is news.
    pub(in crate::core) fn tell_progress(&mut self, now: Timestamp, contact: ContactId, files: &[MessageId]) {
        for id in files {
            let Some(person) = self.book.people.get(&contact) else { return };
            let Some(transfer) = person.transfers.get(id) else { continue };
            if transfer.stage != Stage::Running {
                self.files.pace.remove(id);
                continue;
            }
            let (seq, size, done_bytes) = (transfer.seq, transfer.size, self.file_done_bytes(transfer));
            let contact = person.contact.name.clone();
            let pace = self.files.pace.entry(*id).or_insert_with(|| Pace::new(now, done_bytes));
            if pace.is_news(done_bytes, size) {
                self.events.push(Event::FileProgress { contact, seq, done_bytes, size });
            }
        }
    }
}

impl Transfer {
    /// What is missing, as far as one answer can say it, and that it was asked for.
    pub(super) fn wants(&mut self) -> Verb {
        let ranges = self.open.as_slice();
        let ranges = ranges.get(..ranges.len().min(WANTED_RANGES_MAX)).unwrap_or_default().to_vec();
        self.asked_to = ranges.last().map_or(0, |(_, last)| *last);
        Verb::Wanted(ranges)
    }
}

impl Book {
    /// Transfers of messages that go, or are no files any more.
    pub(in crate::core) fn files_gone(
        &self,
        removed: &[MessageId],
        changed: &[Message],
        transfers: &[Transfer],
    ) -> Vec<Transfer> {
        let is_file = |message: &Message| {
            matches!(&message.body, Body::Letter(crate::core::letter::Content::File { .. }))
        };
        let emptied = changed.iter().filter(|message| !is_file(message)).map(|message| &message.id);
        let gone = removed.iter().chain(emptied);
        gone.filter_map(|id| {
            // What the same update changes knows of pieces that are kept with it.
            let updated = transfers.iter().find(|transfer| transfer.id == *id);
            let kept = || {
                let (contact, _) = self.places().of(id)?;
                self.people.get(&contact)?.transfers.get(id)
            };
            updated.or_else(kept).cloned()
        })
        .collect()
    }

    /// How many bytes of files are kept, of those that were sent or those that were received.
    pub(in crate::core) fn file_bytes(&self, direction: Direction) -> u64 {
        let transfers = self.people.values().flat_map(|person| person.transfers.values());
        let kept = transfers.filter(|transfer| transfer.direction == direction && transfer.has_bytes());
        kept.map(|transfer| transfer.size).fold(0, u64::saturating_add)
    }
}

/// The changes that leave nothing of these transfers.
pub(in crate::core) fn forget_files<'a>(gone: impl Iterator<Item = &'a Transfer>) -> Vec<Change> {
    let keys = gone.flat_map(|transfer| transfer.chunk_keys().chain([transfer.key()]));
    keys.map(|key| Change::Delete { key }).collect()
}
