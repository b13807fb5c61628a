//! One record sealed: blinded name, padded and encrypted value.
//!
//! ```text
//! name    = HMAC-SHA256(k_name, kind || id)
//! padded  = version(1) kind(1) id(16) length(4) value zeros        a power of two, at least 256 bytes
//! sealed  = nonce(24) XChaCha20-Poly1305(k_value, nonce, padded, AD = name)
//! entry   = HMAC-SHA256(k_set, name || sealed)                     what the manifest adds up
//! ```
//!
//! Not here: the set of records as a whole, which is [`super::manifest`].

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::VaultError;
use super::header::VaultKey;
use crate::store::RecordKey;

/// The largest value of one record, in bytes.
pub const RECORD_VALUE_LEN_MAX: usize = 1024 * 1024;
/// Sealed records have this length before encryption, or a larger power of two.
pub(super) const PADDED_LEN_MIN: usize = 256;
const NONCE_LEN: usize = 24;
const PREFIX_LEN: usize = 1 + 1 + 16 + 4;
const RECORD_VERSION: u8 = 1;

/// A record's blinded name, the key it has in the file.
pub(super) type RecordName = [u8; 32];
/// A record's share in the manifest's digest.
pub(super) type Entry = [u8; 32];

/// The keys derived from the vault key. Wiped when dropped.
pub(super) struct VaultKeys {
    name: Zeroizing<[u8; 32]>,
    value: Zeroizing<[u8; 32]>,
    set: Zeroizing<[u8; 32]>,
}

impl VaultKeys {
    /// HKDF-SHA256 (RFC 5869) with one label a key.
    pub(super) fn derive(key: &VaultKey) -> Result<Self, VaultError> {
        let hkdf = Hkdf::<Sha256>::new(None, key.0.as_slice());
        let expand = |label: &[u8]| {
            let mut out = Zeroizing::new([0u8; 32]);
            hkdf.expand(label, out.as_mut_slice())
                .map_err(|_| VaultError::damaged("the vault's keys cannot be derived"))?;
            Ok::<_, VaultError>(out)
        };
        Ok(Self {
            name: expand(b"sotto/vault/v1/name")?,
            value: expand(b"sotto/vault/v1/value")?,
            set: expand(b"sotto/vault/v1/set")?,
        })
    }

    /// The blinded name of a record.
    pub(super) fn name(&self, key: &RecordKey) -> Result<RecordName, VaultError> {
        hmac(&self.name, &[&[key.kind.number()], &key.id])
    }

    /// A sealed record's share in the manifest's digest.
    pub(super) fn entry(&self, name: &RecordName, sealed: &[u8]) -> Result<Entry, VaultError> {
        hmac(&self.set, &[name, sealed])
    }

    /// A short keyed checksum over bytes kept outside the database.
    pub(super) fn check(&self, context: &[u8], bytes: &[u8]) -> Result<[u8; 32], VaultError> {
        hmac(&self.set, &[context, bytes])
    }

    /// Pads and encrypts a record under its name.
    pub(super) fn seal(
        &self,
        key: &RecordKey,
        name: &RecordName,
        value: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, VaultError> {
        let too_long = || VaultError::RecordLength { len: value.len() };
        if value.len() > RECORD_VALUE_LEN_MAX {
            return Err(too_long());
        }
        let len = u32::try_from(value.len()).map_err(|_| too_long())?;
        let padded_len = (PREFIX_LEN + value.len()).next_power_of_two().max(PADDED_LEN_MIN);
        let mut padded = Zeroizing::new(Vec::with_capacity(padded_len));
        padded.extend([RECORD_VERSION, key.kind.number()]);
        padded.extend(key.id);
        padded.extend(len.to_be_bytes());
        padded.extend_from_slice(value);
        padded.resize(padded_len, 0);
        self.encrypt(name, &padded, rng)
    }

    /// Decrypts a record and checks that it belongs under this name.
    pub(super) fn open(
        &self,
        name: &RecordName,
        sealed: &[u8],
    ) -> Result<(RecordKey, Zeroizing<Vec<u8>>), VaultError> {
        let padded = self.decrypt(name, sealed)?;
        let malformed = || VaultError::damaged("a record has a wrong inner layout");
        let (&[version, kind], rest) = padded.split_first_chunk().ok_or_else(malformed)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or_else(malformed)?;
        let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| malformed())?;
        let (value, padding) = rest.split_at_checked(len).ok_or_else(malformed)?;
        if version != RECORD_VERSION || padding.iter().any(|&byte| byte != 0) {
            return Err(malformed());
        }
        let kind = crate::store::RecordKind::from_number(kind).ok_or_else(malformed)?;
        Ok((RecordKey { kind, id: *id }, Zeroizing::new(value.to_vec())))
    }

    /// `nonce || ciphertext || tag` under the value key.
    pub(super) fn encrypt(
        &self,
        associated: &[u8],
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0u8; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let ciphertext = XChaCha20Poly1305::new((&*self.value).into())
            .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: associated })
            .map_err(|_| VaultError::RecordLength { len: text.len() })?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }

    /// The inverse of [`Self::encrypt`].
    pub(super) fn decrypt(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let unauthentic = || VaultError::damaged("a record is not the one that was written");
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(unauthentic)?;
        XChaCha20Poly1305::new((&*self.value).into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: associated })
            .map(Zeroizing::new)
            .map_err(|_| unauthentic())
    }
}

impl fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKeys([scrubbed])")
    }
}

fn hmac(key: &Zeroizing<[u8; 32]>, parts: &[&[u8]]) -> Result<[u8; 32], VaultError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice())
        .map_err(|_| VaultError::damaged("the vault's keys cannot be used"))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}
