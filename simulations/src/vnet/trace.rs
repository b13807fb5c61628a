//! What happened in a run of the virtual network, line by line, without ciphertext.
//!
//! Two runs with one seed must give the same trace to the byte; a test compares them.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use sotto_protocol::time::Timestamp;

/// The record of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    text: String,
    is_paused: bool,
}

impl Trace {
    /// Adds a line: when, and what.
    pub fn note(&mut self, at: Timestamp, what: std::fmt::Arguments<'_>) {
        if self.is_paused {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{at:?} {what}");
    }

    /// Leaves out what happens from here on: a long run would fill the memory with it.
    pub fn pause(&mut self) {
        self.is_paused = true;
    }

    /// All lines.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text, to name a run in one line.
    #[must_use]
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.text.as_bytes()))
    }
}
