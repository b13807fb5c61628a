//! What an offer publishes.
//!
//! ```text
//! 0         1      2               34            66            1250
//! +---------+------+---------------+-------------+-------------+
//! | version | kind | identity key  | ephemeral   | ML-KEM-768  |
//! |   = 1   | 0x1o | of responder  | key         | key         |     o: number of the occasion
//! +---------+------+---------------+-------------+-------------+
//! ```

use std::fmt;

use super::super::dh::Point;
use super::super::identity::IdentityPublic;
use super::super::kem::{ENCAPSULATION_KEY_LEN, KemPublic};
use super::super::limits::{BUNDLE_LEN, KEY_LEN};
use super::super::refusal::HandshakeRefusal;
use super::{Occasion, VERSION};

/// The checked keys of somebody else's offer.
#[derive(Clone)]
pub struct Bundle {
    pub(super) occasion: Occasion,
    pub(super) identity: IdentityPublic,
    pub(super) ephemeral: Point,
    pub(super) kem: KemPublic,
}

impl Bundle {
    /// Checks and reads a bundle of this occasion.
    ///
    /// # Errors
    /// [`HandshakeRefusal`] in the order: version, kind, length, identity key, ephemeral key, ML-KEM key.
    pub fn parse(occasion: Occasion, bytes: &[u8]) -> Result<Self, HandshakeRefusal> {
        let length = HandshakeRefusal::Length { expected: BUNDLE_LEN, actual: bytes.len() };
        let (&[version, kind], rest) = bytes.split_first_chunk::<2>().ok_or(length)?;
        // An answer is no bundle, whatever its length; its kind says so more clearly.
        check_head(version, kind, occasion.bundle_kind())?;
        let (identity, rest) = rest.split_first_chunk::<KEY_LEN>().ok_or(length)?;
        let (ephemeral, kem) = rest.split_first_chunk::<KEY_LEN>().ok_or(length)?;
        if kem.len() != ENCAPSULATION_KEY_LEN {
            return Err(length);
        }
        Ok(Self {
            occasion,
            identity: IdentityPublic::from_bytes(identity)?,
            ephemeral: Point::parse(ephemeral)?,
            kem: KemPublic::parse(kem)?,
        })
    }

    /// Whose offer it is.
    #[must_use]
    pub const fn identity(&self) -> IdentityPublic {
        self.identity
    }

    /// The bytes that [`Self::parse`] accepts.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        encode(self.occasion, &self.identity, &self.ephemeral, &self.kem.to_bytes())
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({:?}, {:?})", self.occasion, self.identity)
    }
}

pub(super) fn encode(
    occasion: Occasion,
    identity: &IdentityPublic,
    ephemeral: &Point,
    kem: &[u8],
) -> Vec<u8> {
    let head = [VERSION, occasion.bundle_kind()];
    [head.as_slice(), identity.as_bytes(), ephemeral.bytes(), kem].concat()
}

pub(super) fn check_head(version: u8, kind: u8, kind_expected: u8) -> Result<(), HandshakeRefusal> {
    if version != VERSION {
        return Err(HandshakeRefusal::Version { expected: VERSION, actual: version });
    }
    if kind != kind_expected {
        return Err(HandshakeRefusal::Kind { expected: kind_expected, actual: kind });
    }
    Ok(())
}
