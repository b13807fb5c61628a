//! Results as tables that other tools read, and what they say together.
//!
//! A table has a row for each run: `point`, `replication`, `seed`, `config_hash`, `version`, then `set.KEY` for each
//! parameter of the sweep, then a column for each measure. What was not measured is empty. Numbers are written so that they
//! read back to the last bit. Not here: plots and prose.

mod csv;
mod parquet;
pub mod view;

use std::collections::BTreeSet;

pub use self::csv::csv;
pub use self::parquet::parquet;

use crate::results::{Results, Setting};

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write a table: {0}")]
pub struct TableError(String);

impl TableError {
    /// A name that does not change with the wording.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        "table-write"
    }

    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// All rows as JSON, as [`Results`] reads them.
///
/// # Errors
/// What the writer says.
pub fn json(results: &Results, out: impl std::io::Write) -> Result<(), TableError> {
    serde_json::to_writer(out, results).map_err(TableError::new)
}

/// The columns behind those that every table has.
struct Columns<'a> {
    settings: BTreeSet<&'a str>,
    measures: BTreeSet<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(results: &'a Results) -> Self {
        let settings = results.rows.iter().flat_map(|row| row.settings.keys().map(String::as_str)).collect();
        let measures =
            results.rows.iter().flat_map(|row| row.measures.0.keys().map(String::as_str)).collect();
        Self { settings, measures }
    }
}

/// The shortest text that reads back as this number.
fn number(value: f64) -> String {
    format!("{value:?}")
}

pub(crate) fn text(setting: &Setting) -> String {
    match setting {
        Setting::Number(value) => number(*value),
        Setting::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests;
