//! Why a link failed, each reason with a stable label.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, InvalidMessage};
use sotto_protocol::frame::FrameRefusal;
use sotto_protocol::ident::NodeId;

/// A link that could not be made, or ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No stream to the address.
    #[error("cannot reach {address}: {reason}; is the node running, and is the address current?")]
    Unreachable {
        /// Where to.
        address: String,
        /// What the stream's maker said.
        reason: io::Error,
    },
    /// Another node answered than the one expected.
    #[error(
        "expected node {expected} and got {shown}: the address is stale, or somebody stands in between; \
         try again with a fresh consensus"
    )]
    WrongKey {
        /// The key pinned.
        expected: NodeId,
        /// The key shown.
        shown: NodeId,
    },
    /// The peer does not speak this version of the protocol.
    #[error("the peer does not speak protocol version sotto/1; one of the two needs an update")]
    Version,
    /// The handshake failed otherwise.
    #[error("the handshake failed: {0}")]
    Handshake(String),
    /// The handshake was not finished in time.
    #[error("no complete handshake within {} s", .0.as_secs_f32())]
    HandshakeTimeout(Duration),
    /// This handshake made room for a newer one.
    #[error("given up for newer handshakes: too many at once")]
    HandshakeEvicted,
    /// As many links as this host serves are open.
    #[error("expected at most {0} links at once, and one more came; try another node")]
    LinksFull(usize),
    /// The peer asks for the consensus again and again. Raised by whoever serves it.
    #[error("the peer has had the consensus {0} times; it changes once an epoch")]
    AnswersExhausted(u32),
    /// A frame of the right size that makes no sense.
    #[error("the peer sent a frame that is not acceptable: {0}")]
    Frame(#[from] FrameRefusal),
    /// A record shorter than a frame, or a stream that ended within one.
    #[error("expected a whole frame, and the record or the stream ended before")]
    Truncated,
    /// A record longer than a frame.
    #[error("expected records of exactly one frame, and a longer one came")]
    Oversized,
    /// Nothing came for too long.
    #[error("the peer sent nothing for {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The peer does not take what is sent to it.
    #[error("the peer took no frame for {} s", .0.as_secs_f32())]
    Stalled(Duration),
    /// The link has ended between two frames, on either side.
    #[error("the link is closed")]
    Closed,
    /// A record that is not authentic, or not TLS at all.
    #[error("a record failed: {0}")]
    Corrupt(String),
    /// The peer ended the link with a TLS alert.
    #[error("the peer ended the link with a TLS alert: {0}")]
    Alert(String),
    /// The peer ended the link with a reason. Raised by whoever reads the frames.
    #[error("the peer refused: {text} ({label})")]
    Refused {
        /// The peer's label: bounded by the frame, but chosen by the peer.
        label: String,
        /// The peer's words, for people.
        text: String,
    },
    /// A valid frame of a kind that has no place here. Raised by whoever reads the frames.
    #[error("expected {0}, and a frame of another kind came")]
    Unexpected(&'static str),
}

impl LinkError {
    /// A stable name of the reason, for counters and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::WrongKey { .. } => "wrong-key",
            Self::Version => "link-version",
            Self::Handshake(_) => "handshake",
            Self::HandshakeTimeout(_) => "handshake-timeout",
            Self::HandshakeEvicted => "handshake-evicted",
            Self::LinksFull(_) => "links-full",
            Self::AnswersExhausted(_) => "answers-exhausted",
            Self::Frame(refusal) => refusal.label(),
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::Silent(_) => "silent",
            Self::Stalled(_) => "stalled",
            Self::Closed => "closed",
            Self::Corrupt(_) => "corrupt-record",
            Self::Alert(_) => "tls-alert",
            Self::Refused { .. } => "refused",
            Self::Unexpected(_) => "unexpected-frame",
        }
    }

    /// From an error of the stream while the handshake was under way.
    pub(super) fn from_handshake(error: &io::Error) -> Self {
        let Some(tls) = tls_error(error) else {
            return Self::Handshake(error.to_string());
        };
        match tls {
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Self::Version,
            rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<KeyMismatch>() {
                    Some(keys) => Self::WrongKey { expected: keys.expected, shown: keys.shown },
                    None => Self::Handshake(other.to_string()),
                }
            }
            other => Self::Handshake(other.to_string()),
        }
    }

    /// From an error of the stream after the handshake; `within_record` says whether a record had begun.
    pub(super) fn from_stream(error: &io::Error, within_record: bool) -> Self {
        match tls_error(error) {
            Some(
                rustls::Error::PeerSentOversizedRecord
                | rustls::Error::InvalidMessage(InvalidMessage::MessageTooLarge),
            ) => Self::Oversized,
            Some(rustls::Error::AlertReceived(alert)) => Self::Alert(format!("{alert:?}")),
            Some(other) => Self::Corrupt(other.to_string()),
            None if within_record => Self::Truncated,
            None => Self::Closed,
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// What the pinned verifier tells rustls, to be found again in the handshake's error.
#[derive(Debug, thiserror::Error)]
#[error("expected node {expected}, and {shown} answered")]
pub(super) struct KeyMismatch {
    pub(super) expected: NodeId,
    pub(super) shown: NodeId,
}
