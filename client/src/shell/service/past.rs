//! Answers about messages of the past.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{PAGE_LEN_MAX, to_json};
use crate::core::{Cursor, Direction, Engine, HistoryQuery, PageStart};
use crate::shell::Failure;
use crate::store::Store;

/// Parameters of `history`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryParams {
    contact: Option<String>,
    text: Option<String>,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    direction: Option<Direction>,
    before: Option<Cursor>,
    after: Option<Cursor>,
    limit: Option<usize>,
}

impl HistoryParams {
    /// Whether somebody searches or turns pages: what a program shows by itself begins at the newest message.
    pub(super) const fn is_by_hand(&self) -> bool {
        self.text.is_some() || self.before.is_some() || self.after.is_some()
    }

    fn query(&self) -> Result<HistoryQuery, Failure> {
        let start = match (self.before, self.after) {
            (None, None) => PageStart::Newest,
            (Some(cursor), None) => PageStart::Before(cursor),
            (None, Some(cursor)) => PageStart::After(cursor),
            (Some(_), Some(_)) => {
                let text = "a page is read from one cursor: give `before` or `after`, not both";
                return Err(Failure::new("cursor-both", text));
            }
        };
        Ok(HistoryQuery {
            contact: self.contact.clone(),
            text: self.text.clone(),
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            direction: self.direction,
            start,
            limit: self.limit,
        })
    }
}

/// A page, as much of it as one answer holds.
pub(super) fn history<S: Store>(engine: &Engine<S>, params: &HistoryParams) -> Result<Value, Failure> {
    let page = engine.history(&params.query()?)?;
    let (mut len, mut rows, mut next, mut last) = (0usize, Vec::new(), page.next, None);
    for message in page.messages {
        let row = to_json(&message)?;
        len = len.saturating_add(row.to_string().len());
        if len > PAGE_LEN_MAX && last.is_some() {
            next = last;
            break;
        }
        last = Some(message.cursor);
        rows.push(row);
    }
    Ok(json!({ "messages": rows, "next": next }))
}
