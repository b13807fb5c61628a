//! Key blinding as in Tor's rend-spec-v3, appendix A.2, over Ed25519 (RFC 8032).
//!
//! With `h` clamped to a scalar `k`: the blinded public key is `k * P`, the blinded secret scalar `k * s`,
//! and the blinded nonce prefix `SHA-512("Derive temporary signing key hash input" || prefix)[..32]`. The
//! prefix stays secret and the nonce depends on the blinded key as well, so no two boxes share a nonce.
//! The scheme is not ours: signatures are plain Ed25519 ones and `differential` compares every output with
//! an implementation by other people. Where `h` comes from is not decided here.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::id::BoxId;
use super::refusal::{BoxRefusal, CapabilityRefusal};

/// A stream's Ed25519 secret, kept as its seed. Wiped on drop.
pub(super) struct RootSecret {
    seed: Zeroizing<[u8; 32]>,
    public: RootPublic,
}

impl RootSecret {
    /// From the 32-byte seed of RFC 8032, section 5.1.5.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        let seed = Zeroizing::new(*seed);
        let public = RootPublic(EdwardsPoint::mul_base(&expand(&seed).scalar));
        Self { seed, public }
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub(super) const fn public(&self) -> &RootPublic {
        &self.public
    }

    /// The secret key blinded by `h`, which is clamped first.
    pub(super) fn blind(&self, h: &[u8; 32]) -> BlindedSecret {
        let root = expand(&self.seed);
        let factor = clamp(h);
        let digest = Zeroizing::new(<[u8; 64]>::from(
            Sha512::new()
                .chain_update(b"Derive temporary signing key hash input")
                .chain_update(root.hash_prefix)
                .finalize(),
        ));
        let mut secret = ExpandedSecretKey { scalar: root.scalar * *factor, hash_prefix: [0; 32] };
        for (to, from) in secret.hash_prefix.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        BlindedSecret::new(secret)
    }
}

/// A stream's public key: a point of the prime-order group other than zero.
#[derive(Clone, Copy)]
pub(super) struct RootPublic(EdwardsPoint);

impl RootPublic {
    /// From the encoding in a read capability.
    ///
    /// # Errors
    /// [`CapabilityRefusal::RootKey`] unless the bytes are the canonical encoding of a point of prime order.
    /// A point with a small-order part would make ids that somebody could tell from all others.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Result<Self, CapabilityRefusal> {
        CompressedEdwardsY(*bytes)
            .decompress()
            .filter(|point| point.compress().as_bytes() == bytes)
            .filter(|point| point.is_torsion_free() && !point.is_small_order())
            .map(Self)
            .ok_or(CapabilityRefusal::RootKey)
    }

    pub(super) fn to_bytes(self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// The public key blinded by `h`, which is clamped first.
    pub(super) fn blind(&self, h: &[u8; 32]) -> BoxId {
        BoxId::from_bytes((self.0 * *clamp(h)).compress().to_bytes())
    }
}

/// The secret key of one box. Wiped on drop.
pub(super) struct BlindedSecret {
    secret: ExpandedSecretKey,
    public: VerifyingKey,
}

impl BlindedSecret {
    fn new(secret: ExpandedSecretKey) -> Self {
        Self { public: VerifyingKey::from(&secret), secret }
    }

    pub(super) fn id(&self) -> BoxId {
        BoxId::from_bytes(self.public.to_bytes())
    }

    /// An Ed25519 signature over `domain || message`.
    pub(super) fn sign(&self, domain: &'static [u8], message: &[u8]) -> Signature {
        raw_sign::<Sha512>(&self.secret, &[domain, message].concat(), &self.public)
    }

    /// Scalar and nonce prefix, for a saved [`super::TombstoneKey`].
    pub(super) fn parts(&self) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
        (Zeroizing::new(self.secret.scalar.to_bytes()), Zeroizing::new(self.secret.hash_prefix))
    }

    /// From the parts that were saved.
    ///
    /// # Errors
    /// [`CapabilityRefusal::Scalar`] if the scalar is zero or not reduced.
    pub(super) fn from_parts(scalar: &[u8; 32], hash_prefix: &[u8; 32]) -> Result<Self, CapabilityRefusal> {
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(*scalar))
            .filter(|scalar| *scalar != Scalar::ZERO)
            .ok_or(CapabilityRefusal::Scalar)?;
        Ok(Self::new(ExpandedSecretKey { scalar, hash_prefix: *hash_prefix }))
    }
}

/// Checks a signature over `domain || message` under the key that `id` is.
///
/// # Errors
/// As [`BoxId::verifying_key`], and [`BoxRefusal::Signature`]. Strict verification: canonical encodings
/// only, no small-order points, no cofactor.
pub(super) fn verify(
    id: &BoxId,
    domain: &'static [u8],
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), BoxRefusal> {
    id.verifying_key()?
        .verify_strict(&[domain, message].concat(), &Signature::from_bytes(signature))
        .map_err(|_| BoxRefusal::Signature)
}

/// Scalar and nonce prefix from a seed (RFC 8032, section 5.1.5).
fn expand(seed: &[u8; 32]) -> ExpandedSecretKey {
    let digest = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
    ExpandedSecretKey::from_bytes(&digest)
}

fn clamp(h: &[u8; 32]) -> Zeroizing<Scalar> {
    Zeroizing::new(Scalar::from_bytes_mod_order(clamp_integer(*h)))
}
