//! Why an authority could not be set up, started or asked.

use std::io;
use std::path::PathBuf;

use sotto_protocol::directory::{DocumentRefusal, NetworkLinkError};
use sotto_transport::link::LinkError;
use sotto_transport::node::KeyFileError;
use sotto_transport::node::config::ConfigError;
use sotto_transport::node::log::LogError;
use sotto_transport::private::PrivateFileError;
use sotto_transport::rpc::{RpcClientError, RpcServerError};

use crate::core::AuthorityError;

/// An error that ends the program, with what to do about it where that is not plain.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address in the configuration or on the command line.
    #[error("`{field}` is {value:?}: expected host:port, with a port from 1 to 65535")]
    Address {
        /// Which setting.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The network's name.
    #[error(
        "{0:?} is not a network's name: expected at most 32 of a-z, 0-9, - and ., beginning with a letter"
    )]
    Name(String),
    /// The network's parameters.
    #[error("`params` is not a network's: {0}")]
    Params(DocumentRefusal),
    /// Something that cannot stand in a configuration file.
    #[error("the configuration cannot be written: {0}")]
    NotToml(String),
    /// The directory holds an authority already.
    #[error("{0} exists: this directory holds an authority already; choose another, or run that one")]
    AlreadySetUp(PathBuf),
    /// A path that cannot stand in a configuration file.
    #[error("the path {0:?} is not valid UTF-8 and cannot be written to the configuration; choose another")]
    PathNotText(PathBuf),
    /// The identity.
    #[error("{0}; `sotto-directory init` makes a new authority")]
    Key(#[from] KeyFileError),
    /// A file in the authority's directory.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The core does not take what it was given.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The network link.
    #[error(transparent)]
    Network(#[from] NetworkLinkError),
    /// The port.
    #[error("cannot listen on {address}: {reason}; is another program using the port?")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        reason: io::Error,
    },
    /// The link layer does not take the authority's key.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The control socket, from the inside.
    #[error(transparent)]
    ControlServer(#[from] RpcServerError),
    /// The control socket, from the outside.
    #[error(transparent)]
    ControlClient(#[from] RpcClientError),
    /// The authority answered with something that is no status.
    #[error("the authority's status could not be read: {0}; is it of another version than this program?")]
    Status(serde_json::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Something that the operating system refused.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        reason: io::Error,
    },
}

impl ShellError {
    /// For [`ShellError::System`].
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::System { what, reason }
    }

    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Config(error) => error.label(),
            Self::Address { .. } => "address",
            Self::Name(_) => "name",
            Self::Params(_) => "params",
            Self::NotToml(_) => "not-toml",
            Self::AlreadySetUp(_) => "already-set-up",
            Self::PathNotText(_) => "path-not-text",
            Self::Key(error) => error.label(),
            Self::File(error) => error.label(),
            Self::Authority(error) => error.label(),
            Self::Network(error) => error.label(),
            Self::Listen { .. } => "listen",
            Self::Link(error) => error.label(),
            Self::ControlServer(error) => error.label(),
            Self::ControlClient(error) => error.label(),
            Self::Status(_) => "status",
            Self::Log(_) => "log",
            Self::System { .. } => "system",
        }
    }
}
