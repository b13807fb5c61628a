//! What users, their clients and the mailboxes do, as machines that are called and never wait.
//!
//! - [`Writing`] says when a user writes and to whom, [`Addressees`] who that can be, [`Presence`] when a client is online.
//! - [`Desk`] has everybody's outbox, everybody's list of boxes to ask for, and the mailboxes: it says what a payload slot
//!   carries, and what a mailbox answers.
//!
//! Clients and users are the same numbers, from 0. Not here: packets, their ways and delays, and any queue of events.

mod addressees;
mod bursts;
mod desk;
mod edges;
mod error;
mod presence;
mod writing;

pub use addressees::Addressees;
pub use desk::{Answer, Desk, Load, PROBE_INTERVAL, ROUND_INTERVAL, Served};
pub use error::PrepareError;
pub use presence::Presence;
pub use writing::{Writing, Written};
