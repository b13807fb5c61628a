//! Log output of the shells, on standard error: for people, or one JSON object a line.
//!
//! Nothing here keeps secrets out of the log: that is done where things are logged, by types whose `Debug` is
//! scrubbed and by never naming a client's address.

use std::io::{self, IsTerminal};

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable with the filter, as in `SOTTO_LOG=info,sotto_transport=debug`.
pub const FILTER_VARIABLE: &str = "SOTTO_LOG";

/// What is logged when the variable is not set. The crates of the built-in Tor client, all of which are named so, tell
/// of every step at `info`.
const FILTER_DEFAULT: &str = "info,tor_=warn,arti_client=warn";

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
    #[error("{FILTER_VARIABLE} is not a log filter: {0}; an example is `info,sotto_transport=debug`")]
    Filter(String),
    /// Something logs already.
    #[error("logging was started before")]
    Started,
}

/// Starts logging, for the whole process.
///
/// # Errors
///
/// When `SOTTO_LOG` is malformed, or logging was started before.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(filter) if !filter.is_empty() => {
            EnvFilter::try_new(filter).map_err(|error| LogError::Filter(error.to_string()))?
        }
        _ => EnvFilter::new(FILTER_DEFAULT),
    };
    // An error of the log itself must not be told on standard error: if that is what has broken, telling it
    // panics the task that logged.
    let builder =
        tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    started.map_err(|_| LogError::Started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_starts_once() {
        init(LogFormat::Json).unwrap();
        assert!(matches!(init(LogFormat::Human), Err(LogError::Started)));
    }

    #[test]
    fn the_format_is_named_as_in_a_configuration() {
        assert_eq!(serde_json::to_string(&LogFormat::Json).unwrap(), "\"json\"");
        assert_eq!(serde_json::from_str::<LogFormat>("\"human\"").unwrap(), LogFormat::Human);
    }
}
