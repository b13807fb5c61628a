//! One-time boxes: what a mailbox stores, and the capabilities that write and read them.
//!
//! A *stream* is an endless sequence of boxes with one writer. Whoever holds its [`WriteCap`] can seal the
//! next box; whoever holds its [`ReadCap`] can name and open the boxes from its position on, and can write
//! none. A mailbox sees boxes only: each [`BoxId`] is the stream's public key blinded afresh, so it cannot
//! tell which boxes belong together, yet it can check that a box was made by the writer. The construction
//! is BACAP (Echomix, arXiv 2501.02933, section 4) with the key blinding of Tor's rend-spec-v3, A.2.
//!
//! What is not here: who stores a box and for how long ([`crate::mailbox`]), what its text means, and the
//! key agreement that hands a capability to somebody.
//!
//! # Derivation
//!
//! `HKDF(salt, key, info, n)` is HKDF-SHA-512 (RFC 5869) with `n` bytes of output, `||` joins, `P` is the
//! stream's Ed25519 public key, `i` the index of a box as a big-endian `u64`.
//!
//! ```text
//! root seed       = HKDF("sotto-stream-root-v1",  seed, "", 32)      Ed25519 seed (RFC 8032), gives s and P
//! H_0             = HKDF("sotto-stream-chain-v1", seed, "", 32)
//! H_i+1, E_i, K_i = HKDF("sotto-chain-v1", H_i, i, 96)               32 bytes each, in this order
//! k_i             = clamp(HKDF("sotto-mailbox-v1", K_i, P, 32))      the salt is the context of the blinding
//! M_i             = k_i * P                                          the box id
//! box key         = HKDF("sotto-box-key-v1", E_i, M_i, 32)           for XChaCha20-Poly1305
//! ```
//!
//! # A box, 1,496 bytes
//!
//! ```text
//!  0       32          96        120                 1480     1496
//!  +--------+-----------+---------+-------------------+--------+
//!  | id M_i | signature |  nonce  | sealed text 1,360 | tag 16 |
//!  |   32   |    64     |   24    |                   |        |
//!  +--------+-----------+---------+-------------------+--------+
//! ```
//!
//! The sealed text is the text, one byte `0x80`, and zeros; the associated data is the id. The signature
//! is Ed25519 under the blinded secret over `"sotto-box-v1:" || nonce || sealed text || tag`.
//!
//! # A tombstone, 96 bytes
//!
//! ```text
//!  0       32          96
//!  +--------+-----------+
//!  | id M_i | signature |     over "sotto-tombstone-v1:" || id
//!  +--------+-----------+
//! ```
//!
//! # A capability, 74 bytes
//!
//! ```text
//!  0         1      2         10      42          74
//!  +---------+------+---------+-------+-----------+
//!  | version | kind | index i |  H_i  | root seed |    kind 1: write
//!  |   = 1   |      |         |       | or P      |    kind 2: read
//!  +---------+------+---------+-------+-----------+
//! ```

mod blind;
mod capability;
mod chain;
mod derive;
#[cfg(test)]
mod differential;
mod id;
mod reader;
mod refusal;
mod sealed;
mod tombstone;

pub use capability::{CAPABILITY_LEN, READ_AHEAD_MAX, ReadCap, WriteCap};
pub use id::BoxId;
pub use reader::BoxReader;
pub use refusal::{BoxRefusal, CapabilityRefusal};
pub use sealed::{BOX_CONTENT_LEN_MAX, SealedBox};
pub use tombstone::{TOMBSTONE_KEY_LEN, TOMBSTONE_LEN, Tombstone, TombstoneKey};
