//! Log output of the shells, on standard error: for people, or one JSON object a line. Where that is systemd's journal, each
//! line begins with its priority.
//!
//! Nothing here keeps secrets out of the log: that is done where things are logged, by types whose `Debug` is
//! scrubbed and by never naming a client's address.

use std::fmt;
use std::io::{self, IsTerminal, Stderr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::Level;
use tracing_subscriber::fmt::{FormatEvent, FormatFields, SubscriberBuilder};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use journal::JournalLines;

mod journal;

/// The environment variable with the filter, as in `SOTTO_LOG=info,sotto_transport=debug`.
pub const FILTER_VARIABLE: &str = "SOTTO_LOG";

/// What is logged when neither the variable nor the configuration says. The crates of the built-in Tor client, all of which are named so, tell
/// of every step at `info`.
pub const FILTER_DEFAULT: &str = "info,tor_=warn,arti_client=warn";

/// The form of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is malformed.
    #[error("not a log filter: {0}; an example is `info,sotto_transport=debug`")]
    Filter(String),
    /// Something logs already.
    #[error("logging was started before")]
    Started,
}

/// What is logged, in a process that logs already. Clones change the same log.
#[derive(Clone)]
pub struct LogHandle(Arc<dyn Fn(EnvFilter) + Send + Sync>);

impl fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogHandle")
    }
}

impl LogHandle {
    /// Logs by another filter from now on. Where `SOTTO_LOG` is set, that stays in force.
    ///
    /// # Errors
    ///
    /// When `filter` is malformed; nothing changes then.
    pub fn set_filter(&self, filter: Option<&str>) -> Result<(), LogError> {
        (self.0)(effective_filter(filter)?);
        Ok(())
    }
}

/// Whether `filter` can be used.
///
/// # Errors
///
/// [`LogError::Filter`].
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    EnvFilter::try_new(filter).map(drop).map_err(|error| LogError::Filter(error.to_string()))
}

/// Starts logging, for the whole process.
///
/// # Errors
///
/// When `SOTTO_LOG` is malformed, or logging was started before.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    init_filtered(format, None).map(drop)
}

/// Starts logging by `filter`, or as ever without one, with what changes the filter later. `SOTTO_LOG` goes before.
///
/// # Errors
///
/// When the filter is malformed, or logging was started before.
pub fn init_filtered(format: LogFormat, filter: Option<&str>) -> Result<LogHandle, LogError> {
    // An error of the log itself must not be told on standard error: if that is what has broken, telling it
    // panics the task that logged.
    let builder = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(effective_filter(filter)?)
        .with_writer(io::stderr as fn() -> Stderr);
    match (format, journal::is_stderr()) {
        (LogFormat::Human, false) => start(builder.with_ansi(io::stderr().is_terminal())),
        // The journal keeps the time itself. In JSON it stays, for programs that are given the lines alone.
        (LogFormat::Human, true) => {
            start(builder.with_ansi(false).without_time().map_event_format(JournalLines))
        }
        (LogFormat::Json, false) => start(builder.json()),
        (LogFormat::Json, true) => start(builder.json().map_event_format(JournalLines)),
    }
}

/// Whether `SOTTO_LOG` is set, which goes before the configuration's filter.
#[must_use]
pub fn is_overridden() -> bool {
    variable().is_some()
}

fn variable() -> Option<String> {
    std::env::var(FILTER_VARIABLE).ok().filter(|filter| !filter.is_empty())
}

/// Makes the log the process's.
fn start<N, E>(builder: SubscriberBuilder<N, E, EnvFilter, fn() -> Stderr>) -> Result<LogHandle, LogError>
where
    N: for<'writer> FormatFields<'writer> + Send + Sync + 'static,
    E: FormatEvent<Registry, N> + Send + Sync + 'static,
{
    let builder = builder.with_filter_reloading();
    let handle = builder.reload_handle();
    builder.finish().try_init().map_err(|_| LogError::Started)?;
    // Without a subscriber there is nothing to change, and nothing that could be told.
    Ok(LogHandle(Arc::new(move |filter| drop(handle.reload(filter)))))
}

/// What a line on standard error that says why the program ends begins with: its priority, where the journal reads it.
pub(super) fn error_prefix() -> String {
    if journal::is_stderr() { format!("<{}>", journal::priority(Level::ERROR)) } else { String::new() }
}

fn effective_filter(filter: Option<&str>) -> Result<EnvFilter, LogError> {
    let variable = variable();
    let filter = variable.as_deref().or(filter).unwrap_or(FILTER_DEFAULT);
    EnvFilter::try_new(filter).map_err(|error| LogError::Filter(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_starts_once() {
        let log = init_filtered(LogFormat::Json, Some("warn")).unwrap();
        assert!(matches!(init(LogFormat::Human), Err(LogError::Started)));
        assert!(tracing::enabled!(Level::WARN) && !tracing::enabled!(Level::DEBUG));
        assert!(matches!(log.set_filter(Some("info=loud")), Err(LogError::Filter(_))));
        assert!(!tracing::enabled!(Level::DEBUG), "a bad filter changes nothing");
        log.set_filter(Some("debug")).unwrap();
        assert!(tracing::enabled!(Level::DEBUG));
    }

    #[test]
    fn the_format_is_named_as_in_a_configuration() {
        assert_eq!(serde_json::to_string(&LogFormat::Json).unwrap(), "\"json\"");
        assert_eq!(serde_json::from_str::<LogFormat>("\"human\"").unwrap(), LogFormat::Human);
    }
}
