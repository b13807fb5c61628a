//! The directory authority: collects nodes' signed descriptors and signs the network's consensus, one
//! for each epoch.
//!
//! The [`core`] decides (no clock, no sockets, no files), the [`shell`] serves it on links and keeps
//! its state on disk. What is deliberately not here: anything about clients. An authority hands the
//! same document to whoever asks, and asks nobody who they are.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod core;
pub mod shell;
