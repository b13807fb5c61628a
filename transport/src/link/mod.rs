//! The encrypted link between two hosts: TLS 1.3, keys pinned to node identities, frames of one size.
//!
//! - One key exchange, X25519MLKEM768; TLS 1.3 only; no session tickets, no early data, no resumption.
//! - Raw public keys (RFC 7250): a node's identity key is its TLS key. Whoever dials names the key it expects;
//!   whoever listens accepts any node's key, or none, and reports it as [`Peer`].
//! - The ALPN name carries the protocol version.
//! - Each frame is one TLS record of one size. A record of another size ends the link.
//! - No closing alert is ever sent: TCP's own end of stream ends a link. An alert is a record of another size,
//!   and it would tell an observer why the link ended. What TLS guards with it, truncation, cannot go
//!   unnoticed here, because every frame has one length.
//! - The one record that is not a frame after the handshake is TLS's own key update, after 2^24 records
//!   under an AES suite. It follows from a count that an observer can make for itself.
//!
//! What the frames mean is not decided here.

mod buffered;
mod connect;
mod error;
mod keys;
mod meter;
mod record;
mod stream;
mod tls;
mod verify;
mod wire;

use std::time::Duration;

use sotto_protocol::ident::NodeId;

pub use connect::{LinkAcceptor, LinkConnector};
pub use error::LinkError;
pub use meter::LinkMeter;
pub use stream::{Link, LinkReader, LinkWriter};
pub use tls::Negotiated;

/// The ALPN name of this protocol version (RFC 7301).
pub const ALPN: &[u8] = b"sotto/1";

/// Who is at the other end of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// The holder of this identity key: proven. Whether the network knows it is for the application to say.
    Node(NodeId),
    /// Someone who showed no key: a client.
    Anonymous,
}

/// How long a link waits for its peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkTimes {
    /// From the first byte of the handshake to its end. How long the stream under it may take to open, its dialer
    /// knows.
    pub handshake_max: Duration,
    /// Without any frame from the peer, for a link whose peer has cover to send all the time. `None`
    /// where the peer has nothing to say.
    pub silence_max: Option<Duration>,
    /// For one frame to be taken by the peer's side of the stream.
    pub stall_max: Duration,
}

impl Default for LinkTimes {
    /// A handshake within 10 s, a frame taken within 30 s, silence without end.
    fn default() -> Self {
        Self { handshake_max: Duration::from_secs(10), silence_max: None, stall_max: Duration::from_secs(30) }
    }
}
