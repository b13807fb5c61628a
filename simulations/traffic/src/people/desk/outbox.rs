//! What a client has to send: messages in the order in which they were written, one write for each mailbox, and receipts.
//!
//! Receipts give way to messages, but those for a recipient go before the messages for it that are written later, as they
//! lie before them in the stream. A write that is not answered in time goes again, before others. Not here: which slot it
//! goes in.

use std::collections::VecDeque;

use super::messages::Messages;
use crate::time::SimTime;

/// Something to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    /// A message or receipt to a mailbox.
    Write {
        /// The box.
        name: u64,
        /// Which of its mailboxes.
        replica: u8,
    },
    /// A message to its recipient.
    Straight {
        /// The message.
        message: u32,
        /// For whom.
        recipient: u32,
    },
}

/// A write without an answer.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    /// When it goes again.
    again: SimTime,
    name: u64,
    replica: u8,
}

/// A client's outbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Parcel>,
    /// Receipts, each with its recipient.
    idle: VecDeque<(u32, Parcel)>,
    /// In the order of `again`, for all wait equally long.
    unanswered: VecDeque<Unanswered>,
}

impl Outbox {
    /// Takes something that somebody waits for.
    pub(super) fn add(&mut self, parcel: Parcel) {
        self.waiting.push_back(parcel);
    }

    /// Takes a write that nobody waits for.
    pub(super) fn add_idle(&mut self, recipient: u32, parcel: Parcel) {
        self.idle.push_back((recipient, parcel));
    }

    /// A message for this recipient is to follow: what it has to read before waits no longer.
    pub(super) fn hasten(&mut self, recipient: u32) {
        let waiting = &mut self.waiting;
        self.idle.retain(|(other, parcel)| {
            if *other == recipient {
                waiting.push_back(*parcel);
            }
            *other != recipient
        });
    }

    /// What goes next of what somebody waits for, if anything; a write is awaited for so long from here on.
    pub(super) fn next(&mut self, now: SimTime, patience: SimTime, messages: &Messages) -> Option<Parcel> {
        self.tidy(messages);
        let is_late = self.unanswered.front().is_some_and(|write| write.again <= now);
        let late = if is_late { self.unanswered.pop_front() } else { None };
        let parcel = match late {
            Some(write) => Parcel::Write { name: write.name, replica: write.replica },
            None => self.waiting.pop_front()?,
        };
        self.left(now + patience, parcel);
        Some(parcel)
    }

    /// Whether there is anything that nobody waits for.
    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// The next of that.
    pub(super) fn next_idle(&mut self, now: SimTime, patience: SimTime) -> Option<Parcel> {
        let (_, parcel) = self.idle.pop_front()?;
        self.left(now + patience, parcel);
        Some(parcel)
    }

    fn left(&mut self, again: SimTime, parcel: Parcel) {
        if let Parcel::Write { name, replica } = parcel {
            self.unanswered.push_back(Unanswered { again, name, replica });
        }
    }

    /// Forgets the oldest writes as far as they have been answered.
    pub(super) fn tidy(&mut self, messages: &Messages) {
        while let Some(write) = self.unanswered.front() {
            if !messages.is_acknowledged(write.name, write.replica) {
                break;
            }
            self.unanswered.pop_front();
        }
    }

    /// How many entries it has.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.idle.len() + self.unanswered.len()
    }
}
