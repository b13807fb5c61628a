//! When new ML-KEM secrets are exchanged. What is sent then is the business of `ratchet::exchange`.

use std::time::Duration;

/// At least this long after an exchange, the next one is due.
const INTERVAL_MIN: Duration = Duration::from_secs(60 * 60);
/// After this many envelopes since an exchange, the next one is due whatever the time.
const MESSAGES: u32 = 64;
/// A request that nothing answered is repeated after this long.
const RETRY: Duration = Duration::from_secs(6 * 60 * 60);

/// When ML-KEM exchanges are due. Each side follows its own; nothing of it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KemPolicy {
    /// A new exchange is due this long after the last one, or after the handshake.
    pub interval_min: Duration,
    /// A new exchange is due once so many envelopes were sealed and opened since the last one.
    pub messages: u32,
    /// A request is repeated if it was not answered for this long.
    pub retry: Duration,
}

impl Default for KemPolicy {
    fn default() -> Self {
        Self { interval_min: INTERVAL_MIN, messages: MESSAGES, retry: RETRY }
    }
}
