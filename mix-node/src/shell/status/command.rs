//! `sotto-mix status`: asks a running node, and shows the answer once or again and again.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::{NodeError, control, program};

use super::findings::{Evidence, Finding, findings};
use super::observed::Observed;
use super::view::StatusView;

/// How far two looks are apart from which rates are made.
const SAMPLE_SPAN: Duration = Duration::from_secs(1);
const SPAN_MIN: Duration = Duration::from_millis(100);
/// Clears the terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// How the state is shown.
pub(crate) struct Showing {
    /// As one JSON object, instead of for people.
    pub(crate) json: bool,
    /// Again and again, with so much time between.
    pub(crate) watch: Option<Duration>,
    /// With an exit code that tells whether something is wrong.
    pub(crate) check: bool,
}

/// Shows the state of the node that answers on this socket.
///
/// # Errors
///
/// When the node does not run, or answers something else.
pub(crate) fn show(socket: &Path, showing: &Showing) -> Result<ExitCode, NodeError> {
    program::runtime()?.block_on(async {
        if let Some(interval) = showing.watch {
            watch_on(socket, showing.json, interval).await?;
        }
        if showing.json && !showing.check {
            // Also what is no status: that the node is ending, or one of another version.
            let value = control::status(socket).await?;
            let text =
                Look::new(value.clone()).map_or_else(|_| format!("{value}\n"), |look| look.text(None, true));
            program::print(&text)?;
            return Ok(ExitCode::SUCCESS);
        }
        let before = look(socket).await?;
        tokio::time::sleep(SAMPLE_SPAN).await;
        let look = look(socket).await?;
        let is_wrong = !look.trouble(Some(&before)).is_empty();
        program::print(&look.text(Some(&before), showing.json))?;
        Ok(if showing.check && is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// Shows each look in the place of the one before, until the process is told to end.
async fn watch_on(socket: &Path, json: bool, interval: Duration) -> Result<(), NodeError> {
    let clear = if !json && io::stdout().is_terminal() { CLEAR } else { "" };
    let gap = if json { "" } else { "\n" };
    let mut before = None;
    loop {
        let look = look(socket).await?;
        program::print(&format!("{clear}{}{gap}", look.text(before.as_ref(), json)))?;
        before = Some(look);
        tokio::time::sleep(interval).await;
    }
}

/// A status, and when it was taken.
struct Look {
    value: Value,
    observed: Observed,
    at: Timestamp,
}

async fn look(socket: &Path) -> Result<Look, NodeError> {
    Look::new(control::status(socket).await?)
}

impl Look {
    fn new(value: Value) -> Result<Self, NodeError> {
        let observed = Observed::from_value(value.clone()).map_err(NodeError::Status)?;
        Ok(Self { value, observed, at: Clock::system().now() })
    }

    /// What is wrong; of counts only those that have grown since `before`.
    fn trouble(&self, before: Option<&Self>) -> Vec<Finding> {
        let epoch_s = self.observed.status.epoch_s;
        let before = before.map(|before| &before.observed);
        findings(&Evidence { observed: &self.observed, before, now: self.at, epoch_s })
    }

    fn text(&self, before: Option<&Self>, json: bool) -> String {
        if json {
            let mut value = self.value.clone();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("trouble".to_owned(), json!(self.trouble(Some(before.unwrap_or(self)))));
            }
            return format!("{value}\n");
        }
        // A time of day that was set back in between must not make rates endless.
        let span = |before: &Self| self.at.since(before.at).max(SPAN_MIN);
        let before = before.map(|before| (&before.observed, span(before)));
        let epoch_s = self.observed.status.epoch_s;
        StatusView { observed: &self.observed, before, now: self.at, epoch_s }.to_string()
    }
}
