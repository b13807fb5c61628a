//! One message as it is kept: what it says, whose it is and how far it is.
//!
//! How a message is cut into boxes is in [`super::fragment`], the sealed boxes in [`super::outbox`].

use serde::{Deserialize, Serialize};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::contact::Contact;
use super::id::{ContactId, MessageId};
use super::letter::{Content, Disappearing, Letter, Name};
use super::limits::RESENDS_MAX;
use super::view::{DisappearingView, MessageKind, MessageView, ReactionsView};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Whether a message was sent or received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
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
    /// Sent: the other side has told that it has it.
    Delivered,
    /// Sent: the other side has told that its user has seen it.
    Read,
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
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Kept => "kept",
        }
    }

    /// Whether every replica has acknowledged it, or the other side has it.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored | Self::Delivered | Self::Read)
    }

    /// Whether the other side has told that it has the message.
    #[must_use]
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }
}

/// What a message says. The record's enum numbers are on disk: append only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// A letter of a kind that this version knows.
    Letter(Content),
    /// A kind that this version does not know, kept byte for byte for a version that does.
    Unknown {
        /// Its number as a letter; 256 and more if it is no letter.
        kind: u16,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// What this program notes in the conversation.
    Notice(Notice),
    /// What the other side wrote with its request to become a contact. It is no message of the conversation.
    Request(String),
    /// A letter that its sender has deleted for both sides.
    Deleted,
}

/// Something that happened to the conversation as a whole. The numbers are on disk: append only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The contact has made the session anew, with the identity key that it had.
    Renewed,
    /// The contact has made the session anew, and has another identity key.
    Changed,
    /// This profile was restored from a backup, and the session made anew.
    Restored,
    /// So many letters of the contact never came, and cannot be had any more.
    Lost(u64),
    /// The contact has answered to an introduction that we have made.
    Answered {
        /// The contact whom it is introduced to.
        other: String,
        /// Whether it wants to meet the other one.
        agrees: bool,
    },
    /// The contact came by an introduction.
    Introduced {
        /// The contact who made it.
        by: String,
    },
    /// The link of an introduction that the contact made was of no use.
    MetInVain {
        /// What the other person was to be called.
        name: String,
        /// What was wrong.
        why: String,
    },
}

impl Notice {
    fn text(&self) -> String {
        let text = match self {
            Self::Lost(count) => {
                return format!(
                    "{count} messages of the contact did not come and cannot be had any more: they were lost, deleted, or \
                     had ended; ask the contact"
                );
            }
            Self::Answered { other, agrees: true } => return format!("the contact agrees to meet {other:?}"),
            Self::Answered { other, agrees: false } => {
                return format!("the contact does not want to meet {other:?}, and the introduction is over");
            }
            Self::Introduced { by } => {
                return format!(
                    "{by:?} has introduced you to this contact, and could stand between the two of you unseen; compare \
                     safety numbers with `sotto verify`, by voice or in person"
                );
            }
            Self::MetInVain { name, why } => {
                return format!("the introduction to {name:?} came to nothing: {why}");
            }
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
        };
        text.to_owned()
    }
}

/// What the two sides think of a message: one emoji each, the latest.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Reactions {
    pub(crate) own: Option<String>,
    pub(crate) theirs: Option<String>,
}

/// A message as it is kept. `Debug` shows no content.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) contact: ContactId,
    /// Its place in the conversation, from 1.
    pub(crate) seq: u64,
    pub(crate) direction: Direction,
    /// When it was queued or received here.
    pub(crate) at_ms: u64,
    pub(crate) state: MessageState,
    /// What both sides call it; none if it is no letter.
    pub(crate) name: Option<Name>,
    pub(crate) disappearing: Disappearing,
    /// When it ends, if that is certain.
    pub(crate) until_ms: Option<u64>,
    /// The place of the message that it refers to, if that is here.
    pub(crate) refers_to: Option<u64>,
    pub(crate) edited: bool,
    pub(crate) reactions: Reactions,
    /// How often it was sent again because the other side asked for it; beyond [`RESENDS_MAX`] once the other side is told that
    /// it is gone.
    pub(crate) resent: u8,
    pub(crate) body: Body,
}

impl Message {
    /// One that no letter made: nothing about it ends or is counted.
    pub(crate) fn local(id: MessageId, contact: ContactId, seq: u64, at_ms: u64, body: Body) -> Self {
        Self {
            id,
            contact,
            seq,
            direction: Direction::In,
            at_ms,
            state: MessageState::Received,
            name: None,
            disappearing: Disappearing::OFF,
            until_ms: None,
            refers_to: None,
            edited: false,
            reactions: Reactions::default(),
            resent: 0,
            body,
        }
    }

    /// Where it is kept.
    pub(crate) const fn key(&self) -> RecordKey {
        message_key(self.id)
    }

    /// The change that keeps it as it is now.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: self.key(), value: record::encode(self)? })
    }

    /// Whether it is shown as a message of its own. Reactions, edits and deletions show at what they refer to.
    pub(crate) const fn is_shown(&self) -> bool {
        !matches!(
            self.body,
            Body::Letter(
                Content::Reaction { .. }
                    | Content::Edit { .. }
                    | Content::Deletion { .. }
                    | Content::FileAnswer { .. }
                    | Content::IntroductionAnswer(_)
                    | Content::IntroductionLink(_)
            )
        )
    }

    /// Whether it is shown at this moment: what has ended is not, even if its record is still to be deleted.
    pub(crate) fn is_shown_at(&self, now_ms: u64) -> bool {
        self.is_shown() && self.until_ms.is_none_or(|until_ms| until_ms > now_ms)
    }

    /// Whether it says who introduced the contact, and nothing of a conversation.
    pub(crate) const fn is_introduction_notice(&self) -> bool {
        matches!(self.body, Body::Notice(Notice::Introduced { .. }))
    }

    /// The text, if it has one that its sender wrote and can change.
    pub(crate) const fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Letter(Content::Text(text) | Content::Reply { text, .. }) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Changes the text. Whether there is one.
    pub(crate) fn edit(&mut self, text: &str) -> bool {
        let content = match &self.body {
            Body::Letter(Content::Text(_)) => Content::Text(text.to_owned()),
            Body::Letter(Content::Reply { to, .. }) => Content::Reply { to: *to, text: text.to_owned() },
            _ => return false,
        };
        self.body = Body::Letter(content);
        self.edited = true;
        true
    }

    /// Takes away what it says, and what was thought of it. A place stays.
    pub(crate) fn delete(&mut self) {
        self.body = Body::Deleted;
        self.reactions = Reactions::default();
    }

    /// The end of the existence of a letter of ours, for mailboxes and the other side.
    pub(crate) fn exists_until(&self) -> Option<Timestamp> {
        self.disappearing.exists_until_ms(self.at_ms).map(Timestamp::from_millis)
    }

    /// The letter as it goes to the other side, if it is one of ours. One that was deleted before it went deletes itself.
    pub(crate) fn letter(&self) -> Option<Zeroizing<Vec<u8>>> {
        let name = self.name.filter(|_| self.direction == Direction::Out)?;
        let (kind, body) = match &self.body {
            Body::Letter(content) => content.to_bytes(),
            Body::Deleted => Content::Deletion { of: name }.to_bytes(),
            Body::Unknown { .. } | Body::Notice(_) | Body::Request(_) => return None,
        };
        let (sent_at_ms, disappearing) = (self.at_ms, self.disappearing);
        Some(Letter { name, kind, sent_at_ms, disappearing, body: &body }.to_bytes())
    }

    /// Whether it may go again because the other side asks for it: not too often, and not if it could come back after it
    /// had disappeared there.
    pub(crate) fn can_go_again(&self) -> bool {
        let might_come_back = self.disappearing.is_on() && self.state.is_confirmed();
        self.resent < RESENDS_MAX && !might_come_back
    }

    /// It has not come, and the other side is told that it never will.
    pub(crate) fn give_up(&mut self) {
        self.resent = RESENDS_MAX.saturating_add(1);
    }

    /// Whether it has been given up: the other side counts it as settled, which does not mean that it has come.
    pub(crate) const fn is_given_up(&self) -> bool {
        self.resent > RESENDS_MAX
    }

    /// What is shown of it at this moment by whatever looks back. A text to be read once shows when it is read, and then only.
    pub(crate) fn view_back(&self, contact: &Contact, now_ms: u64) -> Option<MessageView> {
        let mut view = self.is_shown_at(now_ms).then(|| self.view(contact))?;
        if self.disappearing.read_once && self.direction == Direction::In {
            view.text.clear();
        }
        Some(view)
    }

    /// What is shown of it.
    pub(crate) fn view(&self, contact: &Contact) -> MessageView {
        let (kind, text) = match &self.body {
            Body::Letter(Content::Text(text) | Content::Reply { text, .. }) | Body::Request(text) => {
                (MessageKind::Text, text.clone())
            }
            Body::Letter(Content::Reaction { emoji, .. }) => {
                (MessageKind::Reaction, emoji.clone().unwrap_or_default())
            }
            Body::Letter(Content::Edit { text, .. }) => (MessageKind::Edit, text.clone()),
            Body::Letter(Content::Deletion { .. }) => (MessageKind::Deletion, String::new()),
            Body::Letter(Content::Defaults { disappearing, .. }) => {
                (MessageKind::Defaults, format!("messages from here on: {}", disappearing.in_words()))
            }
            Body::Letter(Content::File { size, name, .. }) => {
                (MessageKind::File, format!("{name} ({size} bytes)"))
            }
            Body::Letter(Content::FileAnswer { .. }) => (MessageKind::FileAnswer, String::new()),
            Body::Letter(Content::Introduction(introduction)) => {
                (MessageKind::Introduction, introduction.in_words(self.direction == Direction::In))
            }
            Body::Letter(Content::IntroductionAnswer(_)) => (MessageKind::IntroductionAnswer, String::new()),
            Body::Letter(Content::IntroductionLink(_)) => (MessageKind::IntroductionLink, String::new()),
            Body::Unknown { kind, bytes } => (
                MessageKind::Unknown,
                format!(
                    "a message of kind {kind} with {} bytes, which this version cannot show",
                    bytes.len()
                ),
            ),
            Body::Notice(notice) => (MessageKind::Notice, notice.text()),
            Body::Deleted => (MessageKind::Deleted, String::new()),
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
            refers_to: self.refers_to,
            is_reply: matches!(self.body, Body::Letter(Content::Reply { .. })),
            edited: self.edited,
            reactions: ReactionsView {
                own: self.reactions.own.clone(),
                theirs: self.reactions.theirs.clone(),
            },
            disappearing: self
                .disappearing
                .is_on()
                .then_some(DisappearingView { limits: self.disappearing, until_ms: self.until_ms }),
        }
    }
}

/// Where the message of this name is kept.
pub(crate) const fn message_key(id: MessageId) -> RecordKey {
    RecordKey { kind: RecordKind::Message, id: *id.as_bytes() }
}

impl Drop for Message {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        match &mut self.body {
            Body::Request(text) => text.zeroize(),
            Body::Unknown { bytes, .. } => bytes.zeroize(),
            // A content wipes itself.
            Body::Letter(_) | Body::Notice(_) | Body::Deleted => {}
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, {:?}, {:?})", self.id, self.direction, self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::contact::Side;

    fn message(body: Body) -> Message {
        let (id, contact) = (MessageId::from_bytes([1; 16]), ContactId::from_bytes([2; 16]));
        Message::local(id, contact, 3, 4, body)
    }

    #[test]
    fn debug_shows_no_content() {
        let secret = message(Body::Letter(Content::Text("meet me".into())));
        insta::assert_snapshot!(format!("{secret:?}"), @"Message(01010101010101010101010101010101, In, Received)");
    }

    #[test]
    fn an_unknown_kind_is_kept_byte_for_byte_and_shown_as_unknown() {
        let kept = message(Body::Unknown { kind: 77, bytes: vec![0, 255] });
        let value = record::encode(&kept).unwrap();
        let read: Message = record::decode(&value).unwrap();
        assert!(matches!(&read.body, Body::Unknown { kind: 77, bytes } if bytes == &[0, 255]));
        let expires = Timestamp::NEVER;
        let bob = Contact::new(kept.contact, "Bob", Side::Inviter, [0; 16], expires);
        let view = read.view(&bob);
        assert_eq!(view.kind, MessageKind::Unknown);
        assert_eq!(view.text, "a message of kind 77 with 2 bytes, which this version cannot show");
    }
}
