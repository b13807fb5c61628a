//! Identity keys: one X25519 pair a contact, which the handshake proves and nothing ever signs with.
//!
//! Whether an identity belongs to the person one thinks of is not known here.

use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::dh::{Point, Scalar};
use super::limits::KEY_LEN;
use super::refusal::HandshakeRefusal;
use super::secret::Secret;
use super::stack::with_wiped_stack;

/// The secret half of an identity. `Debug` shows nothing; dropped, it is wiped.
#[derive(Clone)]
pub struct IdentitySecret {
    scalar: Scalar,
    public: IdentityPublic,
}

impl IdentitySecret {
    /// A new identity.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        with_wiped_stack(|| Self::new(Scalar::random(rng)))
    }

    /// What others know it by.
    #[must_use]
    pub const fn public(&self) -> IdentityPublic {
        self.public
    }

    /// The secret, for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(*self.scalar.bytes())
    }

    /// From what [`Self::to_bytes`] gave.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        with_wiped_stack(|| Self::new(Scalar::new(Secret::copy_of(bytes))))
    }

    pub(super) const fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    fn new(scalar: Scalar) -> Self {
        let public = IdentityPublic(scalar.point());
        Self { scalar, public }
    }
}

impl fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentitySecret([scrubbed])")
    }
}

/// The public half of an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityPublic(Point);

impl IdentityPublic {
    /// The key with this encoding.
    ///
    /// # Errors
    /// [`HandshakeRefusal::Point`]: wrong length, not canonical, or of low order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HandshakeRefusal> {
        Ok(Self(Point::parse(bytes)?))
    }

    /// Its encoding.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.bytes()
    }

    pub(super) const fn point(&self) -> &Point {
        &self.0
    }
}

impl fmt::Debug for IdentityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityPublic({})", data_encoding::HEXLOWER.encode(self.as_bytes()))
    }
}
