//! The header: how the passphrase opens the vault key.
//!
//! ```text
//! kek      = Argon2id(passphrase, salt, memory, passes, lanes)             RFC 9106, version 0x13
//! wrapped  = XChaCha20-Poly1305(kek, nonce, vault key, AD = bytes 0..48)
//! ```
//!
//! The plain checksum at the end tells a damaged header from a wrong passphrase, and is checked
//! before Argon2id is given a cost that damage may have made absurd. Not here: where the header is stored.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Passphrase, VaultError};

/// The least memory for Argon2id, in MiB.
pub const ARGON2_MIB_MIN: u32 = 64;
/// The memory for Argon2id unless asked otherwise, in MiB.
pub const ARGON2_MIB_DEFAULT: u32 = 256;
/// The most memory for Argon2id, in MiB: a header cannot make the program ask for more.
pub const ARGON2_MIB_MAX: u32 = 4096;
/// Bounds of passes and lanes.
const ARGON2_PASSES_MAX: u32 = 64;
const ARGON2_LANES_MAX: u32 = 64;

/// Length of the encoded header.
pub(super) const HEADER_LEN: usize = 128;
/// The format that this code writes and reads.
pub(super) const HEADER_VERSION: u8 = 1;
const KDF_ARGON2ID: u8 = 1;
const CHECK_CONTEXT: &[u8] = b"sotto/vault/v1/header";

/// What one guess at the passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    mib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Argon2Cost {
    /// 256 MiB, three passes, four lanes.
    fn default() -> Self {
        Self { mib: ARGON2_MIB_DEFAULT, passes: 3, lanes: 4 }
    }
}

impl Argon2Cost {
    /// Three passes and four lanes over `mib` MiB.
    ///
    /// # Errors
    /// [`VaultError::Argon2Cost`] below [`ARGON2_MIB_MIN`] or above [`ARGON2_MIB_MAX`].
    pub fn with_mib(mib: u32) -> Result<Self, VaultError> {
        Self { mib, ..Self::default() }.checked()
    }

    /// Raises the passes until a guess costs about `target`, with as much memory as the default, or `mib_max` if
    /// that is less. `measure` runs one derivation at a cost and says how long it took.
    ///
    /// # Errors
    /// [`VaultError::Argon2Cost`] if `mib_max` is below [`ARGON2_MIB_MIN`]; otherwise what `measure` gives.
    pub fn calibrate(
        target: Duration,
        mib_max: u32,
        mut measure: impl FnMut(Self) -> Result<Duration, VaultError>,
    ) -> Result<Self, VaultError> {
        let one = Self { mib: ARGON2_MIB_DEFAULT.min(mib_max), passes: 1, ..Self::default() }.checked()?;
        let base = measure(one)?.as_nanos().max(1);
        let passes = u32::try_from(target.as_nanos() / base).unwrap_or(ARGON2_PASSES_MAX);
        Ok(Self { passes: passes.clamp(Self::default().passes, ARGON2_PASSES_MAX), ..one })
    }

    /// Memory in MiB.
    #[must_use]
    pub const fn mib(self) -> u32 {
        self.mib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// Derives a key from an empty passphrase at this cost, for a caller that measures how long it takes.
    ///
    /// # Errors
    /// [`VaultError::Argon2Memory`] if the system does not give the memory.
    pub fn rehearse(self) -> Result<(), VaultError> {
        let passphrase = Passphrase::new(Zeroizing::new(vec![0]))?;
        self.derive(&passphrase, &[0; 32]).map(drop)
    }

    fn checked(self) -> Result<Self, VaultError> {
        let Self { mib, passes, lanes } = self;
        let fits = (ARGON2_MIB_MIN..=ARGON2_MIB_MAX).contains(&mib)
            && (1..=ARGON2_PASSES_MAX).contains(&passes)
            && (1..=ARGON2_LANES_MAX).contains(&lanes);
        if fits { Ok(self) } else { Err(VaultError::Argon2Cost { mib, passes, lanes }) }
    }

    fn derive(self, passphrase: &Passphrase, salt: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let Self { mib, passes, lanes } = self;
        let params = Params::new(mib.saturating_mul(1024), passes, lanes, Some(32))
            .map_err(|_| VaultError::Argon2Cost { mib, passes, lanes })?;
        let mut kek = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, kek.as_mut_slice())
            .map_err(|_| VaultError::Argon2Memory { mib })?;
        Ok(kek)
    }
}

/// The random key that everything in the vault is sealed under. Wiped when dropped.
pub(super) struct VaultKey(pub(super) Zeroizing<[u8; 32]>);

impl VaultKey {
    /// A fresh key.
    pub(super) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(key.as_mut_slice());
        Self(key)
    }
}

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultKey([scrubbed])")
    }
}

/// Wraps the vault key under the passphrase.
pub(super) fn wrap(
    key: &VaultKey,
    passphrase: &Passphrase,
    cost: Argon2Cost,
    rng: &mut impl CryptoRng,
) -> Result<[u8; HEADER_LEN], VaultError> {
    let cost = cost.checked()?;
    let mut salt = [0u8; 32];
    let mut nonce = [0u8; 24];
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);

    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend([HEADER_VERSION, KDF_ARGON2ID, 0, 0]);
    bytes.extend(cost.mib.to_be_bytes());
    bytes.extend(cost.passes.to_be_bytes());
    bytes.extend(cost.lanes.to_be_bytes());
    bytes.extend(salt);
    let kek = cost.derive(passphrase, &salt)?;
    let wrapped = XChaCha20Poly1305::new((&*kek).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: key.0.as_slice(), aad: &bytes })
        .map_err(|_| VaultError::damaged("the vault key cannot be wrapped"))?;
    bytes.extend(nonce);
    bytes.extend(wrapped);
    let check = checksum(&bytes);
    bytes.extend(check);
    bytes.try_into().map_err(|_| VaultError::damaged("the header has a wrong length"))
}

/// Opens the vault key with the passphrase.
///
/// # Errors
/// `Damaged` and `Version` before any derivation, then `WrongPassphrase`.
pub(super) fn unwrap(bytes: &[u8], passphrase: &Passphrase) -> Result<VaultKey, VaultError> {
    let Some((&version, _)) = bytes.split_first() else {
        return Err(VaultError::damaged("the header is empty"));
    };
    let mut fields = Fields(bytes);
    let (body, check) = bytes
        .split_last_chunk::<8>()
        .filter(|_| version != HEADER_VERSION || bytes.len() == HEADER_LEN)
        .ok_or_else(|| {
            VaultError::damaged(format!("the header has {} bytes, not {HEADER_LEN}", bytes.len()))
        })?;
    if !bool::from(checksum(body).ct_eq(check)) {
        return Err(VaultError::damaged("the header's checksum does not fit"));
    }
    if version != HEADER_VERSION {
        return Err(VaultError::Version { found: version, known: HEADER_VERSION });
    }
    let [_, kdf, reserved @ ..] = fields.take::<4>()?;
    if kdf != KDF_ARGON2ID || reserved != [0, 0] {
        return Err(VaultError::damaged("the header names an unknown key derivation"));
    }
    let cost = Argon2Cost {
        mib: u32::from_be_bytes(fields.take()?),
        passes: u32::from_be_bytes(fields.take()?),
        lanes: u32::from_be_bytes(fields.take()?),
    }
    .checked()?;
    let salt: [u8; 32] = fields.take()?;
    let associated = bytes.get(..bytes.len() - fields.0.len()).unwrap_or_default();
    let nonce: [u8; 24] = fields.take()?;
    let wrapped: [u8; 48] = fields.take()?;

    let kek = cost.derive(passphrase, &salt)?;
    let key = XChaCha20Poly1305::new((&*kek).into())
        .decrypt(&XNonce::from(nonce), Payload { msg: &wrapped, aad: associated })
        .map(Zeroizing::new)
        .map_err(|_| VaultError::WrongPassphrase)?;
    let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| VaultError::WrongPassphrase)?;
    Ok(VaultKey(Zeroizing::new(key)))
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::new().chain_update(CHECK_CONTEXT).chain_update(body).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// Reads fixed-size fields from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], VaultError> {
        let (field, rest) =
            self.0.split_first_chunk::<N>().ok_or_else(|| VaultError::damaged("the header is too short"))?;
        self.0 = rest;
        Ok(*field)
    }
}
