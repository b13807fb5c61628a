//! Why a node could not be set up, started or asked: what can go wrong whatever the node does.

use std::io;
use std::path::PathBuf;

use sotto_protocol::directory::NetworkLinkError;

use super::KeyFileError;
use super::config::ConfigError;
use super::log::LogError;
use super::membership::MembershipError;
use crate::link::LinkError;
use crate::private::PrivateFileError;
use crate::rpc::{RpcClientError, RpcServerError};
use crate::tor::TorError;

/// An error that ends a node's program, with what to do about it where that is not plain.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
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
    /// Nobody could be told where to reach the node.
    #[error("the node listens on {address}, which others cannot dial: set `announce` to its host:port")]
    NoAnnounce {
        /// Where it listens.
        address: String,
    },
    /// The directory holds a node already.
    #[error("{0} exists: this directory holds a node already; choose another, or run that one")]
    AlreadySetUp(PathBuf),
    /// A path that cannot stand in a configuration file.
    #[error("the path {0:?} is not valid UTF-8 and cannot be written to the configuration; choose another")]
    PathNotText(PathBuf),
    /// The identity or a hop key.
    #[error("{reason}{}", if_missing(reason, program))]
    Key {
        /// The program that makes such nodes.
        program: &'static str,
        /// What is wrong with the key.
        reason: KeyFileError,
    },
    /// A file in the node's directory.
    #[error(transparent)]
    File(#[from] PrivateFileError),
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
    /// The link layer does not take the node's key.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The node's part in the network.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The control socket, from the inside.
    #[error(transparent)]
    ControlServer(#[from] RpcServerError),
    /// The control socket, from the outside.
    #[error(transparent)]
    ControlClient(#[from] RpcClientError),
    /// The node answered with something that is no status.
    #[error("the node's status could not be read: {0}; is it of another version than this program?")]
    Status(serde_json::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Tor, or the onion service.
    #[error(transparent)]
    Tor(#[from] TorError),
    /// An onion service where nobody would look for one.
    #[error("`onion` is true, and only entries serve clients: set it to false, or `role` to \"entry\"")]
    OnionRole,
    /// A setting that is well-formed and does not go with the others.
    #[error("{place}: {message}")]
    Setting {
        /// The stable name of the reason.
        label: &'static str,
        /// Where it stands, `file:line` if it comes from a file.
        place: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Something that the operating system refused.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        reason: io::Error,
    },
}

/// What to do about a key file that is not there. In every other case there is a key, and a new node is the last thing to make.
fn if_missing(reason: &KeyFileError, program: &str) -> String {
    match reason {
        KeyFileError::File(PrivateFileError::Io { reason, .. })
            if reason.kind() == io::ErrorKind::NotFound =>
        {
            format!("; restore it from a backup, or make another node by `{program} init`")
        }
        _ => String::new(),
    }
}

impl NodeError {
    /// For [`NodeError::System`].
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::System { what, reason }
    }

    /// For [`NodeError::Key`].
    pub fn key(program: &'static str) -> impl FnOnce(KeyFileError) -> Self {
        move |reason| Self::Key { program, reason }
    }

    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Config(error) => error.label(),
            Self::Address { .. } => "address",
            Self::NoAnnounce { .. } => "no-announce",
            Self::AlreadySetUp(_) => "already-set-up",
            Self::PathNotText(_) => "path-not-text",
            Self::Key { reason, .. } => reason.label(),
            Self::File(error) => error.label(),
            Self::Network(error) => error.label(),
            Self::Listen { .. } => "listen",
            Self::Link(error) => error.label(),
            Self::Membership(error) => error.label(),
            Self::ControlServer(error) => error.label(),
            Self::ControlClient(error) => error.label(),
            Self::Status(_) => "status",
            Self::Log(_) => "log",
            Self::Tor(error) => error.label(),
            Self::OnionRole => "onion-role",
            Self::Setting { label, .. } => label,
            Self::System { .. } => "system",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::super::layout;

    #[test]
    fn a_new_node_is_advised_only_where_there_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = layout::identity_file(dir.path());
        let told = || layout::read_identity(dir.path(), "sotto-mix").map(drop).unwrap_err().to_string();
        assert!(
            told().ends_with("; restore it from a backup, or make another node by `sotto-mix init`"),
            "{}",
            told()
        );
        fs::write(&path, "sotto-identity-1 00").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(told().ends_with("restore it from a backup"), "{}", told());
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(told().ends_with(&format!("run: chmod 600 {}", path.display())), "{}", told());
    }
}
