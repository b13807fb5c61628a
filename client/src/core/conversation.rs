//! The messages of one conversation in their order, and counts of them that are asked for often.
//!
//! The counts are kept up to date with every message that comes, changes or goes, so that no packet and no command
//! has to look at all messages. For the same reason nothing outside [`super::book`] changes a message. Where a message
//! is among those of all conversations is in [`super::places`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use super::letter::{Name, Series};
use super::message::{Direction, Message, MessageState};

/// Messages by their number. It reads as the map that it holds.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    messages: BTreeMap<u64, Message>,
    /// Those that are sent and not stored yet.
    waiting: BTreeSet<u64>,
    /// The number of each letter, by what both sides call it.
    names: BTreeMap<(Direction, Name), u64>,
    /// Up to which number the user has seen them, and how many received ones come after it.
    seen_seq: u64,
    unseen: usize,
}

impl Conversation {
    /// One without messages, which the user has seen up to this number.
    pub(crate) fn seen_up_to(seen_seq: u64) -> Self {
        Self { seen_seq, ..Self::default() }
    }

    /// The letter of this name.
    pub(crate) fn letter(&self, direction: Direction, name: Name) -> Option<&Message> {
        self.messages.get(self.names.get(&(direction, name))?)
    }

    /// The letters of one series whose numbers lie in this range, in their order.
    pub(crate) fn letters(
        &self,
        direction: Direction,
        series: Series,
        (first, last): (u64, u64),
    ) -> impl Iterator<Item = (u64, &Message)> {
        let name = |number| (direction, Name { series, number });
        // A range that ends before it begins is not one.
        let range = name(first)..=name(last.max(first));
        let inside = self.names.range(range).filter(move |_| first <= last);
        inside.filter_map(|((_, name), seq)| Some((name.number, self.messages.get(seq)?)))
    }

    /// How many received messages come after number `seen_seq`. It is known for the number that [`Self::see`] was last told.
    pub(crate) fn unseen(&self, seen_seq: u64) -> usize {
        if seen_seq == self.seen_seq {
            return self.unseen;
        }
        let after = self.messages.range(seen_seq.saturating_add(1)..);
        after.filter(|(_, message)| message.direction == Direction::In).count()
    }

    /// How many messages are sent and not stored yet.
    pub(crate) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// The messages that are sent and not stored yet, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Message> {
        self.waiting.iter().filter_map(|seq| self.messages.get(seq))
    }

    /// The user has seen it up to this number.
    pub(super) fn see(&mut self, seq: u64) {
        self.unseen = self.unseen(seq);
        self.seen_seq = seq;
    }

    /// Takes in a message, and gives back the one that had its number.
    pub(super) fn insert(&mut self, message: Message) -> Option<Message> {
        let replaced = self.remove(message.seq);
        self.unseen = self.unseen.saturating_add(usize::from(self.is_unseen(&message)));
        if let Some(name) = message.name {
            self.names.insert((message.direction, name), message.seq);
        }
        if is_waiting(&message) {
            self.waiting.insert(message.seq);
        }
        self.messages.insert(message.seq, message);
        replaced
    }

    /// The message with this number is in another state, if it is there.
    pub(super) fn set_state(&mut self, seq: u64, state: MessageState) -> Option<()> {
        let message = self.messages.get_mut(&seq)?;
        message.state = state;
        if is_waiting(message) {
            self.waiting.insert(seq);
        } else {
            self.waiting.remove(&seq);
        }
        Some(())
    }

    /// Takes out a message.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.unseen = self.unseen.saturating_sub(usize::from(self.is_unseen(&message)));
        if let Some(name) = message.name {
            self.names.remove(&(message.direction, name));
        }
        self.waiting.remove(&seq);
        Some(message)
    }

    const fn is_unseen(&self, message: &Message) -> bool {
        matches!(message.direction, Direction::In) && message.seq > self.seen_seq
    }
}

impl Deref for Conversation {
    type Target = BTreeMap<u64, Message>;

    fn deref(&self) -> &Self::Target {
        &self.messages
    }
}

/// Whether it is sent and not stored yet.
const fn is_waiting(message: &Message) -> bool {
    matches!(message.state, MessageState::Queued | MessageState::Released)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::id::{ContactId, MessageId};
    use crate::core::letter::Content;
    use crate::core::message::{Body, Notice};

    /// Something that happens to a conversation.
    #[derive(Clone, Debug)]
    enum Step {
        Insert { seq: u64, kind: u8 },
        Remove { seq: u64 },
        State { seq: u64, kind: u8 },
        See { seq: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let seq = 1u64..24;
        prop_oneof![
            3 => (seq.clone(), 0u8..8).prop_map(|(seq, kind)| Step::Insert { seq, kind }),
            1 => seq.clone().prop_map(|seq| Step::Remove { seq }),
            2 => (seq.clone(), 0u8..4).prop_map(|(seq, kind)| Step::State { seq, kind }),
            1 => seq.prop_map(|seq| Step::See { seq }),
        ]
    }

    fn name(seq: u64) -> Name {
        Name { series: Series::from_bytes([1; 8]), number: seq * 2 }
    }

    fn message(seq: u64, kind: u8) -> Message {
        let text = || Body::Letter(Content::Text("text".into()));
        let (direction, state, body) = match kind {
            0 => (Direction::Out, MessageState::Queued, text()),
            1 => (Direction::Out, MessageState::Released, text()),
            2 => (Direction::Out, MessageState::Stored, text()),
            3 => (Direction::Out, MessageState::Conflict, text()),
            4 => (Direction::In, MessageState::Received, Body::Notice(Notice::Renewed)),
            5 => (Direction::In, MessageState::Received, Body::Request("note".into())),
            6 => (Direction::In, MessageState::Received, Body::Unknown { kind: 9, bytes: vec![1] }),
            _ => (Direction::In, MessageState::Received, text()),
        };
        let (id, contact) = (MessageId::from_bytes([1; 16]), ContactId::from_bytes([2; 16]));
        let mut message = Message::local(id, contact, seq, 0, body);
        (message.direction, message.state) = (direction, state);
        message.name = (kind < 4).then_some(name(seq));
        message
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_recount_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
            let mut conversation = Conversation::seen_up_to(3);
            let (mut model, mut seen): (BTreeMap<u64, u8>, u64) = (BTreeMap::new(), 3);
            for step in steps {
                match step {
                    Step::Insert { seq, kind } => {
                        let replaced = conversation.insert(message(seq, kind));
                        prop_assert_eq!(replaced.is_some(), model.insert(seq, kind).is_some());
                    }
                    Step::Remove { seq } => {
                        prop_assert_eq!(conversation.remove(seq).is_some(), model.remove(&seq).is_some());
                    }
                    // Only what was sent has states.
                    Step::State { seq, kind } => {
                        let known = model.get_mut(&seq).filter(|known| **known < 4);
                        if let Some(known) = known {
                            *known = kind;
                            prop_assert_eq!(conversation.set_state(seq, message(seq, kind).state), Some(()));
                        }
                        let is_there = model.contains_key(&seq);
                        prop_assert!(is_there || conversation.set_state(seq, MessageState::Queued).is_none());
                    }
                    Step::See { seq } => {
                        conversation.see(seq);
                        seen = seq;
                    }
                }
                let with = |kinds: &[u8], after: u64| {
                    model.iter().filter(|(seq, kind)| **seq > after && kinds.contains(kind)).count()
                };
                let letters = conversation.letters(Direction::Out, Series::from_bytes([1; 8]), (0, 99));
                prop_assert_eq!(letters.count(), with(&[0, 1, 2, 3], 0));
                for (seq, kind) in &model {
                    let found = conversation.letter(Direction::Out, name(*seq)).map(|message| message.seq);
                    prop_assert_eq!(found, (*kind < 4).then_some(*seq));
                }
                for asked in [seen, 0, 11] {
                    prop_assert_eq!(conversation.unseen(asked), with(&[4, 5, 6, 7], asked));
                }
                prop_assert_eq!(conversation.waiting_len(), with(&[0, 1], 0));
                let waiting: Vec<u64> = conversation.waiting().map(|message| message.seq).collect();
                let expected: Vec<u64> =
                    model.iter().filter(|(_, kind)| **kind < 2).map(|(seq, _)| *seq).collect();
                prop_assert_eq!(waiting, expected);
                prop_assert!(conversation.keys().eq(model.keys()));
            }
        }
    }
}
