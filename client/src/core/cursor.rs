//! A place between messages, from which a reader goes on.
//!
//! It names a moment, a conversation and a number in it, not a count of messages. So it stays where it is when messages
//! come or go meanwhile, the one it was taken from included.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::id::ContactId;
use super::message::Message;

/// The text is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a cursor as `history` gives it, in three parts with dots between them")]
pub struct CursorError;

/// The place of one message. Cursors are in the order of time; messages of one moment are in that of their conversations.
///
/// As text it is `MILLISECONDS.CONTACT.NUMBER`, the contact's id in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cursor {
    /// When the message was sent or received here, in milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    /// Whose conversation it belongs to.
    pub(crate) contact: ContactId,
    /// Its number there.
    pub(crate) seq: u64,
}

impl Cursor {
    /// The place of this message.
    pub(crate) const fn of(message: &Message) -> Self {
        Self { at_ms: message.at_ms, contact: message.contact, seq: message.seq }
    }

    /// Before everything that happens at this moment or later.
    pub(crate) const fn at(at_ms: u64) -> Self {
        Self { at_ms, contact: ContactId::from_bytes([0; 16]), seq: 0 }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at_ms, self.contact, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    /// Takes what [`Cursor`] is displayed as, and no other way of writing it.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(CursorError);
        let (at_ms, contact, seq) = (part()?, part()?, part()?);
        let cursor = Self {
            at_ms: at_ms.parse().map_err(|_| CursorError)?,
            contact: contact.parse().map_err(|_| CursorError)?,
            seq: seq.parse().map_err(|_| CursorError)?,
        };
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_has_one_way_of_writing() {
        let text = "1777638896000.0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a.7";
        let cursor: Cursor = text.parse().unwrap();
        let contact = ContactId::from_bytes([10; 16]);
        assert_eq!(cursor, Cursor { at_ms: 1_777_638_896_000, contact, seq: 7 });
        assert_eq!(serde_json::to_string(&cursor).unwrap(), format!("\"{text}\""));
        for wrong in [
            "",
            "7",
            "..",
            &text.to_uppercase(),
            &format!("0{text}"),
            &format!("+{text}"),
            &format!(" {text}"),
            &format!("{text} "),
            &format!("{text}.8"),
            &text.replace(".7", ".07"),
            &text.replace(".7", ".-7"),
            &text.replace(".7", ".18446744073709551616"),
            &text.replace("0a0a.", "0a."),
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cursor_comes_back(at_ms: u64, contact: [u8; 16], seq: u64) {
            let cursor = Cursor { at_ms, contact: ContactId::from_bytes(contact), seq };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}|[0-9a-f.]{0,80}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
