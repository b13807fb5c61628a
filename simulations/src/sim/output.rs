//! What commands print and write.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use sotto_traffic::runner::Progress;

use super::SimError;

/// Prints to standard output.
pub(super) fn print(text: &str) -> Result<(), SimError> {
    match writeln!(std::io::stdout(), "{text}") {
        // Whoever read has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(SimError::files("write to", Path::new("standard output"))),
    }
}

/// `1 point`, `3 points`.
pub(super) fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Prints one JSON object to standard output.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), SimError> {
    print(&json(value)?)
}

/// A JSON text.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, SimError> {
    serde_json::to_string(value).map_err(|error| SimError::Usage(format!("cannot write JSON: {error}")))
}

/// Says something on standard error.
pub(super) fn complain(text: &str) {
    // If even this cannot be written, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "sotto-sim: {text}");
}

/// Writes a file under another name and renames it: whoever reads it finds the old one or the new one.
pub(super) fn write_file<E: Into<SimError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), SimError> {
    let unfinished = path.with_added_extension("tmp");
    let file = File::create(&unfinished).map_err(SimError::files("create", &unfinished))?;
    let mut file = BufWriter::new(file);
    write(&mut file).map_err(Into::into)?;
    file.flush().map_err(SimError::files("write", &unfinished))?;
    file.get_ref().sync_all().map_err(SimError::files("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(SimError::files("write", path))
}

/// Writes a text to a file.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), SimError> {
    write_file(path, |file| file.write_all(text.as_bytes()).map_err(SimError::files("write", path)))
}

/// A bar with the time that is left, if somebody looks at it.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error, or nothing if that is no terminal or shall be quiet.
    pub(super) fn new(is_quiet: bool) -> Self {
        if is_quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = "{bar:40} {pos}/{len} tasks, {elapsed} gone, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// The same with the number of steps known.
    pub(super) fn of(steps: u64, is_quiet: bool) -> Self {
        let bar = Self::new(is_quiet);
        bar.0.set_length(steps);
        bar
    }

    /// One step is done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    /// Follows a run.
    pub(super) fn follow(&self, progress: Progress) {
        match progress {
            Progress::Started { tasks, known } => {
                self.0.set_length(tasks);
                self.0.set_position(known);
                // What was there already says nothing about how fast the rest goes.
                self.0.reset_eta();
            }
            Progress::Done { .. } => self.step(),
        }
    }

    /// Takes it away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
