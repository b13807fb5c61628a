//! What is remembered of a replay tag: 56 bits under a key that only the node has.
//!
//! Who makes packets can compute their tags, so a hash without a key would let them search for tags that
//! collide, or that crowd one part of the set. The key comes from the hop's secret, so it needs no place of its
//! own on disk and goes when the hop key goes.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha512;
use siphasher::sip::SipHasher24;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::sphinx::HopSecret;

use super::ReplayTag;

/// Keeps this use of a hop's secret apart from the Sphinx packet's own.
const SALT: &[u8] = b"sotto-replay-fingerprint-1";
const KEY_LEN: usize = 16;

/// The key of one epoch's fingerprints, 16 bytes. Dropped, it is wiped; `Debug` shows nothing.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TagHashKey([u8; KEY_LEN]);

impl TagHashKey {
    /// The key that belongs to a hop key: HKDF-SHA-512 (RFC 5869) of the secret, salt
    /// `sotto-replay-fingerprint-1`, no info, 16 bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the only error is a length that one block of output is below")]
    pub fn derive(secret: &HopSecret) -> Self {
        let mut key = Self([0; KEY_LEN]);
        Hkdf::<Sha512>::new(Some(SALT), secret.to_bytes().as_slice())
            .expand(&[], &mut key.0)
            .expect("16 bytes are less than a block");
        key
    }

    /// From its 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// The fingerprint of `tag`: the upper 56 bits of SipHash-2-4 (Aumasson and Bernstein, 2012).
    #[must_use]
    pub fn fingerprint(&self, tag: &ReplayTag) -> Fingerprint {
        Fingerprint(
            SipHasher24::new_with_key(&self.0).hash(tag.as_bytes()) >> (u64::BITS - Fingerprint::BITS),
        )
    }
}

impl fmt::Debug for TagHashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagHashKey([scrubbed])")
    }
}

/// The fingerprint of one tag under one [`TagHashKey`], 56 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// How many bits it has.
    pub const BITS: u32 = 56;
    /// Bytes that it takes in the log.
    pub const LEN: usize = 7;

    /// From its 7 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g] = bytes;
        Self(u64::from_be_bytes([0, a, b, c, d, e, f, g]))
    }

    /// Its 7 bytes, big-endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let [_, a, b, c, d, e, f, g] = self.0.to_be_bytes();
        [a, b, c, d, e, f, g]
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// Only the upper `bits` of it: what a shorter fingerprint would be.
    #[cfg(test)]
    pub(super) const fn shortened(self, bits: u32) -> Self {
        let cut = Self::BITS - bits;
        Self(self.0 >> cut << cut)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint([scrubbed])")
    }
}
