//! Why a node could not be put on the stage, or fell off it.

use std::io;

use sotto_protocol::directory::DocumentRefusal;
use sotto_protocol::sphinx::BuildError;
use sotto_transport::link::LinkError;
use sotto_transport::node::NodeError;
use thiserror::Error;

/// What went wrong. None of it is the fault of whoever started the program, but for a full disk or a machine
/// without loopback addresses.
#[derive(Debug, Error)]
pub enum StageError {
    /// A file, a process or a socket.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// The node's own files.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A link to the node or from it.
    #[error("a link of the stage failed: {0}")]
    Link(#[from] LinkError),
    /// The made-up consensus.
    #[error("the made-up consensus is refused: {0}")]
    Document(#[from] DocumentRefusal),
    /// A made-up packet.
    #[error("a packet cannot be built: {0}")]
    Build(#[from] BuildError),
    /// Something that has to happen did not.
    #[error("{what} did not happen within {wait_s} s; see the node's log in {log}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        wait_s: u64,
        /// Where the node's own words are.
        log: String,
    },
}

impl StageError {
    /// A stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::System { .. } => "stage-system",
            Self::Node(error) => error.label(),
            Self::Link(error) => error.label(),
            Self::Document(_) => "stage-document",
            Self::Build(_) => "stage-packet",
            Self::Late { .. } => "stage-late",
        }
    }

    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::System { what, reason }
    }
}
