//! The mix as a state machine: bytes, events and the time go in, actions come out.
//!
//! [`Mix`] is the whole of it; the other modules are its parts, one concept each. Nothing here reads a
//! clock, opens a socket, touches a file or a global random generator: the caller brings `now` and the
//! generator, performs the [`Action`]s and reports how each sending ended.

mod action;
mod allowance;
mod commits;
mod config;
mod delay_queue;
mod dummies;
mod freezing;
mod histogram;
mod loops;
mod mix;
mod poisson;
mod refusal;
mod report;
mod session;
mod session_deadlines;
mod sessions;
mod topology;
mod work;

pub use action::{Action, Origin, Source, Ticket};
pub(crate) use allowance::{Allowance, uplink_interval};
pub use config::{
    ALLOWANCE_AT_START, ALLOWANCE_MAX, COMMIT_INTERVAL, DOWNLINK_QUEUE_MAX, FLUSH_MAX, HELD_MAX,
    LOOPS_OUTSTANDING_MAX, MixConfig, SESSION_RESUMABLE, SESSIONS_MAX, UNWRAP_BATCH_MAX,
};
pub use histogram::TimesReport;
pub use loops::{
    CHANCE_PER_LINK, LOOP_ALARM_KEPT, LOOP_ALARMS_MAX, LOOP_LINKS_MAX, LOOPS_PER_FALSE_ALARM, LOOPS_WINDOW,
    LoopAlarm, LoopAlarmKind, LoopAlarmSubject, LoopEstimates, LoopEvidence,
};
pub use mix::Mix;
pub use refusal::{ConsensusRefusal, DropLabel, PeerRefusal, SessionRefusal};
pub use report::{
    DrainReport, ExcessReport, HeldReport, LimitsReport, LinkLoopReport, LoopReport, LossReport, MixReport,
    NodeLoopReport, PipelineReport, SessionReport,
};
pub use session::SessionGrant;
pub use topology::OutgoingLink;
pub use work::{CommitId, TagCommit, UnwrapDone, UnwrapJob};

#[cfg(test)]
mod tests;
