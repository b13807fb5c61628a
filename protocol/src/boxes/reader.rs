//! The key to one box: its name and what opens it. Where it stands in its stream, and how the next one is
//! found, is the business of [`super::ReadCap`].

use std::fmt;

use zeroize::Zeroizing;

use super::id::BoxId;
use super::refusal::BoxRefusal;
use super::sealed::SealedBox;
use super::tombstone::Tombstone;

/// What names and opens one box of a stream. `Debug` shows nothing; dropped, it is wiped.
pub struct BoxReader {
    index: u64,
    id: BoxId,
    encryption: Zeroizing<[u8; 32]>,
}

impl BoxReader {
    pub(super) const fn new(index: u64, id: BoxId, encryption: Zeroizing<[u8; 32]>) -> Self {
        Self { index, id, encryption }
    }

    /// The box's place in its stream, counted from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The box's name, to ask mailboxes for.
    #[must_use]
    pub const fn id(&self) -> &BoxId {
        &self.id
    }

    /// Verifies and opens a box that a mailbox gave for this name: the text that the writer sealed, at most
    /// [`super::BOX_CONTENT_LEN_MAX`] bytes.
    ///
    /// # Errors
    /// [`BoxRefusal::OtherId`] for a box with another name; [`BoxRefusal::Signature`] for one that the
    /// stream's writer did not make; [`BoxRefusal::Ciphertext`] and [`BoxRefusal::Padding`] for one that the
    /// writer made wrongly.
    pub fn open(&self, sealed: &SealedBox) -> Result<Vec<u8>, BoxRefusal> {
        if sealed.id() != &self.id {
            return Err(BoxRefusal::OtherId);
        }
        sealed.verify()?;
        sealed.open(&self.encryption)
    }

    /// Checks that the stream's writer has withdrawn this box.
    ///
    /// # Errors
    /// [`BoxRefusal::OtherId`] for a tombstone with another name, [`BoxRefusal::Signature`] for a forged one.
    pub fn check_tombstone(&self, tombstone: &Tombstone) -> Result<(), BoxRefusal> {
        if tombstone.id() != &self.id {
            return Err(BoxRefusal::OtherId);
        }
        tombstone.verify()
    }
}

impl fmt::Debug for BoxReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxReader(index {}, [scrubbed])", self.index)
    }
}
