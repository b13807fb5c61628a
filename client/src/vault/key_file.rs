//! A key file as a factor: bytes that lie elsewhere, on a stick for example, and are needed to open the vault.
//!
//! What counts is the content, not the name. Not here: reading and writing files, which is
//! [`crate::shell`].

use std::fmt;

use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::VaultError;

/// The shortest content of a key file, in bytes: 256 bits, if it is random.
pub const KEY_FILE_LEN_MIN: usize = 32;
/// The longest content of a key file, in bytes.
pub const KEY_FILE_LEN_MAX: usize = 1024 * 1024;
/// How much is written into a new key file, in bytes.
const KEY_FILE_LEN_NEW: usize = 64;
const KEY_FILE_INFO: &[u8] = b"sotto/vault/v2/key-file";

/// What a key file contributes to the key. The content itself is not kept.
pub struct KeyFile(Zeroizing<[u8; 32]>);

impl KeyFile {
    /// `HKDF-SHA512(content, info = "sotto/vault/v2/key-file")`, 32 bytes (RFC 5869).
    ///
    /// # Errors
    /// [`VaultError::KeyFileLength`] unless there are [`KEY_FILE_LEN_MIN`] to [`KEY_FILE_LEN_MAX`] bytes.
    #[expect(clippy::needless_pass_by_value, reason = "the content is wiped here, whoever read it")]
    pub fn from_bytes(content: Zeroizing<Vec<u8>>) -> Result<Self, VaultError> {
        let len = content.len();
        if !(KEY_FILE_LEN_MIN..=KEY_FILE_LEN_MAX).contains(&len) {
            return Err(VaultError::KeyFileLength { len });
        }
        let mut output = Zeroizing::new([0u8; 32]);
        Hkdf::<Sha512>::new(None, &content)
            .expand(KEY_FILE_INFO, output.as_mut_slice())
            .map_err(|_| VaultError::KeyFileLength { len })?;
        Ok(Self(output))
    }

    /// The content of a new key file, to be written somewhere by the caller.
    pub fn generate(rng: &mut impl CryptoRng) -> Zeroizing<Vec<u8>> {
        let mut content = Zeroizing::new(vec![0u8; KEY_FILE_LEN_NEW]);
        rng.fill_bytes(&mut content);
        content
    }

    pub(super) fn output(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile([scrubbed])")
    }
}
