//! How Sotto's bytes travel between hosts, and what every node's shell needs around its core.
//!
//! Here live the sockets, the clock, the operating system's random generator, the key files and the
//! control sockets. What is deliberately not here: any decision about packets, sessions, boxes or
//! documents. Those are made by the cores, which know nothing of this crate.
//!
//! Invariants:
//! - [`clock`] and [`rng`] are the only modules in the workspace that ask the system for the time or for
//!   randomness.
//! - A [`link`] writes one TLS record of one size per frame, and never a closing alert.
//! - One peer that misbehaves costs itself its connection, and nobody else anything.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod caller;
pub mod clock;
pub mod dial;
pub mod directory_client;
pub mod link;
pub mod listen;
pub mod node;
pub mod peers;
pub mod private;
pub mod rng;
pub mod rpc;
pub mod tor;
