//! What the engine tells the people behind it. Everything told here is already durable, with one exception: that
//! the first packet of a message has left is told at once and kept right after. A program that is killed in between
//! says after its restart that the message is queued, until a packet of it leaves again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::id::{ContactId, MessageId};
use super::limits::EVENTS_MAX;
use super::message::MessageState;
use super::route::Route;
use super::trust::Trust;
use super::view::MessageView;

/// Something happened that a person may want to know at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A whole message from a contact was kept.
    MessageReceived {
        /// The contact's name.
        contact: String,
        /// The message.
        message: MessageView,
    },
    /// A message of ours went one state further.
    MessageState {
        /// The contact's name.
        contact: String,
        /// Which message.
        message: MessageId,
        /// Its new state.
        state: MessageState,
    },
    /// The other side is there: it has taken up the invitation, or ours to it is known to be stored.
    ContactEstablished {
        /// The contact's name.
        contact: String,
    },
    /// Somebody else has taken up the invitation: ask for a new one, or make one.
    InviteTaken {
        /// The contact's name.
        contact: String,
    },
    /// An invitation was withdrawn, by us or by who made it.
    InviteRevoked {
        /// The contact's name.
        contact: String,
    },
    /// Somebody asks at an address of this profile to become a contact.
    RequestReceived {
        /// By which it is accepted or rejected.
        request: ContactId,
        /// The label of the address.
        address: String,
        /// What they wrote; may be empty.
        note: String,
    },
    /// The session with a contact was made anew: nothing is to be done.
    ContactRenewed {
        /// The contact's name.
        contact: String,
    },
    /// A contact has another identity key than before. Nothing is sent to it until the user has verified the new one.
    KeyChanged {
        /// The contact's name.
        contact: String,
    },
    /// The user has made sure, or taken back, that a contact's key is the person's.
    TrustChanged {
        /// The contact's name.
        contact: String,
        /// What is known now.
        trust: Trust,
    },
    /// The user has given a contact another name.
    ContactRenamed {
        /// Its name from here on.
        contact: String,
        /// The name that it had.
        before: String,
    },
    /// The user has muted a contact, or taken that back.
    ContactMuted {
        /// The contact's name.
        contact: String,
        /// Whether it is muted from here on.
        muted: bool,
    },
    /// The user has blocked a contact, or taken that back.
    ContactBlocked {
        /// The contact's name.
        contact: String,
        /// Whether it is blocked from here on.
        blocked: bool,
    },
    /// The user has deleted a contact with everything that belonged to it, or the notes.
    ContactDeleted {
        /// The name that it had.
        contact: String,
    },
    /// A mailbox holds other bytes under the name of a box of this message. The text is kept; send it again.
    MessageConflict {
        /// The contact's name.
        contact: String,
        /// Which message.
        message: MessageId,
        /// The mailbox, in hexadecimal.
        mailbox: String,
    },
    /// A box from a contact could not be used; what it held is lost.
    BoxRefused {
        /// The contact's name.
        contact: String,
        /// The stable name of the reason.
        label: String,
    },
    /// A letter from a contact asks for something that cannot be done, or says something that cannot be believed. What it
    /// refers to is unchanged.
    LetterDoubted {
        /// The contact's name.
        contact: String,
        /// The stable name of the reason.
        label: String,
    },
    /// A message is another one than it was: edited, deleted for both, or reacted to.
    MessageChanged {
        /// The contact's name.
        contact: String,
        /// The message as it is.
        message: MessageView,
    },
    /// A message has reached the end of its existence and is deleted here.
    MessageVanished {
        /// The contact's name.
        contact: String,
        /// Which message.
        message: MessageId,
        /// The place in the conversation that it had.
        seq: u64,
    },
    /// A file went on, by a percent at least.
    FileProgress {
        /// The contact's name.
        contact: String,
        /// The place of its message in the conversation.
        seq: u64,
        /// Sent: bytes that every replica has stored. Received: bytes that have come.
        done_bytes: u64,
        /// Its length in bytes.
        size: u64,
    },
    /// A received file is whole and is what was offered; a sent one is so at its receiver.
    FileReady {
        /// The contact's name.
        contact: String,
        /// The place of its message in the conversation.
        seq: u64,
    },
    /// A file will not come to its end. What was kept of it is deleted.
    FileFailed {
        /// The contact's name.
        contact: String,
        /// The place of its message in the conversation.
        seq: u64,
        /// The stable name of the reason: `file-declined`, `file-cancelled`, `file-hash` or `file-gone`.
        label: String,
    },
    /// A contact is served by another route than before.
    RouteChanged {
        /// The contact's name.
        contact: String,
        /// The route that serves it from here on.
        route: Route,
        /// The route that its plan wants.
        wanted: Route,
        /// Why, in words.
        why: String,
    },
    /// The store failed. The engine tries again by itself; nothing was told that is not kept.
    StoreFailed {
        /// The stable name of the reason.
        label: String,
        /// The reason in words.
        text: String,
    },
    /// The store works again.
    StoreRecovered,
    /// The profile was locked: contacts and messages are closed, and none arrive.
    Locked,
    /// The profile is open again.
    Unlocked,
}

/// Events that nobody has taken yet, in order, bounded.
#[derive(Debug, Default)]
pub(crate) struct EventQueue(VecDeque<Event>);

impl EventQueue {
    pub(crate) fn push(&mut self, event: Event) {
        if self.0.len() >= EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_loses_the_oldest() {
        let mut queue = EventQueue::default();
        for n in 0..=EVENTS_MAX {
            queue.push(Event::ContactEstablished { contact: n.to_string() });
        }
        assert_eq!(queue.pop(), Some(Event::ContactEstablished { contact: "1".into() }));
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), EVENTS_MAX - 1);
    }

    #[test]
    fn an_event_names_itself_in_json() {
        let event = Event::BoxRefused { contact: "Bob".into(), label: "fragment-index".into() };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"event":"box-refused","contact":"Bob","label":"fragment-index"}"#
        );
    }
}
