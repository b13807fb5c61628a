//! A watch over the states that engines claim: at each step of a person, what is claimed is compared with what happened.
//!
//! The watch sees what nobody in a real network can see: the box in every packet that leaves, the disks of all mailboxes,
//! and both ends of a conversation. It changes nothing: a watched run has the same trace as one that is not.

use std::collections::{BTreeMap, BTreeSet};

use sotto_client::core::{Engine, Event, LetterName, MessageId, MessageKind, MessageState};
use sotto_client::store::MemoryStore;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::truth::{Claim, Falsehood, Truth};

/// Of the messages whose state can still change, so many are looked at each time, besides those that are not stored yet.
const SETTLED_LOOKED_AT: usize = 4;

/// What is watched of one person.
#[derive(Debug, Default)]
struct Watched {
    /// Messages of this person that are not known to be stored.
    waiting: BTreeSet<MessageId>,
    /// Those that are and whose state can still change.
    settled: BTreeSet<MessageId>,
    /// The settled message that was looked at last.
    looked_at: Option<MessageId>,
    /// Letters of this person that show at another message only, until the other side has done them.
    deeds: BTreeSet<LetterName>,
    /// Letters of the other side that this person's engine has kept, by their places.
    received: BTreeMap<u64, LetterName>,
    /// Packets with boxes that left since the engine was opened.
    writes: u64,
    crashed_at: Option<Timestamp>,
}

/// The watch.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) truth: Truth,
    people: BTreeMap<usize, Watched>,
    pub(super) falsehoods: Vec<Falsehood>,
    /// How many claims were compared.
    pub(super) claims: u64,
    /// Boxes that were written without being seen to leave: then the watch itself is blind.
    pub(super) unseen: u64,
}

impl Watch {
    /// A person has written a message.
    pub(super) fn written(&mut self, index: usize, engine: &Engine<MemoryStore>, id: MessageId) {
        let (Some(name), Some(view)) = (engine.letter_of(&id), engine.message(&id)) else { return };
        self.truth.written(id, name);
        let watched = self.people.entry(index).or_default();
        watched.waiting.insert(id);
        if matches!(view.kind, MessageKind::Reaction | MessageKind::Edit | MessageKind::Deletion) {
            watched.deeds.insert(name);
        }
    }

    /// Whether a person's engine has sent a box since it was last looked at.
    pub(super) fn has_written(&self, index: usize, engine: &Engine<MemoryStore>) -> bool {
        let before = self.people.get(&index).map_or(0, |watched| watched.writes);
        before != engine.counters().sent_write
    }

    /// A person's program was killed.
    pub(super) fn crashed(&mut self, index: usize, now: Timestamp) {
        let watched = self.people.entry(index).or_default();
        (watched.writes, watched.crashed_at) = (0, Some(now));
    }

    /// A box is on the disk of a mailbox.
    pub(super) fn held(&mut self, id: BoxId, mailbox: NodeId) {
        if !self.truth.held(id, mailbox) {
            self.unseen += 1;
        }
    }

    /// A person has seen the conversation up to this place.
    pub(super) fn seen(&mut self, index: usize, seq: u64) {
        let Some(watched) = self.people.get_mut(&index) else { return };
        for name in watched.received.range(..=seq).map(|(_, name)| *name) {
            self.truth.seen(name);
        }
    }

    /// Something has happened to a person's engine, which tells these events. Nobody but `partner` talks to this person.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        (index, name): (usize, &str),
        (partner, partner_name): (usize, &str),
        engine: &Engine<MemoryStore>,
        events: &[(Timestamp, Event)],
    ) {
        self.people.entry(index).or_default().writes = engine.counters().sent_write;
        self.take(index, partner, partner_name, engine, events);
        for (_, event) in events {
            if let Event::MessageState { message, state, .. } = event {
                self.compare(now, (index, name), Claim { message: *message, state: *state });
            }
        }
        let Some(watched) = self.people.get_mut(&index) else { return };
        let after = watched.looked_at.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let next = watched.settled.range((after, std::ops::Bound::Unbounded));
        let settled: Vec<MessageId> = next.take(SETTLED_LOOKED_AT).copied().collect();
        watched.looked_at = settled.last().copied();
        let looked_at: Vec<MessageId> = watched.waiting.iter().copied().chain(settled).collect();
        for message in looked_at {
            let view = engine.message(&message);
            if let Some(view) = &view {
                self.compare(now, (index, name), Claim { message, state: view.state });
            }
            self.file(index, message, view.map(|view| view.state));
        }
    }

    /// All messages of a person are looked at.
    pub(super) fn look_at_all(
        &mut self,
        now: Timestamp,
        person: (usize, &str),
        engine: &Engine<MemoryStore>,
    ) {
        let Some(watched) = self.people.get(&person.0) else { return };
        let all: Vec<MessageId> = watched.waiting.iter().chain(&watched.settled).copied().collect();
        for message in all {
            if let Some(view) = engine.message(&message) {
                self.compare(now, person, Claim { message, state: view.state });
            }
        }
    }

    /// Takes note of what has come and of what was sealed.
    fn take(
        &mut self,
        index: usize,
        partner: usize,
        partner_name: &str,
        engine: &Engine<MemoryStore>,
        events: &[(Timestamp, Event)],
    ) {
        let mut is_lost = false;
        for (_, event) in events {
            match event {
                Event::MessageReceived { message, .. } => {
                    is_lost |= message.kind == MessageKind::Notice;
                    if let Some(letter) = engine.letter_of(&message.id) {
                        self.truth.kept(letter);
                        self.people.entry(index).or_default().received.insert(message.seq, letter);
                    }
                }
                Event::MessageState { message, state: MessageState::Queued, .. } => {
                    // It goes again.
                    self.truth.sealed(message, Vec::new());
                    self.people.entry(index).or_default().waiting.insert(*message);
                }
                _ => {}
            }
        }
        if let Some(other) = self.people.get_mut(&partner) {
            let come = |letter: &LetterName| engine.has_letter(partner_name, *letter);
            let come: Vec<LetterName> = other.deeds.iter().copied().filter(come).collect();
            for letter in come {
                other.deeds.remove(&letter);
                // What is given up counts as settled there. It can have come only if its boxes have been somewhere.
                if !is_lost || self.truth.was_held(letter) {
                    self.truth.kept(letter);
                }
            }
        }
        if let Some(watched) = self.people.get(&index) {
            for message in &watched.waiting {
                if !self.truth.is_sealed(message) {
                    self.truth.sealed(message, engine.boxes_of(message));
                }
            }
        }
    }

    /// Compares a claim with what happened.
    pub(super) fn compare(&mut self, at: Timestamp, (index, name): (usize, &str), claim: Claim) {
        self.claims += 1;
        let excused = self.people.get(&index).and_then(|watched| watched.crashed_at);
        if let Err(truth) = self.truth.judge(claim, excused) {
            self.falsehoods.push(Falsehood { at, person: name.to_owned(), claim, truth });
        }
    }

    /// Puts a message where messages of its state are; one that is gone, or read, is not looked at any more.
    fn file(&mut self, index: usize, message: MessageId, state: Option<MessageState>) {
        let Some(watched) = self.people.get_mut(&index) else { return };
        match state {
            Some(MessageState::Queued | MessageState::Released) => {}
            Some(MessageState::Stored | MessageState::Delivered) => {
                watched.waiting.remove(&message);
                watched.settled.insert(message);
            }
            _ => {
                watched.waiting.remove(&message);
                watched.settled.remove(&message);
            }
        }
    }
}
