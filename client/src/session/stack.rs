//! Wipes what computing with secrets leaves on the stack: key schedules, scalars and polynomials that live in
//! frames of other crates, which no destructor reaches.
//!
//! It does not reach registers, nor copies that callers of this module make.

use std::hint::black_box;

use super::limits::{STACK_WIPED_DEEP_LEN, STACK_WIPED_LEN};

/// Runs `operation`, then overwrites the part of the stack that it has used itself and in hashes, ciphers and
/// codecs.
///
/// The operation runs in a frame of its own below this one, and so does the wiping, which covers it.
pub(super) fn with_wiped_stack<T>(operation: impl FnOnce() -> T) -> T {
    let outcome = below(operation);
    wipe::<STACK_WIPED_LEN>();
    outcome
}

/// The same for ML-KEM and X25519. An operation that is wiped after as a whole uses it for these two, whose frames
/// may reach further down than what is wiped then: wiping so much after each envelope would cost a seventh of its
/// encryption.
pub(super) fn with_deep_stack_wiped<T>(operation: impl FnOnce() -> T) -> T {
    let outcome = below(operation);
    wipe::<STACK_WIPED_DEEP_LEN>();
    outcome
}

#[inline(never)]
fn below<T>(operation: impl FnOnce() -> T) -> T {
    operation()
}

/// Zeros in a frame of its own, where the operation's frames were; that they are written cannot be optimised
/// away, since [`black_box`] is given their address.
#[inline(never)]
fn wipe<const LEN: usize>() {
    black_box(&mut [0u8; LEN]);
}
