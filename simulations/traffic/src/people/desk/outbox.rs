//! What a client has to send: messages in the order in which they were written, one write for each mailbox.
//!
//! A write that is not answered in time goes again, before others. Not here: which slot it goes in.

use std::collections::VecDeque;

use super::messages::Messages;
use crate::time::SimTime;

/// Something to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    /// A message to a mailbox.
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
    /// In the order of `again`, for all wait equally long.
    unanswered: VecDeque<Unanswered>,
}

impl Outbox {
    /// Takes something to send.
    pub(super) fn add(&mut self, parcel: Parcel) {
        self.waiting.push_back(parcel);
    }

    /// What goes next, if anything; a write is awaited for so long from here on.
    pub(super) fn next(&mut self, now: SimTime, patience: SimTime, messages: &Messages) -> Option<Parcel> {
        self.tidy(messages);
        let is_late = self.unanswered.front().is_some_and(|write| write.again <= now);
        let late = if is_late { self.unanswered.pop_front() } else { None };
        let parcel = match late {
            Some(write) => Parcel::Write { name: write.name, replica: write.replica },
            None => self.waiting.pop_front()?,
        };
        if let Parcel::Write { name, replica } = parcel {
            self.unanswered.push_back(Unanswered { again: now + patience, name, replica });
        }
        Some(parcel)
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
        self.waiting.len() + self.unanswered.len()
    }
}
