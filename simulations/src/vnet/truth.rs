//! What really happened to boxes and letters, and whether a claim about a message agrees with it.
//!
//! Facts only, taken from where they happen by [`super::watch`]: a packet that leaves a person, a mailbox whose disk is
//! done, a letter that the other side has kept, a user who has looked. No engine is asked for its opinion here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sotto_client::core::{LetterName, MessageId, MessageState};
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::placement;
use sotto_protocol::time::Timestamp;

/// What happened to one box.
#[derive(Clone, Debug, Default)]
struct BoxFacts {
    /// When a packet with it first left its writer.
    left: Option<Timestamp>,
    /// The mailboxes on whose disks it has been.
    holders: BTreeSet<NodeId>,
    /// Whether all its replicas of one consensus have held it.
    complete: bool,
}

/// One letter and the boxes that it is sealed in.
#[derive(Clone, Debug)]
struct LetterFacts {
    name: LetterName,
    /// Those of the latest sealing; none before the first.
    boxes: Vec<BoxId>,
    /// Whether a packet of an earlier sealing has left.
    left_before: bool,
}

/// What an engine says of a message of its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which message.
    pub message: MessageId,
    /// How far it is said to be.
    pub state: MessageState,
}

/// A claim that is not true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Falsehood {
    /// When it was said.
    pub at: Timestamp,
    /// Whose engine said it.
    pub person: String,
    /// What.
    pub claim: Claim,
    /// What is true instead.
    pub truth: &'static str,
}

impl fmt::Display for Falsehood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, person, claim, truth } = self;
        write!(
            f,
            "{at:?} {person}: message {} is said to be {}, but {truth}",
            claim.message,
            claim.state.label()
        )
    }
}

/// Everything that happened to boxes and letters.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    boxes: BTreeMap<BoxId, BoxFacts>,
    letters: BTreeMap<MessageId, LetterFacts>,
    /// Letters that the other side has kept, or done.
    kept: BTreeSet<LetterName>,
    /// Letters that the user of the other side has seen.
    seen: BTreeSet<LetterName>,
    mailboxes: Vec<NodeId>,
    replicas: usize,
}

impl Truth {
    /// Boxes lie where these say from now on.
    pub fn place(&mut self, mailboxes: Vec<NodeId>, replicas: usize) {
        (self.mailboxes, self.replicas) = (mailboxes, replicas);
        let ids: Vec<BoxId> =
            self.boxes.iter().filter(|(_, facts)| !facts.complete).map(|(id, _)| *id).collect();
        ids.iter().for_each(|id| self.complete(id));
    }

    /// A person has written a letter.
    pub fn written(&mut self, message: MessageId, name: LetterName) {
        let facts = LetterFacts { name, boxes: Vec::new(), left_before: false };
        self.letters.entry(message).or_insert(facts);
    }

    /// A letter is sealed in these boxes, in place of those of an earlier sealing.
    pub fn sealed(&mut self, message: &MessageId, boxes: Vec<BoxId>) {
        let left = self.letters.get(message).is_some_and(|letter| self.has_left(letter));
        if let Some(letter) = self.letters.get_mut(message) {
            letter.left_before |= left;
            letter.boxes = boxes;
        }
    }

    /// Whether it is known what boxes a letter is sealed in.
    #[must_use]
    pub fn is_sealed(&self, message: &MessageId) -> bool {
        self.letters.get(message).is_none_or(|letter| !letter.boxes.is_empty())
    }

    /// A packet with a box leaves its writer.
    pub fn left(&mut self, id: BoxId, now: Timestamp) {
        self.boxes.entry(id).or_default().left.get_or_insert(now);
    }

    /// A box is on the disk of a mailbox. Whether a packet with it was seen to leave.
    pub fn held(&mut self, id: BoxId, mailbox: NodeId) -> bool {
        let facts = self.boxes.entry(id).or_default();
        facts.holders.insert(mailbox);
        let has_left = facts.left.is_some();
        self.complete(&id);
        has_left
    }

    /// Whether every box of a letter has been at some mailbox.
    #[must_use]
    pub fn was_held(&self, name: LetterName) -> bool {
        let held = |id: &BoxId| self.boxes.get(id).is_some_and(|facts| !facts.holders.is_empty());
        let letters = self.letters.values().filter(|letter| letter.name == name);
        letters.into_iter().all(|letter| !letter.boxes.is_empty() && letter.boxes.iter().all(held))
    }

    /// The other side has kept a letter, or done what it asks for.
    pub fn kept(&mut self, name: LetterName) {
        self.kept.insert(name);
    }

    /// The user of the other side has seen a letter.
    pub fn seen(&mut self, name: LetterName) {
        self.seen.insert(name);
    }

    /// The same as if no disk of a mailbox had ever held anything: for tests of what judges by it.
    #[must_use]
    pub fn without_holder(&self, mailbox: &NodeId) -> Self {
        let mut other = self.clone();
        for facts in other.boxes.values_mut() {
            facts.complete &= !facts.holders.remove(mailbox);
        }
        other
    }

    /// Compares a claim with what happened. `excused` is the moment at which the person's program was last killed: that a
    /// packet left at that very moment cannot be known any more after it.
    ///
    /// # Errors
    /// What is true instead.
    pub fn judge(&self, claim: Claim, excused: Option<Timestamp>) -> Result<(), &'static str> {
        let Some(letter) = self.letters.get(&claim.message) else { return Err("nobody wrote it") };
        let left = |id: &BoxId| self.boxes.get(id).and_then(|facts| facts.left);
        match claim.state {
            MessageState::Queued if letter.boxes.iter().filter_map(left).any(|at| excused != Some(at)) => {
                Err("a packet of it has left")
            }
            MessageState::Released if !letter.left_before && !self.has_left(letter) => {
                Err("no packet of it has left")
            }
            MessageState::Stored if letter.boxes.is_empty() => Err("it is sealed in no box"),
            MessageState::Stored
                if letter.boxes.iter().any(|id| !self.boxes.get(id).is_some_and(|facts| facts.complete)) =>
            {
                Err("a replica of a box of it has never held it")
            }
            MessageState::Delivered if !self.kept.contains(&letter.name) => {
                Err("the other side has not kept it")
            }
            MessageState::Read if !self.seen.contains(&letter.name) => Err("the other user has not seen it"),
            MessageState::Conflict => Err("nobody else writes boxes in this network"),
            MessageState::Unconfirmed => Err("nobody has restored a backup"),
            MessageState::Received | MessageState::Kept => Err("it was sent"),
            _ => Ok(()),
        }
    }

    fn has_left(&self, letter: &LetterFacts) -> bool {
        letter.boxes.iter().any(|id| self.boxes.get(id).is_some_and(|facts| facts.left.is_some()))
    }

    fn complete(&mut self, id: &BoxId) {
        let Some(facts) = self.boxes.get_mut(id) else { return };
        let replicas = placement(id, &self.mailboxes, self.replicas);
        facts.complete |=
            !replicas.is_empty() && replicas.iter().all(|mailbox| facts.holders.contains(mailbox));
    }
}
