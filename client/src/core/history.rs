//! Messages of the past, page by page: of one conversation or of all, of a span of time, or such as hold a text.
//!
//! A page is read from the newest message or from a [`Cursor`], backwards or forwards. What a call may give and what it
//! may look at is limited, because packets wait while it is answered: a search that has looked at as much as it may ends
//! with what it has found and with the cursor to go on from. Nothing here marks a message as seen.

mod fold;
mod search;
mod signature;

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::book::{Book, Person};
use super::cursor::Cursor;
use super::engine::Engine;
use super::error::EngineError;
use super::limits::{
    HISTORY_PAGE_DEFAULT, HISTORY_PAGE_MAX, HISTORY_TEXT_LEN_MAX, HISTORY_WORK_MAX, SEARCH_LEN_MAX,
};
use super::message::{Direction, Message};
use super::view::MessageView;
use crate::store::Store;
use search::{Needle, Search, searchable};
pub(crate) use signature::{Signature, Signer};

/// The work of finding a message and looking at its fields, in that of reading a byte of its text.
const MESSAGE_WORK: u64 = 128;
/// The same of passing over a message by its signature.
const PASS_WORK: u64 = 8;

/// Where a page begins, and in which direction it is read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PageStart {
    /// At the newest message, backwards.
    #[default]
    Newest,
    /// At the message before this place, backwards.
    Before(Cursor),
    /// At the message after this place, forwards.
    After(Cursor),
}

/// Which messages are wanted. What is `None` does not matter. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Those of the conversation with the contact of this name.
    pub contact: Option<String>,
    /// Those that hold this text, of at most [`SEARCH_LEN_MAX`] bytes, in upper or lower case.
    pub text: Option<String>,
    /// Those of this moment or later, in milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Those before this moment, in milliseconds since the Unix epoch.
    pub to_ms: Option<u64>,
    /// Those that were sent, or those that were received.
    pub direction: Option<Direction>,
    /// Where to begin.
    pub start: PageStart,
    /// How many at most, 1 to [`HISTORY_PAGE_MAX`]; [`HISTORY_PAGE_DEFAULT`] if left out.
    pub limit: Option<usize>,
}

/// One message of a page and its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryRow {
    /// From where to go on, in either direction.
    pub cursor: Cursor,
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
}

/// Messages, in the direction in which the page was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryPage {
    /// They may be fewer than were wanted, or none, and yet not be all.
    pub messages: Vec<HistoryRow>,
    /// From where to go on in the same direction; `None` at the end.
    pub next: Option<Cursor>,
}

impl<S: Store> Engine<S> {
    /// A page of messages. Within one conversation they are in its order, and of all conversations in that of time.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::HistoryLimit`], [`EngineError::SearchLength`], or
    /// [`EngineError::CursorForeign`] for a cursor of another conversation than the one that is asked for.
    pub fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, EngineError> {
        let limit = query.limit.unwrap_or(HISTORY_PAGE_DEFAULT);
        if !(1..=HISTORY_PAGE_MAX).contains(&limit) {
            return Err(EngineError::HistoryLimit { limit, limit_max: HISTORY_PAGE_MAX });
        }
        let needle = query.text.as_deref().map(needle).transpose()?;
        let messages = match &query.contact {
            Some(contact) => of_one(self.book.named(contact)?, query.start)?,
            None => of_all(&self.book, query, needle.as_ref()),
        };
        Ok(read_page(messages, query, needle.as_ref(), limit, self.now.as_millis()))
    }
}

/// A message on the way through a history.
struct Step<'b> {
    cursor: Cursor,
    /// What is there and whose it is; none if its signature says that it is not looked for.
    message: Option<(&'b Person, &'b Message)>,
}

/// Messages in the direction in which a page is read.
type Walk<'b> = Box<dyn Iterator<Item = Step<'b>> + 'b>;

fn needle(text: &str) -> Result<Needle, EngineError> {
    if (1..=SEARCH_LEN_MAX).contains(&text.len()) {
        Ok(Needle::new(text))
    } else {
        Err(EngineError::SearchLength { len: text.len(), len_max: SEARCH_LEN_MAX })
    }
}

/// Those of one conversation, in its own order: a clock that was set back changes nothing about who answered whom.
fn of_one(person: &Person, start: PageStart) -> Result<Walk<'_>, EngineError> {
    let seq = |cursor: Cursor| {
        let is_ours = cursor.contact == person.contact.id;
        is_ours.then_some(cursor.seq).ok_or_else(|| EngineError::CursorForeign(person.contact.name.clone()))
    };
    let messages = &person.messages;
    let step = move |message| Step { cursor: Cursor::of(message), message: Some((person, message)) };
    Ok(match start {
        PageStart::Newest => Box::new(messages.values().rev().map(step)),
        PageStart::Before(cursor) => {
            let before = messages.range(..seq(cursor)?).rev();
            Box::new(before.map(move |(_, message)| step(message)))
        }
        PageStart::After(cursor) => {
            let after = messages.range((Bound::Excluded(seq(cursor)?), Bound::Unbounded));
            Box::new(after.map(move |(_, message)| step(message)))
        }
    })
}

/// Those of all conversations, by time.
fn of_all<'b>(book: &'b Book, query: &HistoryQuery, needle: Option<&'b Needle>) -> Walk<'b> {
    let from = Cursor::at(query.from_ms.unwrap_or(0));
    let (low, lowest) = match query.start {
        PageStart::After(cursor) if cursor >= from => (Bound::Excluded(cursor), cursor),
        _ => (Bound::Included(from), from),
    };
    let until = query.to_ms.map(Cursor::at);
    let high = match query.start {
        PageStart::Before(cursor) => Some(until.map_or(cursor, |until| until.min(cursor))),
        _ => until,
    };
    if high.is_some_and(|high| high <= lowest) {
        return Box::new(std::iter::empty());
    }
    let places = book.places().by_time().range((low, high.map_or(Bound::Unbounded, Bound::Excluded)));
    let message = |cursor: &Cursor| {
        let person = book.people.get(&cursor.contact)?;
        Some((person, person.messages.get(&cursor.seq)?))
    };
    let step = move |(cursor, signature): (&Cursor, &Signature)| {
        let may_be_it = needle.is_none_or(|needle| signature.may_hold(&needle.signature));
        Step { cursor: *cursor, message: may_be_it.then(|| message(cursor)).flatten() }
    };
    if matches!(query.start, PageStart::After(_)) {
        Box::new(places.map(step))
    } else {
        Box::new(places.rev().map(step))
    }
}

/// Takes messages until the page is full, or enough was looked at.
fn read_page(
    mut walk: Walk<'_>,
    query: &HistoryQuery,
    needle: Option<&Needle>,
    limit: usize,
    now_ms: u64,
) -> HistoryPage {
    let mut search = needle.map(Search::of);
    let mut page = HistoryPage { messages: Vec::new(), next: None };
    let (mut work, mut len) = (0u64, 0usize);
    while let Some(Step { cursor, message }) = walk.next() {
        work = work.saturating_add(if message.is_some() { MESSAGE_WORK } else { PASS_WORK });
        if let Some((person, message)) = message.filter(|(_, message)| is_within(message, query)) {
            let mut holds = |search: &mut Search<'_>| {
                let found = searchable(message).is_some_and(|text| search.finds(text));
                work = work.saturating_add(search.take_work());
                found
            };
            if search.as_mut().is_none_or(&mut holds)
                && let Some(message) = message.view_back(&person.contact, now_ms)
            {
                len = len.saturating_add(message.text.len());
                page.messages.push(HistoryRow { cursor, message });
            }
        }
        if page.messages.len() >= limit || len >= HISTORY_TEXT_LEN_MAX || work >= HISTORY_WORK_MAX {
            page.next = walk.next().map(|_| cursor);
            break;
        }
    }
    page
}

/// Whether a message is of the wanted time and direction.
fn is_within(message: &Message, query: &HistoryQuery) -> bool {
    query.from_ms.is_none_or(|from_ms| message.at_ms >= from_ms)
        && query.to_ms.is_none_or(|to_ms| message.at_ms < to_ms)
        && query.direction.is_none_or(|direction| message.direction == direction)
}

impl std::fmt::Debug for HistoryQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text.as_ref().map(|text| format!("[scrubbed; {}]", text.len()));
        write!(f, "HistoryQuery({:?}, {text:?}, {:?}, ", self.contact, self.from_ms)?;
        write!(f, "{:?}, {:?}, {:?}, {:?})", self.to_ms, self.direction, self.start, self.limit)
    }
}

#[cfg(test)]
mod tests;
