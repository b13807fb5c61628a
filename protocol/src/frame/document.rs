//! Documents in pieces: a consensus or a descriptor is longer than a frame.
//!
//! Pieces come in order on one connection, each but the last is full, and the number of pieces is stated
//! in each and bounded by the kind. What the bytes mean is for [`crate::directory`] to say.

use super::FrameRefusal;
use crate::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX, FRAME_BODY_LEN};

/// Kind, index and count of a piece.
const PART_HEADER_LEN: usize = 5;
/// The bytes of a document that one piece holds at most.
pub const PART_BYTES_MAX: usize = FRAME_BODY_LEN - PART_HEADER_LEN;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A [`crate::directory::SignedConsensus`].
    Consensus,
    /// A [`crate::directory::SignedDescriptor`].
    Descriptor,
}

impl DocumentKind {
    /// The longest document of this kind, in bytes.
    #[must_use]
    pub const fn len_max(self) -> usize {
        match self {
            Self::Consensus => DOCUMENT_LEN_MAX,
            Self::Descriptor => DESCRIPTOR_LEN_MAX,
        }
    }

    fn count_max(self) -> u16 {
        u16::try_from(self.len_max().div_ceil(PART_BYTES_MAX)).unwrap_or(u16::MAX)
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::Consensus => 1,
            Self::Descriptor => 2,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Consensus),
            2 => Some(Self::Descriptor),
            _ => None,
        }
    }
}

/// One piece of a document: always well-formed by itself.
///
/// Body layout: kind (1), index (2, big-endian), count (2, big-endian), then the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPart {
    kind: DocumentKind,
    index: u16,
    count: u16,
    bytes: Vec<u8>,
}

impl DocumentPart {
    /// Piece `index` of `count` of a document.
    ///
    /// # Errors
    /// If the index or the count is out of range, or the length is not what this piece must have: full,
    /// or for the last one from 1 to full.
    pub fn new(kind: DocumentKind, index: u16, count: u16, bytes: Vec<u8>) -> Result<Self, FrameRefusal> {
        let count_max = kind.count_max();
        if count == 0 || count > count_max {
            return Err(FrameRefusal::PartCount { count, count_max });
        }
        if index >= count {
            return Err(FrameRefusal::Body("the piece's index is not under the count"));
        }
        let full = bytes.len() == PART_BYTES_MAX;
        let last = index == count - 1;
        if !(full || last && (1..PART_BYTES_MAX).contains(&bytes.len())) {
            return Err(FrameRefusal::Body("the piece has a wrong length"));
        }
        Ok(Self { kind, index, count, bytes })
    }

    /// What the document is.
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Which piece this is, from 0.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// How many pieces the document has.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The piece's share of the document.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn header(&self) -> [u8; PART_HEADER_LEN] {
        let [index_high, index_low] = self.index.to_be_bytes();
        let [count_high, count_low] = self.count.to_be_bytes();
        [self.kind.to_byte(), index_high, index_low, count_high, count_low]
    }

    pub(super) fn from_body(body: &[u8]) -> Result<Self, FrameRefusal> {
        let Some(([kind, index_high, index_low, count_high, count_low], bytes)) =
            body.split_first_chunk::<PART_HEADER_LEN>()
        else {
            return Err(FrameRefusal::Body("the piece is shorter than its header"));
        };
        let kind = DocumentKind::from_byte(*kind).ok_or(FrameRefusal::Body("unknown kind of document"))?;
        let index = u16::from_be_bytes([*index_high, *index_low]);
        let count = u16::from_be_bytes([*count_high, *count_low]);
        Self::new(kind, index, count, bytes.to_vec())
    }
}

/// Cuts a document into pieces, in the order in which they are to be sent.
///
/// # Errors
/// [`FrameRefusal::Length`] if the document is empty or longer than its kind allows.
pub fn split_document(kind: DocumentKind, bytes: &[u8]) -> Result<Vec<DocumentPart>, FrameRefusal> {
    if bytes.is_empty() || bytes.len() > kind.len_max() {
        return Err(FrameRefusal::Length { len: bytes.len(), len_max: kind.len_max() });
    }
    let count = u16::try_from(bytes.len().div_ceil(PART_BYTES_MAX)).unwrap_or(u16::MAX);
    (0..count)
        .zip(bytes.chunks(PART_BYTES_MAX))
        .map(|(index, piece)| DocumentPart::new(kind, index, count, piece.to_vec()))
        .collect()
}

/// Puts the pieces of one document together.
///
/// Holds at most the longest document of its kind, and only what has really arrived.
#[derive(Debug)]
pub struct DocumentAssembler {
    kind: DocumentKind,
    next: u16,
    count: Option<u16>,
    bytes: Vec<u8>,
}

impl DocumentAssembler {
    /// Waits for the first piece of a document of `kind`.
    #[must_use]
    pub const fn new(kind: DocumentKind) -> Self {
        Self { kind, next: 0, count: None, bytes: Vec::new() }
    }

    /// Takes the next piece. Returns the document once it is complete, and is then ready for another.
    ///
    /// # Errors
    /// [`FrameRefusal::PartOrder`] for a piece of another kind, another count or out of order, and
    /// [`FrameRefusal::Length`] if the document is longer than its kind allows. What had come before is
    /// forgotten.
    pub fn push(&mut self, part: &DocumentPart) -> Result<Option<Vec<u8>>, FrameRefusal> {
        let outcome = self.take(part);
        if !matches!(outcome, Ok(None)) {
            *self = Self::new(self.kind);
        }
        outcome
    }

    fn take(&mut self, part: &DocumentPart) -> Result<Option<Vec<u8>>, FrameRefusal> {
        if part.kind != self.kind {
            return Err(FrameRefusal::PartOrder("it is of another document's kind"));
        }
        if *self.count.get_or_insert(part.count) != part.count {
            return Err(FrameRefusal::PartOrder("it states another count"));
        }
        if part.index != self.next {
            return Err(FrameRefusal::PartOrder("its index is not the next"));
        }
        let len = self.bytes.len() + part.bytes.len();
        if len > self.kind.len_max() {
            return Err(FrameRefusal::Length { len, len_max: self.kind.len_max() });
        }
        self.bytes.extend_from_slice(&part.bytes);
        self.next += 1;
        Ok((self.next == part.count).then(|| std::mem::take(&mut self.bytes)))
    }
}
