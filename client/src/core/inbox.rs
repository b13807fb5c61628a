//! What is being read of one contact's stream: which boxes to ask for, and which have come.
//!
//! Ordinarily one box is asked for, the next. Once boxes come, more are asked for ahead: up to
//! [`READ_AHEAD_COMING_MAX`] as long as they keep coming, up to [`READ_AHEAD_MAX`] if a message that was begun or a file
//! that was asked for says how many are missing. On a circuit only the latter: asking for a box before the one in front of it has come would tell the mailbox that
//! they belong together.
//! Boxes may come in any order and are handed on in the order of the stream. What has come and
//! was not handed on yet is in memory only: the mailboxes still have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sotto_protocol::boxes::{BoxId, BoxReader, BoxRefusal, SealedBox, Tombstone};
use sotto_protocol::ident::NodeId;
use zeroize::Zeroizing;

use super::fragment::Reassembly;
use super::limits::{READ_AHEAD_COMING_MAX, READ_AHEAD_MAX};
use super::rotation::Rotation;
use super::stream::Reader as StreamReader;
use crate::store::RecordKey;

/// The label of a box that its writer has replaced by a tombstone.
pub(crate) const TOMBSTONED: &str = "box-tombstoned";

/// How far to ask ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ahead {
    /// As long as boxes keep coming, and to the end of a message that has begun.
    WhileComing,
    /// To the end of a message that has begun, or of the files that were asked for.
    WithinMessage,
}

/// What a box turned out to be.
#[derive(Clone)]
pub(crate) enum Content {
    /// A text that the stream's writer sealed.
    Text(Zeroizing<Vec<u8>>),
    /// Nothing that can ever be read; the reason's label.
    Gone(&'static str),
}

/// A question to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Poll {
    pub(crate) index: u64,
    pub(crate) id: BoxId,
    pub(crate) mailbox: NodeId,
}

/// One box of the window.
struct Slot {
    reader: BoxReader,
    /// Its replicas, placed when it is first asked for.
    rotation: Rotation,
    /// Mailboxes that gave a box which the writer signed and the reader cannot open.
    unreadable: BTreeSet<NodeId>,
    /// Mailboxes that did not have it when they were asked last.
    absent: BTreeSet<NodeId>,
    /// The turn at which it was last asked for.
    turn: u64,
    content: Option<Content>,
}

impl Slot {
    fn new(reader: BoxReader) -> Self {
        Self {
            reader,
            rotation: Rotation::default(),
            unreadable: BTreeSet::new(),
            absent: BTreeSet::new(),
            turn: 0,
            content: None,
        }
    }
}

/// The window and the message that is being put together. `Debug` shows counts only.
#[derive(Default)]
pub(crate) struct Inbox {
    slots: BTreeMap<u64, Slot>,
    /// How far to ask ahead because boxes kept coming.
    streak: usize,
    /// The turn at which this contact was last asked for.
    turn: u64,
    /// Parts of files that were asked for and have not come.
    pub(crate) expected: usize,
    /// The message that has begun to come.
    pub(crate) reassembly: Reassembly,
    /// The records of its parts.
    pub(crate) parts: Vec<RecordKey>,
}

impl Inbox {
    /// The turn at which this contact was last asked for.
    pub(crate) const fn turn(&self) -> u64 {
        self.turn
    }

    /// Whether more than the next box is asked for, because boxes keep coming.
    pub(crate) fn is_coming(&self) -> bool {
        // The rest of a message that every replica lacks may never come: its sender may have lost the session.
        let is_awaited = || self.slots.keys().next().is_some_and(|front| self.is_absent(*front));
        self.streak > 1 || (self.width(Ahead::WhileComing) > 1 && !is_awaited())
    }

    /// How many boxes to ask for at once. Parts of files are expected for as long as their sender is away, so they count only
    /// while something comes.
    fn width(&self, ahead: Ahead) -> usize {
        let streak = if ahead == Ahead::WhileComing { self.streak } else { 1 };
        let remaining = self.reassembly.remaining();
        let expected = if self.streak > 1 || remaining > 0 { self.expected } else { 0 };
        streak.max(remaining).max(expected).clamp(1, READ_AHEAD_MAX)
    }

    /// The question that was asked longest ago, of those that may be asked of a replica that can be `reached`. Asked
    /// at `turn`, which grows.
    pub(crate) fn next_poll(
        &mut self,
        read: &StreamReader,
        turn: u64,
        ahead: Ahead,
        place: impl Fn(&BoxId) -> Vec<NodeId>,
        reached: impl Fn(&NodeId) -> bool,
    ) -> Option<Poll> {
        let front = read.index();
        let width = self.width(ahead);
        for (offset, index) in (0..).zip(front..).take(width) {
            if !self.slots.contains_key(&index)
                && let Ok(reader) = read.capability().peek(offset)
            {
                self.slots.insert(index, Slot::new(reader));
            }
        }
        let open = self.slots.range_mut(front..).take(width).filter(|(_, slot)| slot.content.is_none());
        let (index, slot) = open
            .filter_map(|(index, slot)| {
                if slot.rotation.replicas().is_empty() {
                    slot.rotation.place(place(slot.reader.id()));
                }
                slot.rotation.can_ask(&reached).then_some((*index, slot))
            })
            .min_by_key(|(index, slot)| (slot.turn, *index))?;
        let mailbox = slot.rotation.ask(&reached)?;
        slot.turn = turn;
        self.turn = turn;
        Some(Poll { index, id: *slot.reader.id(), mailbox })
    }

    /// No answer of this mailbox is awaited any more.
    pub(crate) fn settled(&mut self, index: u64, mailbox: &NodeId) {
        if let Some(slot) = self.slots.get_mut(&index) {
            slot.rotation.settled(mailbox);
        }
    }

    /// A mailbox has the box.
    ///
    /// # Errors
    /// The [`BoxRefusal`] if it is not the box that was asked for or cannot be opened; another replica
    /// is asked next. A box that cannot be opened wherever it is asked for is gone.
    pub(crate) fn found(
        &mut self,
        index: u64,
        mailbox: &NodeId,
        sealed: &SealedBox,
    ) -> Result<(), BoxRefusal> {
        self.settled(index, mailbox);
        let Some(slot) = self.slots.get_mut(&index).filter(|slot| slot.content.is_none()) else {
            return Ok(());
        };
        match slot.reader.open(sealed) {
            Ok(text) => slot.content = Some(Content::Text(Zeroizing::new(text))),
            Err(refusal) => {
                if matches!(refusal, BoxRefusal::Ciphertext | BoxRefusal::Padding) {
                    slot.unreadable.insert(*mailbox);
                    if slot.rotation.replicas().iter().all(|replica| slot.unreadable.contains(replica)) {
                        slot.content = Some(Content::Gone("box-unreadable"));
                    }
                }
                return Err(refusal);
            }
        }
        self.streak = self.streak.saturating_mul(2).clamp(2, READ_AHEAD_COMING_MAX);
        Ok(())
    }

    /// A mailbox has a tombstone in the box's place.
    ///
    /// # Errors
    /// The [`BoxRefusal`] if the stream's writer did not make it.
    pub(crate) fn tombstoned(
        &mut self,
        index: u64,
        mailbox: &NodeId,
        tombstone: &Tombstone,
    ) -> Result<(), BoxRefusal> {
        self.settled(index, mailbox);
        let Some(slot) = self.slots.get_mut(&index).filter(|slot| slot.content.is_none()) else {
            return Ok(());
        };
        slot.reader.check_tombstone(tombstone)?;
        slot.content = Some(Content::Gone(TOMBSTONED));
        self.streak = self.streak.saturating_mul(2).clamp(2, READ_AHEAD_MAX);
        Ok(())
    }

    /// A mailbox does not have the box.
    pub(crate) fn not_found(&mut self, index: u64, mailbox: &NodeId) {
        self.settled(index, mailbox);
        if let Some(slot) = self.slots.get_mut(&index) {
            slot.absent.insert(*mailbox);
        }
        let is_front = self.slots.first_key_value().is_some_and(|(front, _)| *front == index);
        if is_front {
            self.streak = 1;
        }
    }

    /// Whether every replica has said that it does not have this box, and none has given it since.
    pub(crate) fn is_absent(&self, index: u64) -> bool {
        self.slots.get(&index).is_some_and(|slot| {
            let replicas = slot.rotation.replicas();
            slot.content.is_none()
                && !replicas.is_empty()
                && replicas.iter().all(|replica| slot.absent.contains(replica))
        })
    }

    /// Asks every replica anew before [`Inbox::is_absent`] says so again, of this box or of one behind it: what was asked for
    /// ahead may have come since.
    pub(crate) fn doubt(&mut self, index: u64) {
        for (_, slot) in self.slots.range_mut(index..) {
            slot.absent.clear();
        }
    }

    /// What the box at `index` is, if it has come.
    pub(crate) fn content(&self, index: u64) -> Option<Content> {
        self.slots.get(&index)?.content.clone()
    }

    /// Everything before `front` has been handed on.
    pub(crate) fn advance_to(&mut self, front: u64) {
        self.slots = self.slots.split_off(&front);
    }

    /// Boxes may lie elsewhere now.
    pub(crate) fn replace(&mut self) {
        for slot in self.slots.values_mut() {
            slot.rotation.place(Vec::new());
            slot.unreadable.clear();
            slot.absent.clear();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} boxes, {:?})", self.slots.len(), self.reassembly)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use sotto_protocol::boxes::WriteCap;

    use super::*;
    use crate::core::fragment::{KIND_LETTER, split};

    const REPLICAS: [NodeId; 2] = [NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32])];

    struct Reader {
        inbox: Inbox,
        read: StreamReader,
        turn: u64,
        ahead: Ahead,
    }

    impl Reader {
        fn poll(&mut self) -> Option<Poll> {
            self.turn += 1;
            self.inbox.next_poll(&self.read, self.turn, self.ahead, |_| REPLICAS.to_vec(), |_| true)
        }

        /// All that may be asked at once.
        fn polls(&mut self) -> Vec<Poll> {
            std::iter::from_fn(|| self.poll()).collect()
        }
    }

    fn stream(boxes: usize) -> (Reader, Vec<SealedBox>) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut write = WriteCap::generate(&mut rng);
        let ahead = Ahead::WhileComing;
        let reader =
            Reader { inbox: Inbox::default(), read: StreamReader::new(write.read_cap(), 0), turn: 0, ahead };
        let sealed = (0..boxes).map(|_| write.seal_next(b"text", &mut rng).unwrap()).collect();
        (reader, sealed)
    }

    #[test]
    fn one_box_is_asked_of_each_replica_in_turn_and_never_twice_at_once() {
        let (mut reader, _) = stream(0);
        let polls = reader.polls();
        assert_eq!(
            polls.iter().map(|poll| (poll.index, poll.mailbox)).collect::<Vec<_>>(),
            [(0, REPLICAS[0]), (0, REPLICAS[1])]
        );
        assert_eq!(reader.poll(), None);
        reader.inbox.settled(0, &REPLICAS[1]);
        assert_eq!(reader.poll().unwrap().mailbox, REPLICAS[1]);
        reader.inbox.not_found(0, &REPLICAS[0]);
        assert_eq!(reader.poll().unwrap().mailbox, REPLICAS[0]);
    }

    #[test]
    fn the_window_grows_while_boxes_come_and_shrinks_when_they_stop() {
        let (mut reader, sealed) = stream(16);
        let mut widths = Vec::new();
        let mut front = 0;
        for _ in 0..6 {
            let polls = reader.polls();
            let ahead = polls.iter().map(|poll| poll.index - front + 1).max().unwrap();
            widths.push(ahead);
            for poll in polls {
                match sealed.get(usize::try_from(poll.index).unwrap()) {
                    Some(sealed) => reader.inbox.found(poll.index, &poll.mailbox, sealed).unwrap(),
                    None => reader.inbox.not_found(poll.index, &poll.mailbox),
                }
            }
            while reader.inbox.content(front).is_some() {
                reader.read.advance();
                front += 1;
            }
            reader.inbox.advance_to(front);
        }
        assert_eq!(front, 16);
        assert_eq!(widths, [1, 2, 8, 8, 8, 1]);
    }

    #[test]
    fn within_a_message_only_nothing_is_asked_ahead_of_a_box_that_may_be_the_last() {
        let (mut reader, sealed) = stream(4);
        reader.ahead = Ahead::WithinMessage;
        for (index, sealed) in (0..).zip(&sealed) {
            let polls = reader.polls();
            assert!(polls.iter().all(|poll| poll.index == index));
            reader.inbox.found(index, &polls[0].mailbox, sealed).unwrap();
            reader.read.advance();
            reader.inbox.advance_to(index + 1);
        }
    }

    #[test]
    fn a_replica_that_cannot_be_reached_is_not_asked() {
        let (mut reader, _) = stream(0);
        let mut ask = |turn| {
            let reached = |mailbox: &NodeId| *mailbox == REPLICAS[1];
            reader.inbox.next_poll(&reader.read, turn, reader.ahead, |_| REPLICAS.to_vec(), reached)
        };
        assert_eq!(ask(1).unwrap().mailbox, REPLICAS[1]);
        assert_eq!(ask(2), None);
    }

    #[test]
    fn a_message_that_has_begun_is_read_ahead_to_its_end() {
        let (mut reader, _) = stream(0);
        reader.ahead = Ahead::WithinMessage;
        let texts = split(KIND_LETTER, &vec![7; 100 * 1024 / 2]).unwrap();
        reader.inbox.reassembly.push(&texts[0]).unwrap();
        reader.inbox.not_found(0, &REPLICAS[0]);
        assert_eq!(reader.polls().iter().map(|poll| poll.index).max(), Some(31));
    }

    #[test]
    fn parts_of_a_file_are_read_ahead_while_boxes_come_and_not_while_their_sender_is_away() {
        let (mut reader, sealed) = stream(1);
        reader.ahead = Ahead::WithinMessage;
        reader.inbox.expected = 20;
        assert_eq!(reader.polls().len(), 2, "the next box, of both replicas");
        assert!(!reader.inbox.is_coming());
        reader.inbox.found(0, &REPLICAS[0], &sealed[0]).unwrap();
        reader.read.advance();
        reader.inbox.advance_to(1);
        assert_eq!(reader.polls().iter().map(|poll| poll.index).max(), Some(20));
        reader.inbox.not_found(1, &REPLICAS[0]);
        assert!(!reader.inbox.is_coming());
        assert_eq!(reader.polls().iter().map(|poll| poll.index).max(), Some(1));
    }

    #[test]
    fn another_box_or_a_forged_one_is_refused_and_the_other_replica_is_asked() {
        let (mut reader, sealed) = stream(2);
        let poll = reader.poll().unwrap();
        let refusal = reader.inbox.found(0, &poll.mailbox, &sealed[1]).unwrap_err();
        assert_eq!(refusal.label(), "box-other-id");
        let mut forged = sealed[0].to_bytes();
        forged[1000] ^= 1;
        let forged = SealedBox::from_bytes(&forged).unwrap();
        let poll = reader.poll().unwrap();
        assert_eq!(poll.mailbox, REPLICAS[1]);
        assert_eq!(reader.inbox.found(0, &poll.mailbox, &forged).unwrap_err().label(), "box-signature");
        assert!(reader.inbox.content(0).is_none());
        let poll = reader.poll().unwrap();
        reader.inbox.found(0, &poll.mailbox, &sealed[0]).unwrap();
        assert!(matches!(reader.inbox.content(0), Some(Content::Text(text)) if text.as_slice() == b"text"));
    }

    #[test]
    fn a_tombstone_of_the_writer_ends_the_wait_and_another_does_not() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut write = WriteCap::generate(&mut rng);
        let ahead = Ahead::WhileComing;
        let mut reader =
            Reader { inbox: Inbox::default(), read: StreamReader::new(write.read_cap(), 0), turn: 0, ahead };
        let (right, wrong) = (write.tombstone_next(), write.tombstone_next());
        let poll = reader.poll().unwrap();
        assert!(reader.inbox.tombstoned(0, &poll.mailbox, &wrong).is_err());
        assert!(reader.inbox.content(0).is_none());
        reader.inbox.tombstoned(0, &poll.mailbox, &right).unwrap();
        assert!(matches!(reader.inbox.content(0), Some(Content::Gone("box-tombstoned"))));
    }
}
