//! Why somebody who calls is turned away.

use thiserror::Error;

/// What a caller is over. All but the last are decided before the first byte is read, and the caller sees nothing
/// but the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// As many connections as the listener takes.
    #[error("expected at most {0} connections at once, and one more came; try another node")]
    LinksFull(usize),
    /// As many connections as one address may have.
    #[error("expected at most {0} connections from one address at once, and one more came; try another node")]
    AddressFull(usize),
    /// Handshakes of one address follow too fast.
    #[error("expected at most {0} handshakes a second from one address; try again in a while")]
    AddressTooFast(u32),
    /// Handshakes of all follow too fast.
    #[error("expected at most {0} handshakes a second; try another node")]
    HandshakesTooFast(u32),
    /// As many links as the listener takes from whoever shows no key of a node of the consensus.
    #[error("expected at most {0} links without a node's key at once, and one more came; try another node")]
    AnonymousFull(usize),
}

impl Denial {
    /// The stable name in counters and logs, and, where a link was there already, on the wire.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::LinksFull(_) => "links-full",
            Self::AddressFull(_) => "address-full",
            Self::AddressTooFast(_) => "address-too-fast",
            Self::HandshakesTooFast(_) => "handshakes-too-fast",
            Self::AnonymousFull(_) => "anonymous-full",
        }
    }
}
