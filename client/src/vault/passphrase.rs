//! A passphrase as bytes, checked once for the limits and wiped when dropped.
//!
//! Not here: reading one from a terminal or a program, which is [`crate::shell::secret`].

use std::fmt;

use zeroize::Zeroizing;

use super::VaultError;

/// The longest passphrase, in bytes.
pub const PASSPHRASE_LEN_MAX: usize = 1024;

/// A passphrase of 1 to [`PASSPHRASE_LEN_MAX`] bytes, taken exactly as typed: no Unicode
/// normalization, no trimming.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Checks the length.
    ///
    /// # Errors
    /// [`VaultError::PassphraseLength`] for an empty or an oversized passphrase.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, VaultError> {
        if bytes.is_empty() || bytes.len() > PASSPHRASE_LEN_MAX {
            return Err(VaultError::PassphraseLength { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// The bytes that Argon2id is given.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same passphrase. For the question "type it again", where nobody measures time.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([scrubbed])")
    }
}
