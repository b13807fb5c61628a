//! Wipes what computing with secrets leaves on the stack: key schedules, scalars and polynomials that live in
//! frames of other crates, which no destructor reaches.
//!
//! It does not reach registers, nor copies that callers of this module make.

use std::hint::black_box;

/// Words of 8 bytes that are wiped: 64 KiB, four times what `tests::memory` needs to find nothing in an
/// unoptimised build.
const WORDS_WIPED: usize = 8 * 1024;

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

/// Zeros in a frame of its own, where the operation's frames were; that they are written cannot be optimised
/// away, since [`black_box`] is given their address.
#[inline(never)]
fn wipe() {
    black_box(&mut [0u64; WORDS_WIPED]);
}
