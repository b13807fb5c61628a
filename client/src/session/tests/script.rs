//! A generator that gives out what it was told, so that every random input of a test has a name.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand::{TryCryptoRng, TryRng};

/// Gives one entry for each request, which must be for as many bytes.
#[derive(Default)]
pub(super) struct Script(VecDeque<Vec<u8>>);

impl Script {
    pub(super) fn of(entries: &[&[u8]]) -> Self {
        Self(entries.iter().map(|entry| entry.to_vec()).collect())
    }

    /// Everything was asked for.
    pub(super) fn finish(self) {
        assert!(self.0.is_empty(), "{} entries were not asked for", self.0.len());
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only bytes are asked for")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only bytes are asked for")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0.pop_front().expect("an entry is left"));
        Ok(())
    }
}

impl TryCryptoRng for Script {}
