//! X25519 one at a time, by other people's implementations.
//!
//! Both take what RFC 7748 says: scalars are clamped, the top bit of a point is dropped. What is not here: a reason
//! to prefer one, see [`super::X25519::detect`].

use zeroize::Zeroizing;

/// By x25519-dalek, which runs everywhere and which the packet format's crate uses.
pub(super) fn dalek(scalar: &[u8; 32], point: &[u8; 32], secret: &mut [u8; 32]) {
    *secret = *Zeroizing::new(x25519_dalek::x25519(*scalar, *point));
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use with_graviola::Graviola;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod with_graviola {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
    use zeroize::Zeroizing;

    /// Proof that this processor has what graviola asserts that it has: only [`Graviola::detect`] makes one.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) struct Graviola(());

    impl Graviola {
        /// `None` on a processor that graviola would panic on.
        #[cfg(target_arch = "x86_64")]
        pub(in super::super) fn detect() -> Option<Self> {
            let here = is_x86_feature_detected!("adx")
                && is_x86_feature_detected!("aes")
                && is_x86_feature_detected!("avx")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("pclmulqdq");
            here.then_some(Self(()))
        }

        /// `None` on a processor that graviola would panic on.
        #[cfg(target_arch = "aarch64")]
        pub(in super::super) fn detect() -> Option<Self> {
            use std::arch::is_aarch64_feature_detected;
            let here = is_aarch64_feature_detected!("aes")
                && is_aarch64_feature_detected!("neon")
                && is_aarch64_feature_detected!("pmull")
                && is_aarch64_feature_detected!("sha2");
            here.then_some(Self(()))
        }

        /// Graviola's error is the all-zero secret, and zeros are what the others give.
        pub(in super::super) fn multiply(self, scalar: &[u8; 32], point: &[u8; 32], secret: &mut [u8; 32]) {
            let agreed = StaticPrivateKey::from_array(scalar).diffie_hellman(&PublicKey::from_array(point));
            *secret = *Zeroizing::new(agreed.map_or([0; 32], |agreed| agreed.as_bytes()));
        }
    }
}
