//! What a link carries: frames of one size, whatever is in them.
//!
//! ```text
//!  0        1      2        4                                    2400
//!  +--------+------+--------+------------------+------------------+
//!  | version| kind |  used  |  body (used B)   |  zeros           |
//!  +--------+------+--------+------------------+------------------+
//! ```
//!
//! The body has room for exactly one packet. A frame has one encoding: unused bytes are zero, and a body
//! is as long as its kind demands. Encryption, timing and which frame may follow which are not here.

mod body;
mod document;
mod refusal;
mod token;

use std::fmt;

pub use document::{DocumentAssembler, DocumentKind, DocumentPart, PART_BYTES_MAX, split_document};
pub use refusal::FrameRefusal;
pub use token::ResumeToken;

use crate::ident::SessionAddress;
use crate::limits::{FRAME_BODY_LEN, FRAME_HEADER_LEN, FRAME_LEN, PACKET_LEN, PAYLOAD_LEN};
use crate::sphinx::{Packet, SurbId};

/// The version of the frame layout, the first byte of every frame.
pub const FRAME_VERSION: u8 = 1;
/// The longest label in a `refused` frame, in bytes.
pub const LABEL_LEN_MAX: usize = 32;
/// The longest explanation in a `refused` frame, in bytes.
pub const REFUSED_TEXT_LEN_MAX: usize = 200;

/// One frame. `Debug` names the kind and shows nothing of the content.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// Nothing: keeps an idle link from looking idle.
    Dummy,
    /// A Sphinx packet for the receiving node.
    Packet(Packet),
    /// A client asks its entry for a session.
    SessionOpen {
        /// The cover class that the client will keep to, an index into [`crate::directory::Params::classes`].
        class: u8,
        /// The session to take up again, if it is not a new one.
        resume: Option<(SessionAddress, ResumeToken)>,
    },
    /// The entry grants a session.
    SessionOpened {
        /// Where replies to this client are to be addressed.
        session: SessionAddress,
        /// What the client shows to take the session up again.
        token: ResumeToken,
        /// How long after a broken connection the session can be taken up again, in seconds.
        resumable_s: u32,
    },
    /// The entry hands a client what arrived for it by one of its SURBs.
    Delivery {
        /// Which SURB was used.
        surb_id: SurbId,
        /// The payload, sealed for the client.
        payload: Box<[u8; PAYLOAD_LEN]>,
    },
    /// Asks a node for the newest consensus it has.
    ConsensusGet,
    /// A piece of a document.
    DocumentPart(DocumentPart),
    /// What was asked has been done.
    Accepted,
    /// What was asked has not been done.
    Refused {
        /// The stable name of the reason: 1 to [`LABEL_LEN_MAX`] bytes of `a-z0-9-`.
        label: String,
        /// The reason for people: at most [`REFUSED_TEXT_LEN_MAX`] bytes without control characters.
        text: String,
    },
}

impl Frame {
    /// The frame as bytes. A `refused` label or text that is too long is cut, and what its alphabet does not
    /// allow is replaced, so that a refusal can always be sent.
    #[must_use]
    pub fn encode(&self) -> Box<[u8; FRAME_LEN]> {
        body::encode(self)
    }

    /// A packet's frame in two pieces, header and packet, which together are what [`encode`](Self::encode) gives; `None`
    /// for other frames. It saves a copy where packets are many.
    #[must_use]
    pub fn packet_parts(&self) -> Option<([u8; FRAME_HEADER_LEN], &[u8; PACKET_LEN])> {
        match self {
            Self::Packet(packet) => Some((body::PACKET_HEADER, packet.as_bytes())),
            _ => None,
        }
    }

    /// The frame that `bytes` encode.
    ///
    /// # Errors
    /// Every variant of [`FrameRefusal`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameRefusal> {
        body::decode(bytes)
    }

    /// The kind's name, for logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dummy => "dummy",
            Self::Packet(_) => "packet",
            Self::SessionOpen { .. } => "session-open",
            Self::SessionOpened { .. } => "session-opened",
            Self::Delivery { .. } => "delivery",
            Self::ConsensusGet => "consensus-get",
            Self::DocumentPart(_) => "document-part",
            Self::Accepted => "accepted",
            Self::Refused { .. } => "refused",
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({})", self.name())
    }
}

const _: () = assert!(FRAME_BODY_LEN <= u16::MAX as usize, "the used length has two bytes");

#[cfg(test)]
mod tests;
