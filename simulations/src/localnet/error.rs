//! What can go wrong with a local network, in words that say what to do.

use std::io;
use std::path::PathBuf;

use sotto_transport::rpc::RpcClientError;

use crate::tornet::TornetError;

/// A local network does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LocalnetError {
    /// A program of Sotto is not there.
    #[error("the program {name} is not in {dir}: build it with `cargo build --workspace --bins`")]
    NoProgram {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// A file, directory or process could not be handled.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was attempted.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program that should have done one thing and ended has failed.
    #[error("`{command}` failed: {output}")]
    Command {
        /// The command line.
        command: String,
        /// What it printed.
        output: String,
    },
    /// A node did not get ready.
    #[error("{name} is not ready after {waited_s} s; its log is {log}")]
    NotReady {
        /// The node.
        name: String,
        /// How long was waited.
        waited_s: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// A process ended when it should not have.
    #[error("{name} has ended ({status}); its log is {log}")]
    Ended {
        /// The node.
        name: String,
        /// How.
        status: String,
        /// Where to look.
        log: PathBuf,
    },
    /// No node of this name, or it is not running.
    #[error("no node named {0} runs in this network")]
    NoNode(String),
    /// A running program did not answer on its socket.
    #[error("{name} does not answer: {source}")]
    Socket {
        /// The program.
        name: String,
        /// Why.
        source: RpcClientError,
    },
    /// A program answered something that this version does not understand.
    #[error("{name} answered something unexpected: {what}")]
    Answer {
        /// The program.
        name: String,
        /// What was wrong with it.
        what: String,
    },
    /// The private Tor network below it.
    #[error(transparent)]
    Tor(#[from] TornetError),
    /// There is a network in the directory already, or none where one was expected.
    #[error("{0}")]
    Directory(String),
}

impl LocalnetError {
    /// Wraps a system error with what was attempted.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }
}
