//! Secret bytes that stay where they are: on the heap, so that moving one copies a pointer and leaves nothing
//! behind, and wiped when dropped. Stack copies that computing with them leaves are the business of
//! [`super::stack`].

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes on the heap. `Debug` shows nothing.
#[derive(Clone, ZeroizeOnDrop)]
pub(super) struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Zeros, to be filled in place.
    pub(super) fn zeros() -> Self {
        Self(Box::new([0; N]))
    }

    /// A copy of bytes that the caller wipes.
    pub(super) fn copy_of(bytes: &[u8; N]) -> Self {
        let mut secret = Self::zeros();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// Uniformly random bytes, written in place.
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self::zeros();
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    pub(super) fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// Whether every byte is zero, in constant time.
    pub(super) fn is_zero(&self) -> bool {
        self.0.as_slice().ct_eq([0u8; N].as_slice()).into()
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([scrubbed])")
    }
}

/// The seed of a stream of boxes, for `WriteCap::from_seed`. `Debug` shows nothing; dropped, it is wiped.
#[derive(Clone)]
pub struct StreamSeed(Secret<32>);

impl StreamSeed {
    /// Of a stream that is agreed on by other means than a session.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    pub(super) const fn new(seed: Secret<32>) -> Self {
        Self(seed)
    }

    /// The seed itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }
}

impl fmt::Debug for StreamSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSeed([scrubbed])")
    }
}
