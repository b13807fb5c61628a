//! X25519 eight at a time, on processors with AVX-512 IFMA.
//!
//! Here is the one place that asks the processor and the one call that the compiler cannot check. What is not here:
//! the arithmetic ([`field`]) and the ladder ([`ladder`]), which are safe code.

mod field;
mod ladder;

/// How many ladders are climbed at once: the 64-bit lanes of a vector.
pub(super) const LANES: usize = 8;

/// Proof that this processor has what the ladder needs: only [`Ifma::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ifma(());

impl Ifma {
    /// `None` on a processor without AVX-512 F, DQ and IFMA.
    pub(super) fn detect() -> Option<Self> {
        let here = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma");
        here.then_some(Self(()))
    }

    /// Eight shared secrets, each of the scalar and the point at its place.
    #[expect(unsafe_code, reason = "the compiler cannot know that the processor was asked")]
    pub(super) fn multiply(
        self,
        scalars: &[[u8; 32]; LANES],
        points: &[[u8; 32]; LANES],
        secrets: &mut [[u8; 32]; LANES],
    ) {
        // SAFETY: a value of this type exists only if `detect` found every feature that the function enables.
        unsafe { ladder::multiply(scalars, points, secrets) }
    }
}
