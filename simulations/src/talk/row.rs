//! A message as both sides must have it, in a form that can be compared.

use std::collections::BTreeMap;

use sotto_client::core::{Direction, Engine, LetterName, MessageKind};
use sotto_client::store::MemoryStore;

/// One message of one author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) letter: LetterName,
    pub(super) kind: MessageKind,
    pub(super) text: String,
    pub(super) edited: bool,
    pub(super) is_reply: bool,
    pub(super) refers_to: Option<LetterName>,
    /// The reaction of who wrote it.
    pub(super) by_author: Option<String>,
    /// The reaction of the other one.
    pub(super) by_other: Option<String>,
}

impl Row {
    /// What is deleted has no reactions, whenever somebody reacted.
    pub(super) fn in_the_end(mut self) -> Self {
        if self.kind == MessageKind::Deleted {
            (self.by_author, self.by_other) = (None, None);
        }
        self
    }

    /// Its first words.
    pub(super) fn in_short(&self) -> String {
        let mut short = self.clone();
        short.text = short.text.chars().take(40).collect();
        format!("{short:?}")
    }
}

/// The messages of one direction that an engine shows, in its order, and how many of them are to disappear. What the program
/// itself notes is left out.
pub(super) fn rows(engine: &Engine<MemoryStore>, contact: &str, direction: Direction) -> (Vec<Row>, usize) {
    let views = engine.messages(contact, None).unwrap_or_default();
    let names: BTreeMap<u64, LetterName> =
        views.iter().filter_map(|view| Some((view.seq, engine.letter_of(&view.id)?))).collect();
    let mut rows = Vec::new();
    let mut ending = 0;
    for view in views.into_iter().filter(|view| view.direction == direction) {
        let Some(letter) = names.get(&view.seq).copied().filter(|_| view.kind != MessageKind::Notice) else {
            continue;
        };
        if view.disappearing.is_some() {
            ending += 1;
            continue;
        }
        let (own, theirs) = (view.reactions.own, view.reactions.theirs);
        let (by_author, by_other) = if direction == Direction::Out { (own, theirs) } else { (theirs, own) };
        rows.push(Row {
            letter,
            kind: view.kind,
            text: view.text,
            edited: view.edited,
            is_reply: view.is_reply,
            refers_to: view.refers_to.and_then(|seq| names.get(&seq).copied()),
            by_author,
            by_other,
        });
    }
    (rows, ending)
}
