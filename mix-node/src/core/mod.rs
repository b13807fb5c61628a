//! The mix as a state machine: bytes, events and the time go in, actions come out.
//!
//! [`Mix`] is the whole of it; the other modules are its parts, one concept each. Nothing here reads a
//! clock, opens a socket, touches a file or a global random generator: the caller brings `now` and the
//! generator, performs the [`Action`]s and reports how each sending ended.

mod action;
mod allowance;
mod config;
mod delay_queue;
mod dummies;
mod loops;
mod mix;
mod poisson;
mod refusal;
mod report;
mod session;
mod session_deadlines;
mod sessions;
mod topology;

pub use action::{Action, Origin, Source, Ticket};
pub(crate) use allowance::{Allowance, uplink_interval};
pub use config::{
    ALLOWANCE_AT_START, ALLOWANCE_MAX, DOWNLINK_QUEUE_MAX, FLUSH_MAX, HELD_MAX, LOOPS_OUTSTANDING_MAX,
    MixConfig, SESSION_RESUMABLE, SESSIONS_MAX,
};
pub use mix::Mix;
pub use refusal::{ConsensusRefusal, DropLabel, PeerRefusal, SessionRefusal};
pub use report::{HeldReport, LinkLoopReport, LoopReport, MixReport, SessionReport};
pub use session::SessionGrant;
pub use topology::OutgoingLink;

#[cfg(test)]
mod tests;
