//! The mailbox: stores one-time boxes for people it knows nothing about.
//!
//! A packet arrives from a node of the last mix layer, carries one command and a reply block, and is
//! answered by exactly one packet of the same size along that block, whatever the answer is. The
//! [`core`] decides (no clock, no sockets, no tasks), a [`store`] keeps, the [`shell`] connects both
//! to the disk and the network. What is deliberately not here: accounts, senders, recipients,
//! conversations. A mailbox could not name them if it wanted to.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod core;
pub mod shell;
pub mod store;
