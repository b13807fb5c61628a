//! Peers that mean harm, one kind a file, each beside an honest client that must not notice: its cover comes, and its
//! packets pass. Linux lets every address of 127.0.0.0/8 call, so that attackers come from places of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    unreachable_pub,
    missing_docs
)]

mod frames;
mod handshakes;
mod honest;
mod place;
#[path = "../../../transport/tests/sockets/raw.rs"]
#[expect(dead_code, reason = "the links' own tests need more of it")]
mod raw;
mod sessions;
mod strangers;
#[path = "../shell/support.rs"]
#[expect(dead_code, reason = "the tests of the shell need more of it")]
mod support;
