//! Comma-separated values (RFC 4180).

use std::io::Write;

use super::{Columns, TableError, number, text};
use crate::results::Results;

/// Writes the rows, with a line of names above them.
///
/// # Errors
/// What the writer says.
pub fn csv(results: &Results, out: impl Write) -> Result<(), TableError> {
    let columns = Columns::of(results);
    let mut writer = csv::Writer::from_writer(out);
    let fixed = ["point", "replication", "seed", "config_hash", "version"].map(str::to_owned);
    let names = fixed
        .into_iter()
        .chain(columns.settings.iter().map(|key| format!("set.{key}")))
        .chain(columns.measures.iter().map(|name| (*name).to_owned()));
    writer.write_record(names).map_err(TableError::new)?;
    for row in &results.rows {
        let fixed = [
            row.point.to_string(),
            row.replication.to_string(),
            row.seed.to_string(),
            row.config_hash.clone(),
            row.version.clone(),
        ];
        let settings =
            columns.settings.iter().map(|key| row.settings.get(*key).map(text).unwrap_or_default());
        let measures =
            columns.measures.iter().map(|name| row.measures.get(name).map(number).unwrap_or_default());
        writer.write_record(fixed.into_iter().chain(settings).chain(measures)).map_err(TableError::new)?;
    }
    writer.flush().map_err(TableError::new)
}
