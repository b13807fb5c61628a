//! The key of a node's onion service: its address is the public key, so whoever has this key is that address.
//!
//! The node's identity is a key of its own. A thief of the onion key can take the address over, and is refused by
//! everybody who links to the node, for want of the identity.

use std::fmt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::onion_address::OnionAddress;
use crate::node::KeyFileError;
use crate::node::key_file;
use crate::private::{self, PrivateFileError};

/// The file of the onion key in a node's directory, beside the identity.
pub const ONION_KEY_FILE: &str = "onion_key";

const NAME: &str = "sotto-onion-1";

/// The Ed25519 key of an onion service, as its 32-byte seed.
pub struct OnionKey(Zeroizing<[u8; 32]>);

impl OnionKey {
    /// Draws a new key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self(seed)
    }

    /// The key that was made from this seed.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(seed.clone())
    }

    /// Where the service is reached: `<56 characters>.onion:`[`ONION_PORT`](super::ONION_PORT).
    #[must_use]
    pub fn address(&self) -> String {
        self.onion_address().to_string()
    }

    pub(super) fn onion_address(&self) -> OnionAddress {
        OnionAddress::of_key(SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }

    #[cfg(feature = "tor")]
    pub(super) const fn seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.0
    }

    /// Writes the key to a file that must not exist yet, readable for its owner only.
    ///
    /// # Errors
    ///
    /// When there is one already (a key is not overwritten), or it cannot be written.
    pub fn create(&self, path: &Path) -> Result<(), PrivateFileError> {
        private::write_new(path, &key_file::encode(NAME, &self.0))
    }

    /// Reads the key.
    ///
    /// # Errors
    ///
    /// When the file is absent, malformed, or other users have access to it.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        key_file::read(path, NAME).map(Self)
    }

    /// Reads the key, or makes one if there is no file.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read) and [`create`](Self::create).
    pub fn read_or_create(path: &Path, rng: &mut impl CryptoRng) -> Result<Self, KeyFileError> {
        match Self::read(path) {
            Err(KeyFileError::File(error)) if error.is_not_found() => {
                let key = Self::generate(rng);
                key.create(path)?;
                Ok(key)
            }
            other => other,
        }
    }
}

impl fmt::Debug for OnionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::rng::OsRng;

    #[test]
    fn a_key_comes_back_from_its_file_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ONION_KEY_FILE);
        assert_eq!(OnionKey::read(&path).unwrap_err().label(), "io");
        let address = OnionKey::read_or_create(&path, &mut OsRng).unwrap().address();
        assert_eq!(OnionKey::read_or_create(&path, &mut OsRng).unwrap().address(), address);
        assert_eq!(OnionKey::read(&path).unwrap().address(), address);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let other = OnionKey::generate(&mut OsRng);
        assert_ne!(other.address(), address);
        assert_eq!(other.create(&path).unwrap_err().label(), "exists");
    }

    #[test]
    fn a_file_of_another_kind_is_no_onion_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ONION_KEY_FILE);
        private::write_new(&path, format!("sotto-identity-1 {}\n", "ab".repeat(32)).as_bytes()).unwrap();
        assert_eq!(OnionKey::read(&path).unwrap_err().label(), "malformed-key-file");
        assert_eq!(OnionKey::read_or_create(&path, &mut OsRng).unwrap_err().label(), "malformed-key-file");
    }

    /// The first key of RFC 8032, section 7.1. The address was computed by other programs: Python's `hashlib` and
    /// `base64`.
    #[test]
    fn the_address_of_a_key_is_that_of_other_implementations() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
            0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let address = OnionKey::from_seed(&Zeroizing::new(seed)).address();
        assert_eq!(address, "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion:4774");
    }

    #[test]
    fn debug_shows_neither_the_key_nor_its_address() {
        let key = OnionKey::from_seed(&Zeroizing::new([7; 32]));
        insta::assert_snapshot!(format!("{key:?}"), @"OnionKey { .. }");
    }
}
