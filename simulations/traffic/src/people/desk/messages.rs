//! The messages and receipts under way: written, and not yet both read in order and acknowledged by all their mailboxes.
//!
//! The mailboxes' boxes are here, too: a box is a message with the bit of its mailbox. What is over leaves nothing behind,
//! so memory grows with what is under way. Not here: who asks for a box, and when.

use std::collections::BTreeMap;

use super::places::Place;

/// A message or a receipt under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// Its number in the run; a receipt has none.
    pub(super) number: Option<u32>,
    /// Who wrote it.
    pub(super) sender: u32,
    /// For whom.
    pub(super) recipient: u32,
    /// The number of its box in the stream from one to the other.
    pub(super) index: u32,
    /// Where its box is.
    pub(super) place: Place,
    /// Whether a packet with it has left.
    pub(super) is_released: bool,
    /// The mailboxes that have it.
    pub(super) stored: u8,
    /// The mailboxes of which the sender knows it.
    pub(super) acknowledged: u8,
    /// Whether a digest has told the recipient of it.
    pub(super) is_told: bool,
    /// Whether the recipient has it.
    pub(super) is_received: bool,
}

impl Message {
    /// A message that has just been written.
    pub(super) const fn new(
        number: Option<u32>,
        sender: u32,
        recipient: u32,
        index: u32,
        place: Place,
    ) -> Self {
        Self {
            number,
            sender,
            recipient,
            index,
            place,
            is_released: false,
            stored: 0,
            acknowledged: 0,
            is_told: false,
            is_received: false,
        }
    }
}

/// All of them, by the names of their boxes.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages(BTreeMap<u64, Message>);

impl Messages {
    /// Adds one.
    pub(super) fn add(&mut self, message: Message) {
        self.0.insert(message.place.name, message);
    }

    /// The one with a box of this name.
    pub(super) fn get(&self, name: u64) -> Option<&Message> {
        self.0.get(&name)
    }

    /// The one with a box of this name.
    pub(super) fn get_mut(&mut self, name: u64) -> Option<&mut Message> {
        self.0.get_mut(&name)
    }

    /// Whether the recipient has it; also true of one that is over.
    pub(super) fn is_received(&self, name: u64) -> bool {
        self.get(name).is_none_or(|message| message.is_received)
    }

    /// Whether the sender has it from the mailbox with this place in the list; also true of one that is over.
    pub(super) fn is_acknowledged(&self, name: u64, replica: u8) -> bool {
        self.get(name).is_none_or(|message| message.acknowledged & (1 << replica) != 0)
    }

    /// Whether a box was written and has not been acknowledged by all its mailboxes.
    pub(super) fn is_on_its_way(&self, name: u64) -> bool {
        self.get(name).is_some_and(|message| message.acknowledged != message.place.all_bits())
    }

    /// Forgets a message that is over: acknowledged, received, and before `next`, the first box of its stream that the
    /// recipient has not got.
    pub(super) fn retire(&mut self, name: u64, next: u32) {
        let is_over = self.get(name).is_some_and(|message| {
            message.is_received && message.index < next && message.acknowledged == message.place.all_bits()
        });
        if is_over {
            self.0.remove(&name);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
