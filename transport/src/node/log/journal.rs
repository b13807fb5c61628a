//! Lines for systemd's journal, which takes a number in angle brackets at their beginning for their priority, so that
//! `journalctl -p err` finds them (sd-daemon(3)).

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The environment variable in which systemd names the journal's socket, as `DEVICE:INODE` (systemd.exec(5)).
const VARIABLE: &str = "JOURNAL_STREAM";

/// Whether standard error is the journal. The variable alone does not say so: it is handed on to programs whose output
/// somebody has led elsewhere.
pub(super) fn is_stderr() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|named| is_stream(&named, io::stderr()))
}

/// Whether `stream` is the file that `named` names.
fn is_stream(named: &OsStr, stream: impl AsFd) -> bool {
    let file = stream.as_fd().try_clone_to_owned().map(File::from);
    let metadata = file.and_then(|file| file.metadata());
    metadata.is_ok_and(|metadata| named == format!("{}:{}", metadata.dev(), metadata.ino()).as_str())
}

/// Lines of another format with their priority before them.
pub(super) struct JournalLines<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for JournalLines<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// The priority of syslog(3).
pub(super) const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::sync::Arc;

    use tracing_subscriber::fmt::SubscriberBuilder;

    use super::*;

    fn lines<N, E>(builder: impl FnOnce(SubscriberBuilder) -> SubscriberBuilder<N, E>) -> Vec<String>
    where
        N: for<'writer> FormatFields<'writer> + Send + Sync + 'static,
        E: FormatEvent<tracing_subscriber::Registry, N> + Send + Sync + 'static,
    {
        let mut file = tempfile::tempfile().unwrap();
        let builder = builder(tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_ansi(false));
        let subscriber = builder.with_writer(Arc::new(file.try_clone().unwrap())).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(label = "io", "broken");
            tracing::warn!("odd");
            tracing::info!("so it is");
            tracing::debug!("detail");
        });
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_journal_gets_priorities_and_no_times() {
        let target = module_path!();
        let found = lines(|builder| builder.without_time().map_event_format(JournalLines));
        let expected = [
            format!("<3>ERROR {target}: broken label=\"io\""),
            format!("<4> WARN {target}: odd"),
            format!("<6> INFO {target}: so it is"),
            format!("<7>DEBUG {target}: detail"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn json_stays_json_behind_its_priority() {
        let found = lines(|builder| builder.json().map_event_format(JournalLines));
        assert_eq!(found.len(), 4);
        let line: serde_json::Value = serde_json::from_str(found[1].strip_prefix("<4>").unwrap()).unwrap();
        assert_eq!(line["level"], "WARN");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn only_the_stream_that_is_named_is_the_journal() {
        let (file, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let metadata = file.metadata().unwrap();
        let named = format!("{}:{}", metadata.dev(), metadata.ino());
        assert!(is_stream(OsStr::new(&named), &file));
        assert!(!is_stream(OsStr::new(&named), &other));
        assert!(!is_stream(OsStr::new("9:"), &file));
    }
}
