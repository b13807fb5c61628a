//! What a user decides about files, and what is shown of them.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::filling::check_size;
use super::ranges::Ranges;
use super::transfer::{FILE_BLOCK_LEN, Owed, Stage, Transfer};
use super::view::{FileState, FileView, expected_rate};
use crate::core::book::Person;
use crate::core::engine::Engine;
use crate::core::error::EngineError;
use crate::core::letter::{Author, Content, Disappearing, Name, Reference, Verb};
use crate::core::limits::FILES_IN_LEN_MAX;
use crate::core::message::{Body, Direction, Message};
use crate::core::sending::check_writable;
use crate::core::update::Update;
use crate::store::Store;

/// A message that offers a file.
struct Offer<'a> {
    message: &'a Message,
    size: u64,
    sha256: [u8; 32],
    name: &'a str,
}

impl<'a> Offer<'a> {
    fn of(message: &'a Message) -> Option<Self> {
        match &message.body {
            Body::Letter(Content::File { size, sha256, name }) => {
                Some(Self { message, size: *size, sha256: *sha256, name })
            }
            _ => None,
        }
    }

    fn at(person: &'a Person, seq: u64) -> Result<Self, EngineError> {
        let message = person.messages.get(&seq).ok_or(EngineError::MessageUnknown(seq))?;
        Self::of(message).ok_or(EngineError::NoFile(seq))
    }
}

impl<S: Store> Engine<S> {
    /// Asks for a received file: for all of it, or for what is missing.
    ///
    /// # Errors
    /// [`EngineError::NoFile`], [`EngineError::FileState`], [`EngineError::FileSize`], [`EngineError::FilesFull`] and those of
    /// [`Engine::send`].
    pub fn accept_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let offer = Offer::at(person, seq)?;
        if offer.message.direction == Direction::Out {
            return Err(EngineError::FileState { seq, state: "sent" });
        }
        check_size(offer.size)?;
        let kept = person.transfers.get(&offer.message.id);
        let mut transfer = match kept {
            Some(kept) if matches!(kept.stage, Stage::Running | Stage::Paused) => {
                let mut transfer = kept.clone();
                transfer.stage = Stage::Running;
                transfer
            }
            None | Some(Transfer { stage: Stage::Offered | Stage::Wrong, .. }) => {
                if self.book.file_bytes(Direction::In).saturating_add(offer.size) > FILES_IN_LEN_MAX {
                    return Err(EngineError::FilesFull);
                }
                let place = (offer.message.id, person.contact.id, seq);
                let mut transfer = Transfer::new(place, Direction::In, (offer.size, offer.sha256));
                transfer.heard = kept.and_then(|kept| kept.heard);
                transfer.begin();
                transfer
            }
            Some(kept) => {
                return Err(EngineError::FileState { seq, state: FileState::of(kept.stage).label() });
            }
        };
        transfer.owed = None;
        let verb = transfer.wants();
        self.tell(now, contact, transfer, verb, rng)
    }

    /// Says of a received file that it is not wanted. What has come of it is deleted.
    ///
    /// # Errors
    /// As [`Engine::accept_file`].
    pub fn decline_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.end_file(now, contact, seq, Verb::Declined, rng)
    }

    /// Stops a file that is sent, or that is coming. What is kept of it is deleted on both sides.
    ///
    /// # Errors
    /// As [`Engine::accept_file`].
    pub fn cancel_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.end_file(now, contact, seq, Verb::Cancelled, rng)
    }

    /// Lets a file rest. The sender of a received one is told so; of one that is sent nobody is.
    ///
    /// # Errors
    /// As [`Engine::accept_file`].
    pub fn pause_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let mut transfer = self.running(contact, seq, |stage| stage == Stage::Running)?;
        self.files.pace.remove(&transfer.id);
        if transfer.direction == Direction::Out {
            transfer.stage = Stage::Held;
            let mut update = Update::of(transfer.contact);
            update.transfers.push(transfer);
            return self.make(now, update);
        }
        transfer.stage = Stage::Paused;
        self.tell(now, contact, transfer, Verb::Paused, rng)
    }

    /// Goes on with a file that rests.
    ///
    /// # Errors
    /// As [`Engine::accept_file`].
    pub fn resume_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        if Offer::at(person, seq)?.message.direction == Direction::In {
            return self.accept_file(now, contact, seq, rng);
        }
        let mut transfer = self.running(contact, seq, |stage| stage == Stage::Held)?;
        transfer.stage = Stage::Running;
        let mut update = Update::of(transfer.contact);
        update.transfers.push(transfer);
        self.make(now, update)
    }

    /// The bytes of a file from `at` on, at most [`FILE_BLOCK_LEN`]; none at its end. A received file is given only once it is
    /// whole and checked.
    ///
    /// # Errors
    /// [`EngineError::NoFile`], [`EngineError::FileState`], [`EngineError::FileData`] or [`EngineError::Store`].
    pub fn read_file(&self, contact: &str, seq: u64, at: u64) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let transfer = self.running(contact, seq, |stage| stage == Stage::Done)?;
        if at >= transfer.size {
            return Ok(Zeroizing::new(Vec::new()));
        }
        let block_len = FILE_BLOCK_LEN as u64;
        let block = u32::try_from(at / block_len).map_err(|_| EngineError::FileData)?;
        let bytes = transfer.block(self.keeper.store(), block)?.ok_or(EngineError::FileData)?;
        let from = usize::try_from(at % block_len).map_err(|_| EngineError::FileData)?;
        Ok(Zeroizing::new(bytes.get(from..).unwrap_or_default().to_vec()))
    }

    /// Every file of every conversation, in their order.
    #[must_use]
    pub fn files(&self, now: Timestamp) -> Vec<FileView> {
        let messages = self.book.people.values().flat_map(|person| {
            person.messages.values().filter_map(Offer::of).map(move |offer| (person, offer))
        });
        messages.map(|(person, offer)| self.file_view(now, person, &offer)).collect()
    }

    /// One file.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::MessageUnknown`] or [`EngineError::NoFile`].
    pub fn file(&self, now: Timestamp, contact: &str, seq: u64) -> Result<FileView, EngineError> {
        let person = self.book.named(contact)?;
        Ok(self.file_view(now, person, &Offer::at(person, seq)?))
    }

    fn file_view(&self, now: Timestamp, person: &Person, offer: &Offer<'_>) -> FileView {
        let transfer = person.transfers.get(&offer.message.id);
        let state = match (transfer, offer.message.direction) {
            (Some(transfer), _) => FileState::of(transfer.stage),
            (None, Direction::In) => FileState::Offered,
            // A restored profile has no copies of what it sent.
            (None, Direction::Out) => FileState::Failed,
        };
        let done_bytes = transfer.map_or(0, |transfer| self.file_done_bytes(transfer));
        let rate = (state == FileState::Running).then(|| {
            let pace = self.files.pace.get(&offer.message.id);
            pace.and_then(|pace| pace.rate(now, done_bytes)).or_else(|| self.file_rate()).unwrap_or(0)
        });
        let left = offer.size.saturating_sub(done_bytes);
        FileView {
            contact: person.contact.name.clone(),
            seq: offer.message.seq,
            direction: offer.message.direction,
            name: offer.name.to_owned(),
            size: offer.size,
            state,
            done_bytes,
            rate_bytes_per_s: rate,
            eta_s: rate.and_then(|rate| (rate > 0).then(|| left.div_ceil(rate))),
        }
    }

    /// What the slots of the class carry, in bytes per second.
    fn file_rate(&self) -> Option<u64> {
        let replicas = self.consensus.as_ref()?.params.replicas;
        Some(expected_rate(self.class()?.payload_interval_ms_mean, replicas))
    }

    /// The transfer of a file at a stage that allows something.
    fn running(&self, contact: &str, seq: u64, may: impl Fn(Stage) -> bool) -> Result<Transfer, EngineError> {
        let person = self.book.named(contact)?;
        let offer = Offer::at(person, seq)?;
        let transfer = person.transfers.get(&offer.message.id);
        let stage = transfer.map_or(Stage::Offered, |transfer| transfer.stage);
        let found = transfer.filter(|transfer| may(transfer.stage)).cloned();
        found.ok_or_else(|| EngineError::FileState { seq, state: FileState::of(stage).label() })
    }

    fn end_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        seq: u64,
        verb: Verb,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        let offer = Offer::at(person, seq)?;
        let direction = offer.message.direction;
        if direction == Direction::Out && verb == Verb::Declined {
            return Err(EngineError::FileState { seq, state: "sent" });
        }
        let kept = person.transfers.get(&offer.message.id).cloned();
        let place = (offer.message.id, person.contact.id, seq);
        let mut transfer =
            kept.unwrap_or_else(|| Transfer::new(place, direction, (offer.size, offer.sha256)));
        let state = FileState::of(transfer.stage);
        if state.is_over() || state == FileState::Checking {
            return Err(EngineError::FileState { seq, state: state.label() });
        }
        transfer.stage = if verb == Verb::Declined { Stage::Declined } else { Stage::Cancelled };
        transfer.owed = None;
        self.files.pace.remove(&transfer.id);
        self.tell(now, contact, transfer, verb, rng)
    }

    /// Keeps a transfer as it is now, and tells the other side.
    fn tell(
        &mut self,
        now: Timestamp,
        contact: &str,
        mut transfer: Transfer,
        verb: Verb,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let person = self.book.named(contact)?;
        let mut update = Update::of(person.contact.id);
        if !transfer.has_bytes() {
            update.changes.extend(transfer.drop_bytes());
        }
        let file = (transfer.direction, transfer.seq);
        update.transfers.push(transfer);
        let message = self.compose_answer(now, person, file, verb, &mut update, rng)?;
        self.post(now, update, message, rng)?;
        Ok(())
    }

    /// A letter that answers to a file.
    pub(super) fn compose_answer(
        &self,
        now: Timestamp,
        person: &Person,
        (direction, seq): (Direction, u64),
        verb: Verb,
        update: &mut Update,
        rng: &mut impl CryptoRng,
    ) -> Result<Message, EngineError> {
        let message = person.messages.get(&seq);
        let name: Name = message.and_then(|message| message.name).ok_or(EngineError::MessageUnknown(seq))?;
        let author = if direction == Direction::Out { Author::Sender } else { Author::Receiver };
        let content = Content::FileAnswer { of: Reference { author, name }, verb };
        let mut answer = self.compose(now, person, content, Disappearing::OFF, update, rng);
        answer.refers_to = Some(seq);
        Ok(answer)
    }

    /// A new session has begun: what was sealed in the one before may be lost. Whoever receives asks again for what is
    /// missing; whoever sends waits for that.
    pub(in crate::core) fn files_renewed(person: &Person) -> Vec<Transfer> {
        let changed = |transfer: &Transfer| {
            let mut transfer = transfer.clone();
            match (transfer.direction, transfer.stage) {
                (Direction::In, Stage::Running) => transfer.owed = Some(Owed::Wanted),
                (Direction::Out, Stage::Running) => {
                    transfer.stage = Stage::Offered;
                    transfer.open = Ranges::default();
                }
                (Direction::Out, Stage::Held) => transfer.open = Ranges::default(),
                _ => return None,
            }
            Some(transfer)
        };
        person.transfers.values().filter_map(changed).collect()
    }
}
