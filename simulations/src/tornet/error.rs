//! What can go wrong with a private Tor network, in words that say what to do.

use std::io;
use std::path::PathBuf;

/// A private Tor network does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum TornetError {
    /// A program of C tor is not installed.
    #[error(
        "the program {0} is not installed: a private Tor network needs it. Debian and Ubuntu: apt-get install tor; \
         Fedora: dnf install tor; macOS: brew install tor"
    )]
    NoTor(&'static str),
    /// No network was started there alone.
    #[error(
        "no private Tor network in {}: one of `sotto-localnet tor-up` is meant; that of `up --tor` is ended by \
         `sotto-localnet down`", .0.display()
    )]
    NoNetwork(PathBuf),
    /// A file, directory or process could not be handled.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was attempted.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The keys of a node could not be made.
    #[error("no keys for {name}: {output}")]
    Keys {
        /// The node.
        name: String,
        /// What the program printed, or what was odd about it.
        output: String,
    },
    /// The authority voted before every relay had told it of itself.
    #[error(
        "the first consensus lists {listed} of {expected} relays; try again when the machine is less busy"
    )]
    ShortConsensus {
        /// Relays in it.
        listed: usize,
        /// Relays that run.
        expected: usize,
    },
    /// A process is not ready.
    #[error("{name} has no working Tor network after {waited_s} s; its log is {log}")]
    NotReady {
        /// The process.
        name: String,
        /// How long was waited.
        waited_s: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// A process ended when it should not have.
    #[error("{name} has ended ({status}); its log is {log}")]
    Ended {
        /// The process.
        name: String,
        /// How.
        status: String,
        /// Where to look.
        log: PathBuf,
    },
    /// No relay of this name.
    #[error("no relay named {0} in this Tor network")]
    NoNode(String),
}

impl TornetError {
    /// Wraps a system error with what was attempted.
    pub(super) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    /// Whether another attempt, with more time before the first vote and on other ports, may go better.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::ShortConsensus { .. } | Self::NotReady { .. } | Self::Ended { .. })
    }
}
