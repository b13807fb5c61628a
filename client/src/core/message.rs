//! One message as it is kept: what it says, whose it is and how far it is.
//!
//! How a message is cut into boxes is in [`super::fragment`], the sealed boxes in [`super::outbox`].

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::contact::Contact;
use super::id::{ContactId, MessageId};
use super::view::{MessageKind, MessageView};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Whether a message was sent or received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// How far a message is. A sent message goes from queued to stored; each step is told only once it is true.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageState {
    /// Sent: kept on this device with its sealed boxes; no packet of it has left.
    Queued,
    /// Sent: a packet of it has left.
    Released,
    /// Sent: every replica of every box has acknowledged it.
    Stored,
    /// Sent: a mailbox holds other bytes under the name of one of its boxes. It cannot be read as a whole.
    Conflict,
    /// Sent: it was on its way when the backup was made that this profile comes from. It may have arrived or not.
    Unconfirmed,
    /// Received: whole, and kept on this device.
    Received,
    /// A note to oneself: kept on this device, and never sent.
    Kept,
}

impl MessageState {
    /// The stable name of the state, as in JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Released => "released",
            Self::Stored => "stored",
            Self::Conflict => "conflict",
            Self::Unconfirmed => "unconfirmed",
            Self::Received => "received",
            Self::Kept => "kept",
        }
    }
}

/// What a message says. The record's enum numbers are on disk: append only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// A text.
    Text(String),
    /// A kind that this version does not know, kept byte for byte for a version that does.
    Unknown {
        /// Its number on the wire.
        kind: u8,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// What this program notes in the conversation.
    Notice(Notice),
    /// What the other side wrote with its request to become a contact. It is no message of the conversation.
    Request(String),
}

/// Something that happened to the conversation as a whole. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The contact has made the session anew, with the identity key that it had.
    Renewed,
    /// The contact has made the session anew, and has another identity key.
    Changed,
    /// This profile was restored from a backup, and the session made anew.
    Restored,
}

impl Notice {
    const fn text(self) -> &'static str {
        match self {
            Self::Renewed => {
                "the contact has made the session anew, after restoring a backup or to renew its keys; the identity \
                 key is the same. What the other side has not received is sent again"
            }
            Self::Changed => {
                "the contact's identity key has changed; nothing is sent until you have verified the new one"
            }
            Self::Restored => {
                "the session was made anew from this side. What was sent from here since the backup is missing here; what was \
                 sent to it comes again"
            }
        }
    }
}

/// A message as it is kept. `Debug` shows no content.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) contact: ContactId,
    /// Its place in the conversation, from 1.
    pub(crate) seq: u64,
    pub(crate) direction: Direction,
    pub(crate) at_ms: u64,
    pub(crate) state: MessageState,
    pub(crate) body: Body,
}

impl Message {
    /// Where it is kept.
    pub(crate) const fn key(&self) -> RecordKey {
        RecordKey { kind: RecordKind::Message, id: *self.id.as_bytes() }
    }

    /// The change that keeps it as it is now.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: self.key(), value: record::encode(self)? })
    }

    /// What is shown of it.
    pub(crate) fn view(&self, contact: &Contact) -> MessageView {
        let (kind, text) = match &self.body {
            Body::Text(text) => (MessageKind::Text, text.clone()),
            Body::Unknown { kind, bytes } => (
                MessageKind::Unknown,
                format!(
                    "a message of kind {kind} with {} bytes, which this version cannot show",
                    bytes.len()
                ),
            ),
            Body::Request(text) => (MessageKind::Text, text.clone()),
            Body::Notice(notice) => (MessageKind::Notice, notice.text().to_owned()),
        };
        MessageView {
            id: self.id,
            contact: contact.name.clone(),
            trust: contact.trust,
            muted: contact.muted,
            seq: self.seq,
            direction: self.direction,
            kind,
            text,
            at_ms: self.at_ms,
            state: self.state,
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        match &mut self.body {
            Body::Text(text) | Body::Request(text) => text.zeroize(),
            Body::Unknown { bytes, .. } => bytes.zeroize(),
            Body::Notice(_) => {}
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, {:?}, {:?})", self.id, self.direction, self.state)
    }
}

/// A message's content on its way from bytes: text if it is text, else kept as it is.
pub(crate) fn body_from_wire(kind: u8, text_kind: u8, bytes: &Zeroizing<Vec<u8>>) -> Body {
    if kind == text_kind
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Body::Text(text.to_owned());
    }
    Body::Unknown { kind, bytes: bytes.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::contact::Side;

    fn message(body: Body) -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            contact: ContactId::from_bytes([2; 16]),
            seq: 3,
            direction: Direction::In,
            at_ms: 4,
            state: MessageState::Received,
            body,
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let secret = message(Body::Text("meet me".into()));
        insta::assert_snapshot!(format!("{secret:?}"), @"Message(01010101010101010101010101010101, In, Received)");
    }

    #[test]
    fn an_unknown_kind_is_kept_byte_for_byte_and_shown_as_unknown() {
        let kept = message(body_from_wire(77, 1, &Zeroizing::new(vec![0, 255])));
        let value = record::encode(&kept).unwrap();
        let read: Message = record::decode(&value).unwrap();
        assert!(matches!(&read.body, Body::Unknown { kind: 77, bytes } if bytes == &[0, 255]));
        let expires = sotto_protocol::time::Timestamp::NEVER;
        let bob = Contact::new(kept.contact, "Bob", Side::Inviter, [0; 16], expires);
        let view = read.view(&bob);
        assert_eq!(view.kind, MessageKind::Unknown);
        assert_eq!(view.text, "a message of kind 77 with 2 bytes, which this version cannot show");
    }

    #[test]
    fn a_text_that_is_not_utf8_is_kept_as_unknown() {
        assert!(matches!(body_from_wire(1, 1, &Zeroizing::new(vec![0xff])), Body::Unknown { kind: 1, .. }));
        assert!(matches!(body_from_wire(1, 1, &Zeroizing::new("ü".into())), Body::Text(text) if text == "ü"));
    }
}
