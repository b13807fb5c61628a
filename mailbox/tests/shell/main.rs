//! A whole mailbox on real sockets, among mixes that the tests play themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod direct;
mod lifecycle;
mod network;
mod packets;
