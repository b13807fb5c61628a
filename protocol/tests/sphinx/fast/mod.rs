//! The mix node's fast path from outside.

mod hop_keys;
mod x25519;
