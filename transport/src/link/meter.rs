//! Counts the bytes of links as they cross the stream under TLS: records with their headers, handshakes included.
//!
//! What lies below the stream (TCP and IP headers, or Tor's cells) is not seen from here and not counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that went up and came down by all links that share this meter.
#[derive(Default, Debug)]
pub struct LinkMeter {
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
}

impl LinkMeter {
    /// Bytes that the system has taken for the other side.
    #[must_use]
    pub fn up_bytes(&self) -> u64 {
        self.up_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that have come from the other side.
    #[must_use]
    pub fn down_bytes(&self) -> u64 {
        self.down_bytes.load(Ordering::Relaxed)
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        self.up_bytes.store(0, Ordering::Relaxed);
        self.down_bytes.store(0, Ordering::Relaxed);
    }

    pub(super) fn went_up(&self, len: usize) {
        self.up_bytes.fetch_add(u64::try_from(len).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn came_down(&self, len: usize) {
        self.down_bytes.fetch_add(u64::try_from(len).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
