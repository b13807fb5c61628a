//! What a contact says of files, and parts that come, before it is kept.
//!
//! A part is kept if the file was asked for, the part is missing and has its length. Everything else that claims to be a part
//! is refused by name or counted, and changes nothing.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::filling::check_size;
use super::part::Part;
use super::ranges::Ranges;
use super::transfer::{Owed, Stage, Transfer, put_chunk};
use crate::core::event::Event;
use crate::core::harvest::Harvest;
use crate::core::id::MessageId;
use crate::core::letter::{Author, Content, Name, Reference, Verb};
use crate::core::limits::{
    FILE_ACCEPTED_LEN_MAX, FILES_COMING_MAX, FILES_IN_LEN_MAX, PART_GAPS_MAX, PART_RESENDS_MAX,
    PART_RESENDS_SLACK,
};
use crate::core::message::{Body, Direction, Message};
use crate::store::StoreError;

/// What the boxes that have come say of files.
pub(in crate::core) struct Coming {
    /// As they are then.
    pub(in crate::core) transfers: BTreeMap<MessageId, Transfer>,
    pub(in crate::core) events: Vec<Event>,
    /// Bytes of received files that can be kept beside those that are.
    room: u64,
}

impl Coming {
    /// While received files take so many bytes.
    pub(in crate::core) const fn new(kept_bytes: u64) -> Self {
        let room = FILES_IN_LEN_MAX.saturating_sub(kept_bytes);
        Self { transfers: BTreeMap::new(), events: Vec::new(), room }
    }
}

impl Harvest<'_> {
    /// Takes a part.
    pub(in crate::core) fn part(&mut self, content: &Zeroizing<Vec<u8>>) -> Result<(), StoreError> {
        let Some(part) = Part::parse(content) else { return self.refuse("file-part-short") };
        let Some(Offer { id, .. }) = self.offer(Direction::In, part.file) else { return self.unasked() };
        let Some(transfer) = self.transfer(id) else { return self.unasked() };
        let is_wanted = matches!(transfer.stage, Stage::Running | Stage::Paused);
        if transfer.direction != Direction::In || !is_wanted {
            return self.unasked();
        }
        if part.index >= transfer.parts() {
            return self.refuse("file-part-index");
        }
        if part.bytes.len() != transfer.part_len(part.index) {
            return self.refuse("file-part-length");
        }
        if !transfer.open.contains(part.index) {
            self.counted.push("file-part-repeat");
            return Ok(());
        }
        let mut open = transfer.open.clone();
        open.remove(part.index);
        if open.as_slice().len() > PART_GAPS_MAX {
            return self.refuse("file-part-gaps");
        }
        transfer.open = open;
        if transfer.open.is_empty() {
            transfer.stage = Stage::Checking;
            transfer.owed = None;
        } else if part.index == transfer.asked_to && transfer.stage == Stage::Running {
            // Parts come in the order in which they were asked for: what is missing before it was lost.
            transfer.owed = Some(Owed::Wanted);
        }
        self.changes.push(put_chunk(id, part.index, part.bytes)?);
        Ok(())
    }

    fn refuse(&mut self, label: &'static str) -> Result<(), StoreError> {
        self.refused.push(label);
        Ok(())
    }

    /// Parts that were on their way when a file was cancelled are no fault.
    fn unasked(&mut self) -> Result<(), StoreError> {
        self.counted.push("file-part-unasked");
        Ok(())
    }

    /// A letter offers a file. A short one is asked for at once, while few are under way and there is room.
    pub(in crate::core) fn offered(&mut self, message: &Message) {
        let Body::Letter(Content::File { size, sha256, .. }) = &message.body else { return };
        if check_size(*size).is_err() {
            return self.doubts.push("file-size");
        }
        let before = self.person.transfers.values().filter(|transfer| transfer.is_coming());
        let fresh = self.coming.transfers.keys().filter(|id| !self.person.transfers.contains_key(*id));
        let has_turn = before.count().saturating_add(fresh.count()) < FILES_COMING_MAX;
        if *size > FILE_ACCEPTED_LEN_MAX || *size > self.coming.room || !has_turn {
            return;
        }
        self.coming.room = self.coming.room.saturating_sub(*size);
        let place = (message.id, message.contact, message.seq);
        let mut transfer = Transfer::new(place, Direction::In, (*size, *sha256));
        transfer.begin();
        self.coming.transfers.insert(message.id, transfer);
    }

    /// A letter answers to a file, ours or one of the same sender.
    pub(in crate::core) fn answered(&mut self, letter: Name, of: &Reference, verb: &Verb) {
        let direction = if of.author == Author::Sender { Direction::In } else { Direction::Out };
        let Some(Offer { id, seq, size, sha256 }) = self.offer(direction, of.name) else {
            return self.doubts.push("file-answer-unknown");
        };
        if direction == Direction::In && *verb != Verb::Cancelled {
            return self.doubts.push("file-answer-not-receiver");
        }
        if self.transfer(id).is_none() {
            // Nothing of it is here: it was never asked for, or this profile was restored.
            let mut transfer = Transfer::new((id, self.contact.id, seq), direction, (size, sha256));
            transfer.stage = if direction == Direction::Out { Stage::Gone } else { Stage::Offered };
            self.coming.transfers.insert(id, transfer);
        }
        let Some(transfer) = self.transfer(id) else { return };
        let is_old = |heard: &Name| heard.series == letter.series && heard.number > letter.number;
        if transfer.heard.as_ref().is_some_and(is_old) {
            return self.counted.push("file-answer-old");
        }
        transfer.heard = Some(letter);
        let outcome = transfer.hear(verb);
        if matches!(outcome, Ok(Heard::Dropped(_))) {
            let gone = transfer.drop_bytes();
            self.changes.extend(gone);
        }
        let contact = self.contact.name.clone();
        match outcome {
            Err(label) => self.doubts.push(label),
            Ok(Heard::Nothing) => {}
            Ok(Heard::Received) => self.coming.events.push(Event::FileReady { contact, seq }),
            Ok(Heard::Dropped(label)) => {
                self.coming.events.push(Event::FileFailed { contact, seq, label: label.to_owned() });
            }
        }
    }

    /// The message that offers a file under this name.
    fn offer(&self, direction: Direction, name: Name) -> Option<Offer> {
        let is = |message: &&Message| message.direction == direction && message.name == Some(name);
        let message = self.messages.iter().find(is).or_else(|| self.person.letter(direction, name))?;
        let message = self.changed.get(&message.id).unwrap_or(message);
        match &message.body {
            Body::Letter(Content::File { size, sha256, .. }) => {
                Some(Offer { id: message.id, seq: message.seq, size: *size, sha256: *sha256 })
            }
            _ => None,
        }
    }

    /// A transfer, to be changed.
    fn transfer(&mut self, id: MessageId) -> Option<&mut Transfer> {
        if !self.coming.transfers.contains_key(&id) {
            self.coming.transfers.insert(id, self.person.transfers.get(&id)?.clone());
        }
        self.coming.transfers.get_mut(&id)
    }
}

/// A message that offers a file.
struct Offer {
    id: MessageId,
    seq: u64,
    size: u64,
    sha256: [u8; 32],
}

/// What an answer has led to.
enum Heard {
    Nothing,
    Received,
    /// Its bytes are not needed any more, for this reason.
    Dropped(&'static str),
}

impl Transfer {
    /// Everything of it is wanted.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::Running;
        self.open = Ranges::up_to(self.parts());
        self.owed = Some(Owed::Wanted);
    }

    fn hear(&mut self, verb: &Verb) -> Result<Heard, &'static str> {
        match verb {
            Verb::Wanted(ranges) => return self.wanted(ranges),
            _ if !self.has_bytes() && self.direction == Direction::Out => return Ok(Heard::Nothing),
            Verb::Paused if self.stage == Stage::Running => self.stage = Stage::Paused,
            Verb::Received if self.stage != Stage::Done => {
                self.stage = Stage::Done;
                self.open = Ranges::default();
                return Ok(Heard::Received);
            }
            Verb::Declined => {
                self.stage = Stage::Declined;
                return Ok(Heard::Dropped("file-declined"));
            }
            // What is whole here stays, whatever its sender thinks of it.
            Verb::Cancelled if !matches!(self.stage, Stage::Done | Stage::Checking | Stage::Cancelled) => {
                self.stage = Stage::Cancelled;
                self.owed = None;
                return Ok(Heard::Dropped("file-cancelled"));
            }
            Verb::Paused | Verb::Received | Verb::Cancelled => {}
        }
        Ok(Heard::Nothing)
    }

    fn wanted(&mut self, ranges: &[(u32, u32)]) -> Result<Heard, &'static str> {
        if !self.has_bytes() {
            self.owed = Some(Owed::Cancelled);
            return Ok(Heard::Nothing);
        }
        let wanted = Ranges::from_ascending(ranges.to_vec());
        if wanted.last().is_none_or(|last| last >= self.parts()) {
            return Err("file-range");
        }
        let asked = self.asked.saturating_add(wanted.len());
        let times = PART_RESENDS_MAX.saturating_add(1);
        if asked > u64::from(self.parts()).saturating_mul(times).saturating_add(PART_RESENDS_SLACK) {
            return Err("file-wanted-often");
        }
        (self.asked, self.open) = (asked, wanted);
        if self.stage != Stage::Held {
            self.stage = Stage::Running;
        }
        Ok(Heard::Nothing)
    }
}
