//! The name of a box. Whether the name is a usable public key is checked where a signature is, not here.

use std::fmt;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::VerifyingKey;
use rand::CryptoRng;

use super::refusal::BoxRefusal;

/// The name of a box: a stream's public key, blinded for this one box.
///
/// `Debug` shows nothing, so that no log ever says which boxes a person read or a mailbox held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxId([u8; 32]);

impl BoxId {
    /// From 32 bytes, unchecked: a box or tombstone under an unusable id fails its `verify`.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A name that nobody can write under, for decoy reads.
    ///
    /// It is a random point of the prime-order group, exactly as real ids are: of 32 random bytes about
    /// half are no point at all, which a mailbox could tell.
    #[must_use]
    pub fn decoy(rng: &mut impl CryptoRng) -> Self {
        let mut wide = [0; 64];
        rng.fill_bytes(&mut wide);
        Self(
            EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order_wide(&wide))
                .compress()
                .to_bytes(),
        )
    }

    /// The public key that this id is.
    ///
    /// # Errors
    /// [`BoxRefusal::IdNotCanonical`] if the bytes are no point or not the one encoding of it,
    /// [`BoxRefusal::IdSmallOrder`] if the point has order 8 or less, so that anybody could sign under it.
    pub(super) fn verifying_key(&self) -> Result<VerifyingKey, BoxRefusal> {
        let point = CompressedEdwardsY(self.0)
            .decompress()
            .ok_or(BoxRefusal::IdNotCanonical)?;
        if point.compress().to_bytes() != self.0 {
            return Err(BoxRefusal::IdNotCanonical);
        }
        if point.is_small_order() {
            return Err(BoxRefusal::IdSmallOrder);
        }
        Ok(VerifyingKey::from(point))
    }
}

impl fmt::Debug for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxId([scrubbed])")
    }
}
