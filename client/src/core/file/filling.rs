//! A file that is handed over to be sent: its bytes are kept before anything of it is offered.
//!
//! They come in blocks, each of which is one commit, so that no packet waits long. A file that is not handed over to its
//! end leaves nothing: its pieces are found and deleted when the next one comes or the store is opened.

use rand::CryptoRng;
use sha2::{Digest, Sha256};
use sotto_protocol::time::Timestamp;

use super::transfer::{FILE_BLOCK_LEN, Transfer, put_chunk};
use crate::core::engine::Engine;
use crate::core::error::EngineError;
use crate::core::id::{ContactId, MessageId};
use crate::core::letter::{Content, Disappearing};
use crate::core::limits::{FILE_LEN_MAX, FILE_NAME_LEN_MAX, FILES_OUT_LEN_MAX};
use crate::core::message::Direction;
use crate::core::sending::{check_disappearing, check_writable};
use crate::core::update::Update;
use crate::store::Store;

/// The file that is being handed over.
pub(super) struct Filling {
    transfer: Transfer,
    contact: ContactId,
    name: String,
    disappearing: Option<Disappearing>,
    filled: u64,
    hasher: Sha256,
}

impl<S: Store> Engine<S> {
    /// Begins to take a file of `size` bytes for a contact. Its bytes follow by [`Engine::fill_file`]. One that was begun
    /// before and not finished is forgotten.
    ///
    /// # Errors
    /// [`EngineError::FileSize`], [`EngineError::FileName`], [`EngineError::FilesFull`] and those of [`Engine::send`].
    pub fn begin_file(
        &mut self,
        now: Timestamp,
        contact: &str,
        name: &str,
        size: u64,
        disappearing: Option<Disappearing>,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, EngineError> {
        self.advance_clock(now);
        let person = self.book.named(contact)?;
        check_writable(person, now)?;
        if let Some(limits) = disappearing {
            check_disappearing(limits)?;
        }
        check_size(size)?;
        if name.len() > FILE_NAME_LEN_MAX {
            return Err(EngineError::FileName);
        }
        if self.book.file_bytes(Direction::Out).saturating_add(size) > FILES_OUT_LEN_MAX {
            return Err(EngineError::FilesFull);
        }
        let (id, contact) = (MessageId::generate(rng), person.contact.id);
        let transfer = Transfer::new((id, contact, 0), Direction::Out, (size, [0; 32]));
        let (name, hasher) = (name.to_owned(), Sha256::new());
        let filling = Filling { transfer, contact, name, disappearing, filled: 0, hasher };
        self.drop_filling(now);
        self.files.filling = Some(filling);
        Ok(id)
    }

    /// Takes the next block of a file: [`FILE_BLOCK_LEN`] bytes, fewer only at its end.
    ///
    /// # Errors
    /// [`EngineError::FileData`] if it is not the next block of the file that was begun; [`EngineError::Store`].
    pub fn fill_file(
        &mut self,
        now: Timestamp,
        id: &MessageId,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let filling = self.files.filling.as_ref().filter(|filling| filling.transfer.id == *id);
        let filling = filling.ok_or(EngineError::FileData)?;
        let left = filling.transfer.size.saturating_sub(filling.filled);
        let expected = usize::try_from(left).unwrap_or(usize::MAX).min(FILE_BLOCK_LEN);
        if at != filling.filled || bytes.len() != expected || expected == 0 {
            return Err(EngineError::FileData);
        }
        let block =
            u32::try_from(filling.filled / FILE_BLOCK_LEN as u64).map_err(|_| EngineError::FileData)?;
        let change = put_chunk(*id, block, bytes)?;
        self.commit(now, vec![change])?;
        if let Some(filling) = &mut self.files.filling {
            filling.filled = filling.filled.saturating_add(bytes.len() as u64);
            filling.hasher.update(bytes);
        }
        Ok(())
    }

    /// Offers the file that was handed over: a letter like any other, numbered and with limits of existence.
    ///
    /// # Errors
    /// [`EngineError::FileData`] if bytes are missing, and those of [`Engine::send`].
    pub fn offer_file(
        &mut self,
        now: Timestamp,
        id: &MessageId,
        rng: &mut impl CryptoRng,
    ) -> Result<u64, EngineError> {
        self.advance_clock(now);
        self.check_room(1)?;
        let filling = self.files.filling.as_ref().filter(|filling| filling.transfer.id == *id);
        let filling = filling.ok_or(EngineError::FileData)?;
        if filling.filled != filling.transfer.size {
            return Err(EngineError::FileData);
        }
        let Some(person) = self.book.people.get(&filling.contact) else { return Err(EngineError::FileData) };
        check_writable(person, now)?;
        let mut transfer = filling.transfer.clone();
        transfer.sha256 = filling.hasher.clone().finalize().into();
        let disappearing = filling.disappearing.unwrap_or(person.ledger.defaults);
        let (size, sha256) = (transfer.size, transfer.sha256);
        let content = Content::File { size, sha256, name: filling.name.clone() };
        let mut update = Update::of(person.contact.id);
        let mut message = self.compose(now, person, content, disappearing, &mut update, rng);
        message.id = *id;
        transfer.seq = message.seq;
        let seq = message.seq;
        update.transfers.push(transfer);
        self.post(now, update, message, rng)?;
        self.files.filling = None;
        Ok(seq)
    }

    /// Forgets a file that was begun; its pieces are deleted soon.
    fn drop_filling(&mut self, now: Timestamp) {
        if let Some(filling) = self.files.filling.take() {
            let blocks = filling.filled.div_ceil(FILE_BLOCK_LEN as u64);
            let count = usize::try_from(blocks).unwrap_or(usize::MAX);
            self.book.orphans.add(filling.transfer.chunk_keys().take(count));
            self.files.wake(now);
        }
    }
}

/// Whether a file of so many bytes can be sent or asked for.
pub(super) const fn check_size(size: u64) -> Result<(), EngineError> {
    if size == 0 || size > FILE_LEN_MAX { Err(EngineError::FileSize(size)) } else { Ok(()) }
}
