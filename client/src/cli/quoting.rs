//! Commands that are printed to be used: words as a shell takes them.

/// A word of a command line, quoted where a POSIX shell would otherwise change it.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// An option with its value, whatever the value begins with.
pub(super) fn option(name: &str, value: &str) -> String {
    let separator = if value.starts_with('-') { '=' } else { ' ' };
    format!("--{name}{separator}{}", word(value))
}

/// The last argument of a command, whatever it begins with.
pub(super) fn last(value: &str) -> String {
    if value.len() > 1 && value.starts_with('-') { format!("-- {}", word(value)) } else { word(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gives_back_every_word_as_it_was() {
        for text in [
            "bob",
            "",
            "a b",
            "it's",
            "''",
            "$(touch x)",
            "`x`",
            "a\\b",
            "*",
            "~",
            "#",
            "!",
            "ü",
            "a\nb",
            "\"",
            ";",
            "-x",
        ] {
            let script = format!("printf %s {}", last(text));
            let script = script.replace("printf %s -- ", "printf -- %s ");
            let output = std::process::Command::new("sh").arg("-c").arg(&script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{script}");
        }
        assert_eq!((option("contact", "Bob"), last("Bob")), ("--contact Bob".into(), "Bob".into()));
        assert_eq!((option("contact", "-Bob"), last("-Bob")), ("--contact=-Bob".into(), "-- -Bob".into()));
        assert_eq!(last("-"), "-");
    }
}
