//! Wipes what computing with secrets leaves on the stack: key schedules, scalars and polynomials that live in
//! frames of other crates, which no destructor reaches.
//!
//! It does not reach registers, nor copies that callers of this module make.

use std::hint::black_box;

use zeroize::Zeroize as _;

/// Words of 8 bytes that are wiped: 128 KiB, over twice what key generation and decapsulation of ML-KEM-768 use.
const WORDS_WIPED: usize = 16 * 1024;

/// Runs `operation`, then overwrites the part of the stack that it has used.
///
/// The operation runs in a frame of its own below this one, and so does the wiping, which covers it.
pub(super) fn with_wiped_stack<T>(operation: impl FnOnce() -> T) -> T {
    let outcome = below(operation);
    wipe();
    outcome
}

#[inline(never)]
fn below<T>(operation: impl FnOnce() -> T) -> T {
    operation()
}

#[inline(never)]
fn wipe() {
    let mut words = [0u64; WORDS_WIPED];
    black_box(&mut words).zeroize();
}
