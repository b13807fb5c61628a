//! The side of Sotto that belongs to a person: contacts, messages, cover traffic and where they are kept.
//!
//! [`core`] is a state machine that is given the time, a random generator and what came in from the
//! network, and says what to send and when; [`store`] is how it keeps what must survive. Clocks,
//! sockets, files, tasks and the terminal are deliberately in neither: [`vault`] is the encrypted file, [`session`] the
//! keys of a conversation, [`shell`] the process around the engine, and [`cli`] what people type and read.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod backup;
pub mod cli;
pub mod core;
pub mod session;
pub mod shell;
pub mod store;
pub mod vault;
