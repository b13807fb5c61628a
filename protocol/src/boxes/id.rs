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
        Self(EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order_wide(&wide)).compress().to_bytes())
    }

    /// The public key that this id is.
    ///
    /// # Errors
    /// [`BoxRefusal::IdNotCanonical`] if the bytes are no point or not the one encoding of it,
    /// [`BoxRefusal::IdSmallOrder`] if the point has order 8 or less, so that anybody could sign under it.
    pub(super) fn verifying_key(&self) -> Result<VerifyingKey, BoxRefusal> {
        let point = CompressedEdwardsY(self.0).decompress().ok_or(BoxRefusal::IdNotCanonical)?;
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

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    /// `p + y` for `0 <= y < 19` as a little-endian encoding: the encodings of a `y` that are not canonical.
    fn above_the_modulus(y: u8) -> [u8; 32] {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed + y;
        bytes[31] = 0x7f;
        bytes
    }

    #[test]
    fn all_points_of_small_order_are_refused() {
        for point in EIGHT_TORSION {
            let id = BoxId::from_bytes(point.compress().to_bytes());
            assert_eq!(id.verifying_key(), Err(BoxRefusal::IdSmallOrder));
        }
    }

    #[test]
    fn other_encodings_of_a_point_are_refused() {
        let mut points = 0;
        for y in 0..19 {
            for sign in [0, 0x80] {
                let mut bytes = above_the_modulus(y);
                bytes[31] |= sign;
                points += usize::from(CompressedEdwardsY(bytes).decompress().is_some());
                assert_eq!(BoxId::from_bytes(bytes).verifying_key(), Err(BoxRefusal::IdNotCanonical));
            }
        }
        assert!(points > 8, "only {points} of the encodings were points at all");
    }

    #[test]
    fn minus_zero_is_refused() {
        // y = 1, x = 0 with the sign bit set: RFC 8032, section 5.1.3, step 4.
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes[31] = 0x80;
        assert_eq!(BoxId::from_bytes(bytes).verifying_key(), Err(BoxRefusal::IdNotCanonical));
    }

    #[test]
    fn bytes_that_are_no_point_are_refused() {
        let no_points = (2..=u8::MAX)
            .map(|y| BoxId::from_bytes(std::array::from_fn(|place| if place == 0 { y } else { 0 })))
            .filter(|id| id.verifying_key() == Err(BoxRefusal::IdNotCanonical))
            .count();
        assert!((64..192).contains(&no_points), "about half of all y are no point, {no_points} were");
    }

    #[test]
    fn decoys_differ_and_pass_for_ids() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let decoys: std::collections::BTreeSet<BoxId> = (0..100).map(|_| BoxId::decoy(&mut rng)).collect();
        assert_eq!(decoys.len(), 100);
        for id in decoys {
            let point = CompressedEdwardsY(*id.as_bytes()).decompress().unwrap();
            assert!(id.verifying_key().is_ok() && point.is_torsion_free());
        }
    }
}
