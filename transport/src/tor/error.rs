//! Why Tor cannot be used: each reason with a stable label, and with what to do.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use super::config::{ARTI_CONFIG_LEN_MAX, BRIDGES_MAX};
use super::service::CLIENTS_MAX;
use super::status::TorBlockage;
use crate::private::PrivateFileError;

/// Tor could not be configured, started, dialed through, or made to host a service.
#[derive(Debug, thiserror::Error)]
pub enum TorError {
    /// A proxy, and settings for the embedded client as well.
    #[error("[tor] has `socks`, so Tor runs elsewhere, and `{0}` belongs there: remove one of the two")]
    SocksAlone(&'static str),
    /// A proxy somewhere on the internet.
    #[error(
        "`socks` in [tor] is {0}, which is neither this machine nor in a private network: what goes there is not \
         encrypted, so everybody on the way would see which onion services are used; name a Tor that runs near"
    )]
    SocksFar(IpAddr),
    /// More bridges than anybody needs.
    #[error("[tor] has {0} bridges: at most {max} are used; keep the best", max = BRIDGES_MAX)]
    Bridges(usize),
    /// A bridge line. It is not shown: it is not for everybody to know.
    #[error("`bridges` in [tor], number {number}: {reason}; copy the line as you were given it")]
    BridgeLine {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A bridge that is reached in a way for which there is no program.
    #[error(
        "`bridges` in [tor], number {number}, needs the transport {transport:?}: add it to `transports` in [tor], \
         with the path of its program"
    )]
    TransportMissing {
        /// Which bridge, from 1.
        number: usize,
        /// Which transport.
        transport: String,
    },
    /// A pluggable transport.
    #[error("`transports` in [tor], number {number}: {reason}")]
    Transport {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The file in arti's own format.
    #[error("`arti_config` in [tor], {path}: {reason}")]
    ArtiConfig {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The embedded client is left out of this program.
    #[error(
        "this program was built without Tor: set `socks` in [tor] to the SOCKS port of a running tor or arti, or \
         build it with the feature `tor`"
    )]
    NotBuilt,
    /// Not possible by SOCKS.
    #[error("{0} by the built-in Tor client alone: remove `socks` from [tor]")]
    NotEmbedded(&'static str),
    /// The directory for Tor's state.
    #[error(transparent)]
    Directory(#[from] PrivateFileError),
    /// The embedded client does not take its directory.
    #[error("Tor cannot use the directory {path}: {reason}")]
    Storage {
        /// Which directory.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The embedded client could not be made.
    #[error(
        "the built-in Tor client does not start: {0}; if it says no more, run with SOTTO_LOG=debug and try again"
    )]
    Start(String),
    /// An address that is not that of an onion service.
    #[error(
        "not the address of an onion service, which is 56 characters, `.onion`, and a port, or a character of it is \
         wrong: nothing else is dialed over Tor; copy the address again, or use a route without Tor"
    )]
    NotOnion,
    /// Malformed key of a client.
    #[error(
        "the onion service's clients, number {0}: expected `descriptor:x25519:` and 52 characters, as \
         `sotto tor-key` prints it; copy it again"
    )]
    OnionClient(usize),
    /// Too many keys of clients.
    #[error("the onion service has {0} clients: at most {max}; remove some", max = CLIENTS_MAX)]
    OnionClients(usize),
    /// The directory holds the state of another service.
    #[error(
        "the directory {path} has hosted the onion service {kept}, and the key at hand is that of {given}: restore \
         the node's `onion_key`, or, if the new address is meant, remove the directory"
    )]
    OnionKeyDiffers {
        /// Tor's directory.
        path: PathBuf,
        /// The address that it has hosted.
        kept: String,
        /// The address of the key at hand.
        given: String,
    },
    /// The service could not be launched.
    #[error("the onion service does not start: {0}; is its directory in use by another process?")]
    Host(String),
    /// Tor was not ready in time.
    #[error("{}", .0.text)]
    NotReady(TorBlockage),
    /// No answer in time.
    #[error(
        "no answer over Tor within {0} s; try again, and if it stays so, look at Tor's state with `sotto doctor`"
    )]
    TimedOut(u64),
    /// Told to end.
    #[error("Tor has been shut down; start the program again")]
    Ended,
    /// No descriptor.
    #[error("no onion service is published at the address; is the node running, and is the address current?")]
    OnionNotFound,
    /// There is a descriptor, and nobody answers.
    #[error("the onion service does not answer ({0}); is the node running? It may be restarting: try again")]
    OnionUnreachable(String),
    /// The service knows its clients.
    #[error(
        "the onion service is only for clients whose key its operator has: get its address from the operator, run \
         `sotto tor-key ADDRESS`, hand back what it prints, and try again when it is entered"
    )]
    OnionLocked,
    /// The service does not serve the port, or its host closed the stream.
    #[error("the onion service refused the connection; is the address current?")]
    OnionRefused,
    /// Tor itself failed.
    #[error("Tor failed ({0}); try again, and if it stays so, look at Tor's state with `sotto doctor`")]
    Failed(String),
    /// The proxy does not answer, or is none.
    #[error("{}", .0.text)]
    Proxy(TorBlockage),
}

impl TorError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SocksAlone(_) => "tor-socks-alone",
            Self::SocksFar(_) => "tor-socks-far",
            Self::Bridges(_) => "tor-bridges",
            Self::BridgeLine { .. } => "tor-bridge-line",
            Self::TransportMissing { .. } => "tor-transport-missing",
            Self::Transport { .. } => "tor-transport",
            Self::ArtiConfig { .. } => "tor-arti-config",
            Self::NotBuilt => "tor-not-built",
            Self::NotEmbedded(_) => "tor-not-embedded",
            Self::Directory(error) => error.label(),
            Self::Storage { .. } => "tor-storage",
            Self::Start(_) => "tor-start",
            Self::NotOnion => "tor-not-onion",
            Self::OnionClient(_) => "tor-onion-client",
            Self::OnionClients(_) => "tor-onion-clients",
            Self::OnionKeyDiffers { .. } => "tor-onion-key-differs",
            Self::Host(_) => "tor-host",
            Self::NotReady(blockage) | Self::Proxy(blockage) => blockage.label(),
            Self::TimedOut(_) => "tor-timeout",
            Self::Ended => "tor-ended",
            Self::OnionNotFound => "tor-onion-not-found",
            Self::OnionUnreachable(_) => "tor-onion-unreachable",
            Self::OnionLocked => "tor-onion-locked",
            Self::OnionRefused => "tor-onion-refused",
            Self::Failed(_) => "tor-failed",
        }
    }

    /// As the error of a stream, which is what a dialer gives: its text has the label as well.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::NotOnion => io::ErrorKind::InvalidInput,
            Self::NotReady(_) | Self::TimedOut(_) => io::ErrorKind::TimedOut,
            Self::OnionNotFound => io::ErrorKind::NotFound,
            Self::OnionLocked => io::ErrorKind::PermissionDenied,
            Self::OnionRefused | Self::Proxy(_) => io::ErrorKind::ConnectionRefused,
            Self::OnionUnreachable(_) => io::ErrorKind::HostUnreachable,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, DialFailed(self))
    }
}

/// What is inside the [`io::Error`] of a dialer: found again with `get_ref` and `downcast_ref`.
#[derive(Debug, thiserror::Error)]
#[error("{} ({})", .0, .0.label())]
pub struct DialFailed(pub TorError);

/// What an error and its causes say, in one line.
#[cfg(any(feature = "tor", test))]
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Some errors say what their cause says.
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// The reason why a file in arti's format is too long.
pub(super) fn arti_config_too_long() -> String {
    format!("longer than {ARTI_CONFIG_LEN_MAX} bytes; is it the right file?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_dialer_says_the_label_and_can_be_taken_apart() {
        let error = TorError::OnionNotFound.into_io();
        assert!(error.to_string().ends_with("(tor-onion-not-found)"), "{error}");
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<DialFailed>()).unwrap();
        assert_eq!(inner.0.label(), "tor-onion-not-found");
    }

    #[test]
    fn causes_are_told_once() {
        let inner = io::Error::other("the disk is full");
        let outer = PrivateFileError::Io { what: "write", path: "x".into(), reason: inner };
        assert_eq!(causes(&outer), "cannot write x: the disk is full");
    }
}
