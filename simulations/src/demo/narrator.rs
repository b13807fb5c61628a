//! What the demonstration says on the terminal. With `--json` it says nothing but the last line.

use std::io::{self, IsTerminal, Write};

use sotto_client::cli::escape;

use super::report::DemoReport;
use super::steps::{Step, all_passed};

/// Longest part of a message's text that is shown.
const SHOWN_LEN_MAX: usize = 60;

/// Speaks to the person at the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Narrator {
    silent: bool,
    colour: bool,
}

impl Narrator {
    /// A narrator that says nothing if `silent`; it uses colour if a terminal listens.
    #[must_use]
    pub fn new(silent: bool) -> Self {
        Self { silent, colour: !silent && io::stdout().is_terminal() }
    }

    pub(super) fn chapter(self, title: &str) {
        self.line(&format!("\n{}", self.paint("1", title)));
    }

    pub(super) fn say(self, text: &str) {
        self.line(&format!("  {text}"));
    }

    pub(super) fn done(self, text: &str) {
        self.line(&format!("  {} {text}", self.paint("32", "+")));
    }

    pub(super) fn trouble(self, text: &str) {
        self.line(&format!("  {} {text}", self.paint("31", "!")));
    }

    /// Lines that are shown as they are.
    pub(super) fn block(self, lines: &str) {
        for line in lines.lines() {
            self.line(&format!("  {line}"));
        }
    }

    /// One message that has arrived.
    pub(super) fn message(self, from: &str, to: &str, text: &str, latency_ms: f64) {
        let shown: String = text.chars().take(SHOWN_LEN_MAX).collect();
        let more =
            if shown.len() < text.len() { format!("... ({} bytes)", text.len()) } else { String::new() };
        let shown = escape::line(&shown);
        let who = format!("{from:>5} -> {to:<5}");
        self.line(&format!("  {} {latency_ms:6.0} ms  {shown}{more}", self.paint("36", &who)));
    }

    pub(super) fn prompt(self, text: &str) {
        if !self.silent {
            // A terminal that cannot be written to has nobody before it.
            let _ = write!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
        }
    }

    pub(super) fn verdict(self, report: &DemoReport) {
        self.chapter("Result");
        let text = format!(
            "{} of {} messages arrived intact, half of them within {:.0} ms, 95 % within {:.0} ms.",
            report.messages_delivered, report.messages_sent, report.latency_ms.p50, report.latency_ms.p95
        );
        if report.messages_delivered == report.messages_sent {
            self.done(&text);
        } else {
            self.trouble(&text);
        }
        let passed = report.steps.iter().filter(|step| step.passed).count();
        let text = format!("{passed} of {} steps ended as they should.", Step::ALL.len());
        if all_passed(&report.steps) {
            self.done(&text);
        } else {
            self.trouble(&text);
        }
        if report.balanced {
            self.done("Every packet that any node received is accounted for.");
        } else {
            self.trouble("The books do not balance: some packets are not accounted for.");
        }
        self.say(&format!("Everything is ended and removed. It took {:.1} s.", report.wall_s));
    }

    fn line(self, text: &str) {
        if !self.silent {
            // As in `prompt`.
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
