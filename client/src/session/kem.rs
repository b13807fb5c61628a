//! ML-KEM-768 (FIPS 203) on bytes, with the checks of its sections 7.2 and 7.3.
//!
//! Key pairs are kept as their seed `d || z`, which is an eighteenth of what they expand to.

use ml_kem::kem::{Decapsulate as _, Encapsulate as _, KeyExport as _};
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::refusal::KemRefusal;
use super::secret::Secret;
use super::stack::with_deep_stack_wiped;

/// An encapsulation key, in bytes (FIPS 203, table 3).
pub(super) const ENCAPSULATION_KEY_LEN: usize = 1184;
/// A ciphertext, in bytes (FIPS 203, table 3).
pub(super) const CIPHERTEXT_LEN: usize = 1088;
/// The seed `d || z` of a key pair, in bytes (FIPS 203, section 7.1).
pub(super) const SEED_LEN: usize = 64;
/// A shared secret, in bytes.
pub(super) const SHARED_LEN: usize = 32;

/// An encapsulation key that has passed the modulus check.
#[derive(Clone)]
pub(super) struct KemPublic(Box<EncapsulationKey>);

impl KemPublic {
    /// The checks of FIPS 203, section 7.2: length, and every coefficient below 3329.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KemRefusal> {
        let bytes = bytes
            .try_into()
            .map_err(|_| KemRefusal::KeyLength { expected: ENCAPSULATION_KEY_LEN, actual: bytes.len() })?;
        EncapsulationKey::new(bytes).map(|key| Self(Box::new(key))).map_err(|_| KemRefusal::KeyUnreduced)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// A ciphertext and the secret in it. Draws 32 bytes, the `m` of FIPS 203, section 7.2.
    pub(super) fn encapsulate(&self, rng: &mut impl CryptoRng) -> (Vec<u8>, Secret<SHARED_LEN>) {
        with_deep_stack_wiped(|| {
            let (ciphertext, shared) = self.0.encapsulate_with_rng(rng);
            let shared = Zeroizing::new(<[u8; SHARED_LEN]>::from(shared));
            (ciphertext.to_vec(), Secret::copy_of(&shared))
        })
    }
}

/// The seed of a key pair. `Debug` shows nothing; dropped, it is wiped.
#[derive(Clone, Debug)]
pub(super) struct KemSecret(Secret<SEED_LEN>);

impl KemSecret {
    /// Draws 64 bytes: `d`, then `z`.
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    pub(super) const fn new(seed: Secret<SEED_LEN>) -> Self {
        Self(seed)
    }

    pub(super) fn seed(&self) -> &[u8; SEED_LEN] {
        self.0.bytes()
    }

    pub(super) fn public(&self) -> Vec<u8> {
        with_deep_stack_wiped(|| self.expand().encapsulation_key().to_bytes().to_vec())
    }

    /// The secret in a ciphertext; a ciphertext for another key gives an unrelated secret (FIPS 203, section
    /// 6.3).
    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<SHARED_LEN>, KemRefusal> {
        let ciphertext = ciphertext.try_into().map_err(|_| KemRefusal::CiphertextLength {
            expected: CIPHERTEXT_LEN,
            actual: ciphertext.len(),
        })?;
        Ok(with_deep_stack_wiped(|| {
            let shared = Zeroizing::new(<[u8; SHARED_LEN]>::from(self.expand().decapsulate(ciphertext)));
            Secret::copy_of(&shared)
        }))
    }

    fn expand(&self) -> DecapsulationKey {
        DecapsulationKey::from_seed((*self.0.bytes()).into())
    }
}
