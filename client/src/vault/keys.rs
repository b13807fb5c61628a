//! The vault key, what is derived from it, and the one way in which bytes are sealed.
//!
//! ```text
//! k_name       = HKDF-SHA256(vault key, info = "sotto/vault/v2/name")          names of cells
//! k_generation = HKDF-SHA256(vault key, info = "sotto/vault/v2/generation")    the row with the generation
//! k_erasure    = HKDF-SHA256(vault key, info = "sotto/vault/v2/erasure")       entries of the erasure file
//! k_root       = HKDF-SHA256(vault key, salt = erasure key, info = "sotto/vault/v2/root")
//! sealed       = nonce(24) XChaCha20-Poly1305(key, nonce, text, AD)
//! ```

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::VaultError;
use super::cell::{CellName, RecordId};

/// A key of 256 bits, wiped when dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Length of the nonce before each ciphertext.
pub(super) const NONCE_LEN: usize = 24;
/// How much longer sealed bytes are than the text: nonce and tag.
pub(super) const SEAL_LEN: usize = NONCE_LEN + 16;

/// A fresh random key.
pub(super) fn random_key(rng: &mut impl CryptoRng) -> Key {
    let mut key = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(key.as_mut_slice());
    key
}

/// `nonce || ciphertext || tag`.
pub(super) fn seal(
    key: &Key,
    associated: &[u8],
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0u8; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let ciphertext = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: associated })
        .map_err(|_| VaultError::RecordLength { len: text.len() })?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

/// The inverse of [`seal`]; `None` for another key, other associated data or other bytes.
pub(super) fn unseal(key: &Key, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: associated })
        .map(Zeroizing::new)
        .ok()
}

/// HKDF-SHA256 (RFC 5869) to 32 bytes.
pub(super) fn hkdf(salt: Option<&[u8]>, secret: &[u8], info: &[u8]) -> Result<Key, VaultError> {
    let mut out = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::new(salt, secret)
        .expand(info, out.as_mut_slice())
        .map_err(|_| VaultError::damaged("a key cannot be derived"))?;
    Ok(out)
}

/// The random key that everything in the vault depends on.
pub(super) struct VaultKey(pub(super) Key);

impl VaultKey {
    pub(super) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(random_key(rng))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey([scrubbed])")
    }
}

/// The vault key and the keys that depend on it alone.
pub(super) struct VaultKeys {
    vault: VaultKey,
    name: Key,
    pub(super) generation: Key,
    pub(super) erasure: Key,
}

impl VaultKeys {
    pub(super) fn derive(vault: VaultKey) -> Result<Self, VaultError> {
        let derive = |info| hkdf(None, vault.0.as_slice(), info);
        Ok(Self {
            name: derive(b"sotto/vault/v2/name")?,
            generation: derive(b"sotto/vault/v2/generation")?,
            erasure: derive(b"sotto/vault/v2/erasure")?,
            vault,
        })
    }

    /// The key of the root row in the generation that this erasure key belongs to.
    pub(super) fn root(&self, erasure: &Key) -> Result<Key, VaultError> {
        hkdf(Some(erasure.as_slice()), self.vault.0.as_slice(), b"sotto/vault/v2/root")
    }

    /// `HMAC-SHA256(k_name, kind || id || part)`.
    pub(super) fn name(&self, record: &RecordId, part: u16) -> Result<CellName, VaultError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.name.as_slice())
            .map_err(|_| VaultError::damaged("a name cannot be derived"))?;
        mac.update(&[record.kind]);
        mac.update(&record.id);
        mac.update(&part.to_be_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    /// The key to wrap into another slot.
    pub(super) const fn vault(&self) -> &VaultKey {
        &self.vault
    }
}

impl fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKeys([scrubbed])")
    }
}
