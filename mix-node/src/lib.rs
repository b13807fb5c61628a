//! Sotto's mix node: unwraps packets, holds each for the delay its sender drew, passes it on, and
//! sends cover of its own.
//!
//! [`core`] is the node's logic as a state machine without sockets, clock, tasks or files; the same
//! code runs in production, in tests with injected faults and in virtual time. [`shell`] is the thin
//! tokio program around it. What is deliberately absent: a mix knows no mailbox commands, no boxes
//! and no person; to it every packet is alike.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod bench;
pub mod core;
pub mod shell;
pub mod stage;
