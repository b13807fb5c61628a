//! The end of messages that disappear: their records go, and with them the keys that open what is left on the disk.
//!
//! Messages go at their time whether somebody looks or not, but never within a tick, and while the profile is locked only
//! once it is open again. What destroying a key does not reach is in the documentation of the vault.

use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::event::Event;
use super::file::forget_files;
use super::id::MessageId;
use super::limits::{STORE_RETRY, VANISH_BATCH_MAX};
use super::message::message_key;
use crate::store::{Change, Store};

impl<S: Store> Engine<S> {
    /// When the next message ends.
    pub(super) fn vanish_at(&self) -> Timestamp {
        let first = self
            .book
            .places()
            .ends()
            .first()
            .map_or(Timestamp::NEVER, |(at_ms, _)| Timestamp::from_millis(*at_ms));
        first.max(self.vanish_not_before)
    }

    /// Deletes what has ended.
    pub(super) fn vanish(&mut self, now: Timestamp) {
        let ended = self.book.places().ends().iter().take_while(|(at_ms, _)| *at_ms <= now.as_millis());
        let ended: Vec<MessageId> = ended.take(VANISH_BATCH_MAX).map(|(_, id)| *id).collect();
        let keys = ended.iter().map(|id| message_key(*id));
        let mut changes: Vec<Change> = keys.map(|key| Change::Delete { key }).collect();
        changes.extend(forget_files(self.book.files_gone(&ended, &[], &[]).iter()));
        for id in &ended {
            self.unkept.remove(id);
        }
        if self.commit(now, changes).is_err() {
            self.vanish_not_before = now + STORE_RETRY;
            return;
        }
        for id in ended {
            let Some(message) = self.book.drop_message(&id) else { continue };
            if message.is_shown() {
                let contact = self.book.name(message.contact);
                self.events.push(Event::MessageVanished { contact, message: id, seq: message.seq });
            }
        }
    }
}
