//! Whether a file that has come is the one that was offered: its hash, computed over what is kept, a few blocks at a time.

use sha2::{Digest, Sha256};
use sotto_protocol::time::Timestamp;

use super::transfer::{Owed, Stage, Transfer};
use crate::core::engine::Engine;
use crate::core::error::EngineError;
use crate::core::event::Event;
use crate::core::id::MessageId;
use crate::core::limits::HASHED_BLOCKS_MAX;
use crate::core::message::Direction;
use crate::core::update::Update;
use crate::store::Store;

/// How far the hash of one file is.
pub(super) struct Checking {
    id: MessageId,
    next_block: u32,
    hasher: Sha256,
}

impl<S: Store> Engine<S> {
    /// Goes on with the hash of a file that is whole. Whether there is one.
    pub(super) fn check_one(&mut self, now: Timestamp) -> Result<bool, EngineError> {
        let transfers = || self.book.people.values().flat_map(|person| person.transfers.values());
        let waits =
            |transfer: &&Transfer| transfer.stage == Stage::Checking && transfer.direction == Direction::In;
        let begun = self.files.checking.as_ref().map(|checking| checking.id);
        let going_on = transfers().filter(waits).find(|transfer| Some(transfer.id) == begun);
        let Some(transfer) = going_on.or_else(|| transfers().find(waits)) else { return Ok(false) };
        let begun = self.files.checking.take().filter(|checking| checking.id == transfer.id);
        let mut checking =
            begun.unwrap_or_else(|| Checking { id: transfer.id, next_block: 0, hasher: Sha256::new() });
        for _ in 0..HASHED_BLOCKS_MAX {
            if checking.next_block >= transfer.blocks() {
                break;
            }
            let block = transfer.block(self.keeper.store(), checking.next_block)?;
            // A piece that is missing makes another file than was offered.
            checking.hasher.update(block.as_ref().map_or(&[][..], |block| block.as_slice()));
            checking.next_block = checking.next_block.saturating_add(1);
        }
        if checking.next_block < transfer.blocks() {
            self.files.checking = Some(checking);
            return Ok(true);
        }
        let is_right = checking.hasher.finalize().as_slice() == transfer.sha256;
        let transfer = transfer.clone();
        self.checked(now, transfer, is_right)?;
        Ok(true)
    }

    fn checked(&mut self, now: Timestamp, mut transfer: Transfer, is_right: bool) -> Result<(), EngineError> {
        let (contact, seq) = (self.book.name(transfer.contact), transfer.seq);
        let mut update = Update::of(transfer.contact);
        if is_right {
            transfer.stage = Stage::Done;
            transfer.owed = Some(Owed::Received);
            update.events.push(Event::FileReady { contact, seq });
        } else {
            transfer.stage = Stage::Wrong;
            transfer.owed = Some(Owed::Cancelled);
            update.changes.extend(transfer.drop_bytes());
            update.events.push(Event::FileFailed { contact, seq, label: "file-hash".to_owned() });
        }
        update.transfers.push(transfer);
        self.make(now, update)
    }
}
