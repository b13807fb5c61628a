//! The replay tags seen under one hop key, in about five bytes each.
//!
//! A [`ReplaySet`] keeps 56-bit [`Fingerprint`]s and is exact about them. A tag that was seen is always found; a
//! tag that was not is taken for one that was if its fingerprint is that of one of the `n` in the set. SipHash
//! under a secret key is a pseudorandom function, so for one lookup that has probability
//! `1 - (1 - 2^-56)^n <= n / 2^56`. With [`REPLAY_TAGS_MAX`](crate::limits::REPLAY_TAGS_MAX) = 2^26 that is at
//! most 2^-30 = 9.3e-10: one packet in a thousand million, and one that is dropped, never one that passes twice.
//!
//! ```text
//!  55        46 45            32 31                                0
//!  +-----------+----------------+----------------------------------+
//!  |   shard   |      high      |               low                |
//!  |    10     |       14       |                32                |
//!  +-----------+----------------+----------------------------------+
//! ```
//!
//! The set is 1,024 [`shard`]s. Each has a sorted [`run`], which stores the low bits and tells the high bits by
//! position, and up to 512 recent entries in front of it, which are merged into the run when there is no room for
//! another. Memory grows in pieces of 2 KiB, so nothing is ever held twice, and a merge touches one shard alone.
//!
//! With `n` tags a set takes `4 n` bytes of low bits, `n / 8` of positions, and at most 9 MiB for what does not
//! grow with `n`; [`freeze`](ReplaySet::freeze) gives back the 4 MiB of these that hold recent entries.
//!
//! What is not here: keeping fingerprints across a restart. That has to be done before a packet leaves the node,
//! by whoever calls.

mod fingerprint;
mod run;
mod set;
mod shard;
mod tag;
#[cfg(test)]
mod tests;

pub use fingerprint::{Fingerprint, TagHashKey};
pub use set::ReplaySet;
pub use tag::{ReplayTag, ReplayVerdict};
