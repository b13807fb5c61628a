//! The mix node's fast path from outside.

mod batches;
mod differential;
mod hop_keys;
mod network;
mod outcome;
mod vectors;
mod x25519;
