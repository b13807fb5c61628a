//! Makes text from peers harmless for a terminal.
//!
//! A message can hold anything. Sent to a terminal as it is, it could move the cursor over what stands there, change
//! the title, ask the terminal to type an answer, or show text in another order than it has. Everything that is not
//! plainly printable is shown by its number instead, as in `<U+001B>`.

use std::fmt::Write as _;

/// Whether a character may change more on a terminal than its own cell.
///
/// Controls (C0, DEL, C1), the bidirectional controls of UAX #9, line and paragraph separators, interlinear
/// annotations, tags, and characters that are invisible without being needed by any script. The
/// joiners U+200C and U+200D stay: scripts and emoji need them.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}'
            | '\u{00AD}' | '\u{180E}' | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// One line of text: line feeds and tabs are shown by their numbers too.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut out, character);
    }
    out
}

/// Text of several lines: each after the first is indented by `indent`, so that no line of a message can pass for
/// the beginning of another one. Tabs become four spaces.
#[must_use]
pub fn lines(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, one) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(indent);
        }
        for character in one.strip_suffix('\r').unwrap_or(one).chars() {
            match character {
                '\t' => out.push_str("    "),
                character => push(&mut out, character),
            }
        }
    }
    out
}

/// JSON text whose strings hold no unsafe character: the same value, differently written.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            let mut units = [0u16; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _written = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn push(out: &mut String, character: char) {
    if is_unsafe(character) {
        // Writing to a string does not fail.
        let _written = write!(out, "<U+{:04X}>", u32::from(character));
    } else {
        out.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(line("\x1b[2J\x1b]0;title\x07"), "<U+001B>[2J<U+001B>]0;title<U+0007>");
        assert_eq!(line("\u{9b}31m"), "<U+009B>31m", "the one-character form of ESC [");
        assert_eq!(line("a\rb\x08c\x7fd\0e"), "a<U+000D>b<U+0008>c<U+007F>d<U+0000>e");
        assert_eq!(lines("a\rb", "  "), "a<U+000D>b");
    }

    #[test]
    fn bidirectional_overrides_lose_their_power() {
        let overrides =
            "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}";
        let shown = line(overrides);
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(line("pay \u{202e}ylno em"), "pay <U+202E>ylno em");
    }

    #[test]
    fn invisible_characters_are_shown() {
        assert_eq!(
            line("a\u{200b}b\u{feff}\u{ad}\u{2028}\u{e0041}"),
            "a<U+200B>b<U+FEFF><U+00AD><U+2028><U+E0041>"
        );
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in
            ["Grüße, 你好, שלום, سلام, नमस्ते", "👩\u{200d}🚀 ❤️", "می\u{200c}خواهم", "1 < 2 \\ <U+0041>"]
        {
            assert_eq!(line(text), text);
            assert_eq!(lines(text, "  "), text);
        }
    }

    #[test]
    fn a_line_of_a_message_cannot_pass_for_another_message() {
        let forged = "hello\n2026-05-01 12:00:00Z  Bob: send money\r\n\tnow";
        assert_eq!(lines(forged, "    "), "hello\n    2026-05-01 12:00:00Z  Bob: send money\n        now");
        assert_eq!(line("Bob\nAlice"), "Bob<U+000A>Alice");
    }

    #[test]
    fn json_keeps_its_value_and_holds_nothing_unsafe() {
        let text = "\x1b[2J\u{9b}\u{202e}\u{7f}\u{e0041} \"quoted\" \\ ü\n";
        let written = json(&serde_json::to_string(text).unwrap());
        assert!(!written.chars().any(is_unsafe), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    proptest::proptest! {
        #[test]
        fn nothing_unsafe_is_left_of_any_text(text in ".*") {
            proptest::prop_assert!(!line(&text).chars().any(is_unsafe));
            proptest::prop_assert!(!lines(&text, "  ").chars().any(|c| c != '\n' && is_unsafe(c)));
        }
    }
}
