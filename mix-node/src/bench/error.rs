//! Why something could not be measured.

use std::io;

use sotto_protocol::sphinx::{BuildError, Refusal};
use thiserror::Error;

use crate::stage::StageError;

/// What went wrong.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No such implementation, or not on this processor.
    #[error("{0}")]
    UnknownX25519(String),
    /// A packet that had to be unwrapped was refused.
    #[error("a packet of the benchmark's own was refused: {0}")]
    Refused(#[from] Refusal),
    /// A packet could not be made.
    #[error("a packet of the benchmark's own cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The node could not be put on the stage.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Replay tags could not be written.
    #[error("the replay tags of the benchmark cannot be written: {0}")]
    Tags(String),
    /// A file or a process.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// The system tells nothing about a process.
    #[error("the system does not tell how much {what} a process uses: this benchmark needs Linux's /proc")]
    Untold {
        /// Of what.
        what: &'static str,
    },
    /// The node's books say that packets were lost, so that the other figures mean nothing.
    #[error("{lost} of {sent} packets did not come out of the node: {outcomes}")]
    Lost {
        /// How many are missing.
        lost: u64,
        /// How many went in.
        sent: u64,
        /// What the node says became of them.
        outcomes: String,
    },
}

impl BenchError {
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::System { what, reason }
    }
}
