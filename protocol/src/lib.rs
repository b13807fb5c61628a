//! What travels in Sotto's network and how it is checked: packets, boxes, documents, commands.
//!
//! Everything here is a pure function or a small value: the caller brings bytes, the time and a
//! random generator. There is deliberately no socket, no clock, no file, no task and no global
//! random generator in this crate, so that the same code runs in production, in tests with injected
//! faults and in virtual time.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod boxes;
pub mod codec;
pub mod directory;
pub mod frame;
pub mod ident;
pub mod ledger;
pub mod limits;
pub mod mailbox;
pub mod sphinx;
pub mod time;
