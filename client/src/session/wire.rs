//! Writing and reading saved secrets without leaving copies: the buffer is allocated once, and wiped.
//!
//! `protocol::codec` grows its buffer as it writes, and what it grows out of is freed unwiped; a session
//! saved after every message would leave its past keys there. What is written in which order is the business
//! of the callers.

use zeroize::Zeroizing;

use super::refusal::SessionRefusal;
use super::secret::Secret;

const SHORT: SessionRefusal = SessionRefusal::Damaged { what: "it ends early" };

/// A buffer that does not grow.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// Room for `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.0.capacity() - self.0.len() >= bytes.len(), "the buffer would move");
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn put_u32(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }

    pub(super) fn put_u64(&mut self, number: u64) {
        self.put(&number.to_be_bytes());
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// What is left to read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], SessionRefusal> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn take_u8(&mut self) -> Result<u8, SessionRefusal> {
        self.take().map(|&[byte]| byte)
    }

    pub(super) fn take_u32(&mut self) -> Result<u32, SessionRefusal> {
        self.take().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(super) fn take_u64(&mut self) -> Result<u64, SessionRefusal> {
        self.take().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(super) fn take_secret<const N: usize>(&mut self) -> Result<Secret<N>, SessionRefusal> {
        self.take().map(Secret::copy_of)
    }

    /// Nothing may be left.
    pub(super) const fn finish(self) -> Result<(), SessionRefusal> {
        if self.0.is_empty() { Ok(()) } else { Err(SessionRefusal::Damaged { what: "bytes follow its end" }) }
    }
}
