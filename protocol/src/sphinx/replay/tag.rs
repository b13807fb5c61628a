//! The replay tag of a packet, and what is said about one.

use std::fmt;

/// Derived by HKDF from a packet's shared secret with one hop: equal for two packets only if the secret is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayTag([u8; 32]);

impl ReplayTag {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ReplayTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayTag([scrubbed])")
    }
}

/// What the set says about a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// Not seen before; it is remembered now.
    Fresh,
    /// Seen before.
    Replayed,
    /// Not seen before, but there is no room to remember it, so the packet cannot be let through.
    Full,
}
