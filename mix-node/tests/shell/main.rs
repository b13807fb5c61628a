//! A mix as a whole program, with real sockets: a node under test among neighbours that the test plays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::large_futures,
    unreachable_pub,
    missing_docs
)]

mod checks;
mod contrib;
mod lifecycle;
mod links;
mod operator;
mod program;
#[path = "../../../transport/tests/sockets/raw.rs"]
#[expect(dead_code, reason = "the links' own tests need more of it")]
mod raw;
mod sessions;
mod support;
