//! Where each message is: by its name, and by its time among the messages of all conversations.

use std::collections::{BTreeMap, BTreeSet};

use super::cursor::Cursor;
use super::history::Signature;
use super::id::{ContactId, MessageId};
use super::message::Message;

/// The places of all messages.
#[derive(Debug, Default)]
pub(crate) struct Places {
    by_name: BTreeMap<MessageId, (ContactId, u64)>,
    by_time: BTreeMap<Cursor, Signature>,
    /// Which messages end, and when, in milliseconds since the Unix epoch.
    ends: BTreeSet<(u64, MessageId)>,
}

impl Places {
    /// How many messages there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The conversation of a message, and its number there.
    pub(crate) fn of(&self, id: &MessageId) -> Option<(ContactId, u64)> {
        self.by_name.get(id).copied()
    }

    /// All of them by time, the oldest first, and what a search passes over them by.
    pub(crate) const fn by_time(&self) -> &BTreeMap<Cursor, Signature> {
        &self.by_time
    }

    /// The messages that end, the first to end first, and when in milliseconds since the Unix epoch.
    pub(crate) const fn ends(&self) -> &BTreeSet<(u64, MessageId)> {
        &self.ends
    }

    pub(super) fn insert(
        &mut self,
        id: MessageId,
        place: Cursor,
        signature: Signature,
        until_ms: Option<u64>,
    ) {
        self.by_name.insert(id, (place.contact, place.seq));
        self.by_time.insert(place, signature);
        self.ends.extend(until_ms.map(|until_ms| (until_ms, id)));
    }

    pub(super) fn remove(&mut self, message: &Message) {
        self.by_name.remove(&message.id);
        self.by_time.remove(&Cursor::of(message));
        if let Some(until_ms) = message.until_ms {
            self.ends.remove(&(until_ms, message.id));
        }
    }
}
