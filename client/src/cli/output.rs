//! The only place that prints.
//!
//! Results go to standard output, in one write a line; notes and errors to standard error. Whatever is printed has
//! passed through [`escape`] here or is written by us.

use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use super::escape;
use crate::shell::Failure;

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    is_json: bool,
}

impl Output {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// The result of a command: one JSON value on a line, or the words that `human` makes of it.
    ///
    /// # Errors
    /// `output` when standard output is closed.
    pub(super) fn result(self, value: &Value, human: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        if self.is_json {
            return print(&escape::json(&value.to_string()));
        }
        let text = human(value);
        if text.is_empty() { Ok(()) } else { print(&text) }
    }

    /// Whether results are JSON.
    pub(super) const fn is_json(self) -> bool {
        self.is_json
    }

    /// Something that people ought to know and scripts need not.
    pub(super) fn note(self, text: &str) {
        if !self.is_json {
            complain(text);
        }
    }

    /// Why the command failed.
    pub(super) fn failure(self, failure: &Failure) {
        let Failure { label, text } = failure;
        if self.is_json {
            let value = json!({ "error": { "label": label, "text": text } });
            // With standard output closed, the exit code is all that is left to say.
            let _printed = print(&escape::json(&value.to_string()));
        } else {
            complain(&format!("error: {} [{}]", escape::lines(text, "  "), escape::line(label)));
        }
    }
}

/// Prints text that is safe for a terminal.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        let text = match error.kind() {
            ErrorKind::BrokenPipe => "standard output was closed".to_owned(),
            _ => format!("cannot write to standard output: {error}"),
        };
        Failure::new("output", text)
    })
}

/// Writes to standard error. With that closed there is nobody to tell; `eprintln!` would panic.
fn complain(text: &str) {
    let _written = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
