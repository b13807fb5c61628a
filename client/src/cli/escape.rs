//! Makes text from peers harmless for a terminal.
//!
//! A message can hold anything. Sent to a terminal as it is, it could move the cursor over what stands there, change
//! the title, ask the terminal to type an answer, or show text in another order than it has. Everything that is not
//! plainly printable is shown by its number instead, as in `<U+001B>`. Of marks that are drawn over a character a few are
//! shown with it, and the others counted, as in `<+4080 marks>`.

use std::fmt::Write as _;

use unicode_normalization::char::is_combining_mark;

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

/// Marks and joiners that are shown with one character. No script in use needs as many: a text with more is made to cover
/// what stands around it, or to keep a terminal busy.
pub const MARKS_MAX: usize = 16;

/// Whether a character has no cell of its own on a terminal and is drawn into that of the one before it: combining marks,
/// joiners, and the vowels and finals of Hangul syllables that are written in parts.
fn is_attached(character: char) -> bool {
    is_combining_mark(character)
        || matches!(character,
            '\u{200C}' | '\u{200D}' | '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FB}')
}

/// Text that is being made harmless.
struct Shown {
    out: String,
    /// Marks that the last character has, or may not have any more.
    marks: usize,
    /// Marks beyond those that were left out.
    left_out: usize,
}

impl Shown {
    fn new(text: &str) -> Self {
        let mut shown = Self { out: String::with_capacity(text.len()), marks: 0, left_out: 0 };
        shown.begin();
        shown
    }

    /// What comes next has nothing of its own text before it: a mark there would be drawn on what this program prints.
    fn begin(&mut self) {
        self.tell_left_out();
        self.marks = MARKS_MAX;
    }

    fn push(&mut self, character: char) {
        if is_attached(character) {
            if self.marks < MARKS_MAX {
                self.marks += 1;
                self.out.push(character);
            } else {
                self.left_out = self.left_out.saturating_add(1);
            }
            return;
        }
        self.tell_left_out();
        self.marks = 0;
        if is_unsafe(character) {
            // Writing to a string does not fail.
            let _written = write!(self.out, "<U+{:04X}>", u32::from(character));
        } else {
            self.out.push(character);
        }
    }

    fn tell_left_out(&mut self) {
        match std::mem::take(&mut self.left_out) {
            0 => {}
            1 => self.out.push_str("<+1 mark>"),
            // Writing to a string does not fail.
            count => drop(write!(self.out, "<+{count} marks>")),
        }
    }

    fn end(mut self) -> String {
        self.tell_left_out();
        self.out
    }
}

/// One line of text: line feeds and tabs are shown by their numbers too.
#[must_use]
pub fn line(text: &str) -> String {
    let mut shown = Shown::new(text);
    text.chars().for_each(|character| shown.push(character));
    shown.end()
}

/// Text of several lines: each after the first is indented by `indent`, so that no line of a message can pass for
/// the beginning of another one. Tabs become four spaces.
#[must_use]
pub fn lines(text: &str, indent: &str) -> String {
    let mut shown = Shown::new(text);
    for (number, one) in text.split('\n').enumerate() {
        if number > 0 {
            shown.begin();
            shown.out.push('\n');
            shown.out.push_str(indent);
        }
        for character in one.strip_suffix('\r').unwrap_or(one).chars() {
            match character {
                '\t' => (0..4).for_each(|_| shown.push(' ')),
                character => shown.push(character),
            }
        }
    }
    shown.end()
}

/// JSON text whose strings hold no unsafe character, and no more marks in a row than [`line()`] shows: the same value,
/// differently written.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for character in text.chars() {
        marks = if is_attached(character) { marks + 1 } else { 0 };
        if is_unsafe(character) || marks > MARKS_MAX {
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

    #[test]
    fn marks_without_end_are_counted_and_not_shown() {
        let pile = "\u{301}".repeat(30_000);
        assert_eq!(line(&format!("a{pile}b")), format!("a{}<+29984 marks>b", "\u{301}".repeat(MARKS_MAX)));
        assert_eq!(
            line(&format!("a{}", "\u{200d}".repeat(17))),
            format!("a{}<+1 mark>", "\u{200d}".repeat(16))
        );
        assert_eq!(
            line(&format!("각{}", "\u{11a8}".repeat(18))),
            format!("각{}<+2 marks>", "\u{11a8}".repeat(16))
        );
        assert_eq!(line(&format!("a{0}b{0}", "\u{20dd}".repeat(16))).chars().count(), 34, "each has its own");
    }

    #[test]
    fn no_mark_is_drawn_on_what_the_program_prints() {
        assert_eq!(line("\u{301}\u{20dd}a"), "<+2 marks>a");
        assert_eq!(lines("a\n\u{301}b\n\u{301}", "  "), "a\n  <+1 mark>b\n  <+1 mark>");
        assert_eq!(lines("\u{338}", "  "), "<+1 mark>");
    }

    #[test]
    fn json_with_marks_without_end_keeps_its_value() {
        let text = format!("\u{301}a{}\u{e0101}", "\u{301}".repeat(1000));
        let written = json(&serde_json::to_string(&text).unwrap());
        assert!(most_marks(&written) <= MARKS_MAX);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    fn most_marks(text: &str) -> usize {
        let runs = text.split(|character| !is_attached(character));
        runs.map(|run| run.chars().count()).max().unwrap_or(0)
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_shown_with_more_marks_or_much_longer_than_it_is(
            text in "[a-z\u{300}-\u{310}\u{200d}\u{fe0f}\u{1b}\u{202e}\u{0}\n]{0,200}",
        ) {
            for shown in [line(&text), lines(&text, "  ")] {
                proptest::prop_assert!(most_marks(&shown) <= MARKS_MAX);
                proptest::prop_assert!(shown.len() <= 8 * text.len() + "<+200 marks>".len());
            }
        }

        #[test]
        fn nothing_unsafe_is_left_of_any_text(text in ".*") {
            proptest::prop_assert!(!line(&text).chars().any(is_unsafe));
            proptest::prop_assert!(!lines(&text, "  ").chars().any(|c| c != '\n' && is_unsafe(c)));
        }
    }
}
