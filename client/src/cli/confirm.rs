//! Asks somebody at the terminal to confirm by typing a name what cannot be undone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::escape;

/// Whether the person at the terminal has typed the name. `question` ends without a space. Nobody is asked where standard
/// input is no terminal.
pub(super) fn by_typing(question: &str, name: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let asked = format!("{} ", escape::lines(question, "  "));
    if std::io::stderr().write_all(asked.as_bytes()).is_err() {
        return false;
    }
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).is_ok() && typed.trim() == name
}
