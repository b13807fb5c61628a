//! What the two have said and done, as whoever did it knows: the conversation that both must have in the end.

use std::collections::BTreeMap;

use sotto_client::core::{LetterName, MessageKind};

use super::row::Row;

/// One line of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) author: usize,
    /// As it is to be in the end.
    pub(super) row: Row,
    /// Whether it stays: what disappears is not compared.
    pub(super) stays: bool,
}

/// All that was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    lines: BTreeMap<LetterName, Line>,
    /// In the order in which each of the two said them.
    order: [Vec<LetterName>; 2],
    /// Messages so far, those included that change others.
    sent: usize,
}

impl Script {
    /// How many messages were sent.
    pub(super) const fn len(&self) -> usize {
        self.sent
    }

    /// A message was sent.
    pub(super) const fn count(&mut self) {
        self.sent += 1;
    }

    /// Somebody says a line.
    pub(super) fn say(&mut self, author: usize, letter: LetterName, line: Line) {
        if let Some(order) = self.order.get_mut(author) {
            order.push(letter);
        }
        self.lines.insert(letter, line);
    }

    /// Somebody changes a line of his.
    pub(super) fn edit(&mut self, letter: LetterName, text: &str) {
        if let Some(Line { row, .. }) = self.lines.get_mut(&letter) {
            text.clone_into(&mut row.text);
            row.edited = true;
        }
    }

    /// Somebody deletes a line of his for both.
    pub(super) fn delete(&mut self, letter: LetterName) {
        if let Some(Line { row, .. }) = self.lines.get_mut(&letter) {
            row.text.clear();
            (row.kind, row.is_reply) = (MessageKind::Deleted, false);
        }
    }

    /// One of the two reacts to a line.
    pub(super) fn react(&mut self, letter: LetterName, is_author: bool, emoji: Option<&str>) {
        if let Some(Line { row, .. }) = self.lines.get_mut(&letter) {
            let reaction = if is_author { &mut row.by_author } else { &mut row.by_other };
            *reaction = emoji.map(str::to_owned);
        }
    }

    /// Whether a line is by this one of the two.
    pub(super) fn is_by(&self, author: usize, letter: LetterName) -> bool {
        self.lines.get(&letter).is_some_and(|line| line.author == author)
    }

    /// What one of the two has said and is there in the end, in order.
    pub(super) fn rows(&self, author: usize) -> Vec<Row> {
        let order = self.order.get(author).map_or(&[] as &[LetterName], Vec::as_slice);
        let lines = order.iter().filter_map(|letter| self.lines.get(letter));
        lines.filter(|line| line.stays).map(|line| line.row.clone().in_the_end()).collect()
    }
}
