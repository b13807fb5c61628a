//! X25519 (RFC 7748) with the checks that it leaves to its users.
//!
//! Which keys are agreed upon with which is not decided here.

use rand::CryptoRng;
use x25519_dalek::{PublicKey, StaticSecret};

use super::limits::KEY_LEN;
use super::refusal::PointRefusal;
use super::secret::Secret;
use super::stack::with_deep_stack_wiped;

/// The encodings below 2^255 - 19 of the points whose order divides 8, of the curve and of its twist: their
/// shared secret with any key is zero. RFC 7748, section 6.1; listed at
/// <https://cr.yp.to/ecdh.html#validate>.
const LOW_ORDER: [[u8; KEY_LEN]; 5] = [
    [0; KEY_LEN],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

/// 2^255 - 19, little-endian: the first number that is no canonical encoding.
const PRIME: [u8; KEY_LEN] = [
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];

/// The checked public key of somebody else, or our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point([u8; KEY_LEN]);

impl Point {
    /// Accepts the canonical encoding of a point that protects something.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PointRefusal> {
        let bytes: [u8; KEY_LEN] =
            bytes.try_into().map_err(|_| PointRefusal::Length { expected: KEY_LEN, actual: bytes.len() })?;
        // Compared from the most significant byte on; public keys need no constant time.
        if bytes.iter().rev().ge(PRIME.iter().rev()) {
            return Err(PointRefusal::NonCanonical);
        }
        if LOW_ORDER.contains(&bytes) {
            return Err(PointRefusal::LowOrder);
        }
        Ok(Self(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

/// A secret scalar. `Debug` shows nothing; dropped, it is wiped.
#[derive(Clone, Debug)]
pub(super) struct Scalar(Secret<KEY_LEN>);

impl Scalar {
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    pub(super) const fn new(bytes: Secret<KEY_LEN>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        self.0.bytes()
    }

    /// Its public key.
    pub(super) fn point(&self) -> Point {
        with_deep_stack_wiped(|| Point(PublicKey::from(&StaticSecret::from(*self.0.bytes())).to_bytes()))
    }

    /// X25519(self, point).
    ///
    /// Points of low order are refused twice: by their encodings in [`Point::parse`], and by what comes out.
    pub(super) fn agree(&self, point: &Point) -> Result<Secret<KEY_LEN>, PointRefusal> {
        let shared = with_deep_stack_wiped(|| {
            let shared = StaticSecret::from(*self.0.bytes()).diffie_hellman(&PublicKey::from(*point.bytes()));
            Secret::copy_of(shared.as_bytes())
        });
        if shared.is_zero() { Err(PointRefusal::LowOrder) } else { Ok(shared) }
    }
}
