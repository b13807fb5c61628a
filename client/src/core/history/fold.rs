//! Text as a search compares it: neither its case nor the way its characters are composed counts.
//!
//! ```text
//! folded(text) = NFC(lower case of each character of NFKC(text)), final sigma as sigma       UAX #15
//! ```
//!
//! Nearly every character of real texts folds by itself into one other. What it folds into is looked up once and remembered;
//! only characters that depend on their neighbours, or become several, go through the iterators of
//! `unicode-normalization`. Accents count, `ß` is not `ss`, and invisible characters are not passed over.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use zeroize::{Zeroize as _, Zeroizing};

/// Characters below this number are remembered: all that are common, in 512 KiB of which little is touched.
const KNOWN_LEN: usize = 0x2_0000;
/// What is remembered of a character: whether something is, whether it folds by itself, its combining class, what it
/// folds into.
const IS_KNOWN: u32 = 1 << 31;
const IS_ALONE: u32 = 1 << 30;
const CLASS_SHIFT: u32 = 21;
const CHAR_MASK: u32 = (1 << CLASS_SHIFT) - 1;
/// The work of folding a byte of text, in that of a byte of ASCII: by what is remembered, and by the iterators.
const WORK_ALONE: u64 = 4;
const WORK_TOGETHER: u64 = 64;
/// The least room for folded text, in bytes.
const ROOM_LEN_MIN: usize = 4096;

/// Folds texts, one after the other, in one buffer. What is in it is wiped.
#[derive(Default)]
pub(crate) struct Folder {
    /// Empty until it is needed.
    known: Vec<u32>,
    folded: Zeroizing<String>,
    work: u64,
}

/// A character that was looked up.
#[derive(Clone, Copy)]
struct Look(u32);

impl Look {
    /// The character that it folds into, whatever stands beside it; `None` if that depends.
    const fn alone(self) -> Option<char> {
        if self.0 & IS_ALONE == 0 { None } else { char::from_u32(self.0 & CHAR_MASK) }
    }

    /// Its combining class.
    const fn class(self) -> u32 {
        (self.0 & !(IS_KNOWN | IS_ALONE)) >> CLASS_SHIFT
    }

    /// Whether what comes before it does not matter for it and for all that follows.
    const fn is_boundary(self) -> bool {
        self.alone().is_some() && self.class() == 0
    }
}

impl Folder {
    /// The folded text, until the next one is folded.
    pub(crate) fn fold(&mut self, text: &str) -> &str {
        self.folded.clear();
        self.make_room(text.len());
        if text.is_ascii() {
            self.work = self.work.saturating_add(len(text));
            self.folded.push_str(text);
            self.folded.make_ascii_lowercase();
        } else {
            self.work = self.work.saturating_add(len(text).saturating_mul(WORK_ALONE));
            self.known.resize(KNOWN_LEN, 0);
            self.fold_any(text);
        }
        &self.folded
    }

    /// Wipes the text that was folded last.
    pub(crate) fn wipe(&mut self) {
        self.folded.zeroize();
    }

    /// How much work it was since this was asked last, in bytes of ASCII.
    pub(crate) const fn take_work(&mut self) -> u64 {
        std::mem::replace(&mut self.work, 0)
    }

    fn fold_any(&mut self, text: &str) {
        let mut rest = text.chars();
        // Where the last character is that nothing before it matters for, in text and folded text.
        let (mut begin, mut folded_begin, mut last_class) = (text, 0, 0);
        loop {
            let here = rest.as_str();
            let Some(character) = rest.next() else { return };
            let look = self.look_up(character);
            match look.alone() {
                Some(folded) if look.class() == 0 || look.class() >= last_class => {
                    if look.class() == 0 {
                        (begin, folded_begin) = (here, self.folded.len());
                    }
                    last_class = look.class();
                    self.push(folded);
                }
                _ => {
                    let together = self.up_to_boundary(begin, rest.as_str());
                    self.folded.truncate(folded_begin);
                    self.work = self.work.saturating_add(len(together).saturating_mul(WORK_TOGETHER));
                    for folded in together_folded(together) {
                        self.push(folded);
                    }
                    rest = begin.get(together.len()..).unwrap_or_default().chars();
                    (begin, folded_begin, last_class) = (rest.as_str(), self.folded.len(), 0);
                }
            }
        }
    }

    /// The text from `begin` up to the first boundary in `rest`, which is the end of it.
    fn up_to_boundary<'t>(&mut self, begin: &'t str, rest: &str) -> &'t str {
        let boundary = rest.char_indices().find(|(_, character)| self.look_up(*character).is_boundary());
        let left = boundary.map_or(0, |(at, _)| rest.len().saturating_sub(at));
        begin.get(..begin.len().saturating_sub(left)).unwrap_or(begin)
    }

    fn look_up(&mut self, character: char) -> Look {
        match usize::try_from(u32::from(character)).ok().and_then(|at| self.known.get_mut(at)) {
            Some(known) if *known != 0 => Look(*known),
            Some(unknown) => {
                *unknown = found(character);
                Look(*unknown)
            }
            None => Look(found(character)),
        }
    }

    fn push(&mut self, folded: char) {
        self.make_room(folded.len_utf8());
        self.folded.push(folded);
    }

    /// A string that grows by itself would leave its bytes behind.
    fn make_room(&mut self, more: usize) {
        let needed = self.folded.len().saturating_add(more);
        if needed > self.folded.capacity() {
            let room = needed.next_power_of_two().max(ROOM_LEN_MIN);
            let mut larger = Zeroizing::new(String::with_capacity(room));
            larger.push_str(&self.folded);
            self.folded = larger;
        }
    }
}

fn len(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Folds by the definition.
fn together_folded(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().flat_map(char::to_lowercase).map(without_final_sigma).nfc()
}

const fn without_final_sigma(character: char) -> char {
    if character == 'ς' { 'σ' } else { character }
}

/// What there is to know of a character.
///
/// One that becomes a single character, which is not changed by normalization wherever it stands (its quick check says
/// *yes*), folds by itself as long as combining classes are in order.
fn found(character: char) -> u32 {
    let class = canonical_combining_class(character);
    let is_steady = |character: char| {
        is_nfc_quick(std::iter::once(character)) == IsNormalized::Yes
            && canonical_combining_class(character) == class
    };
    let composed = single(std::iter::once(character).nfkc()).filter(|composed| is_steady(*composed));
    let lower = composed.and_then(|composed| single(composed.to_lowercase())).map(without_final_sigma);
    let alone = lower.filter(|lower| is_steady(*lower));
    let class = u32::from(class) << CLASS_SHIFT;
    IS_KNOWN | class | alone.map_or(0, |alone| IS_ALONE | u32::from(alone))
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> String {
        Folder::default().fold(text).to_owned()
    }

    #[test]
    fn case_and_composition_do_not_count() {
        for (one, other) in [
            ("Grüße", "GRÜßE"),
            ("café", "cafe\u{301}"),
            ("CAFÉ", "cafe\u{301}"),
            ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
            ("Привет", "ПРИВЕТ"),
            ("Йод", "и\u{306}од"),
            ("ﬁnal", "FINAL"),
            ("ＡＢＣ１", "abc1"),
            ("ℌ", "h"),
            ("한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"),
            ("ガギ", "ｶﾞｷﾞ"),
            ("Việt", "Vie\u{302}\u{323}t"),
            ("Việt", "Viê\u{323}t"),
            ("ǰ", "J\u{30c}"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("café", "cafe"), ("ß", "ss"), ("ı", "i"), ("a\u{200b}b", "ab")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn the_quick_way_gives_what_the_definition_gives_for_every_character_between_others() {
        let mut folder = Folder::default();
        let neighbours = ["", "\u{1112}\u{1161}", "e\u{323}"];
        for character in (0..0x1_1000).filter_map(char::from_u32) {
            for before in neighbours {
                let text = format!("ü{before}{character}\u{301}x{character}");
                let expected: String = together_folded(&text).collect();
                assert_eq!(folder.fold(&text), expected, "{:x} after {before:?}", u32::from(character));
            }
        }
    }

    #[test]
    fn a_buffer_that_is_used_again_holds_the_last_text_alone() {
        let mut folder = Folder::default();
        let long = "Ä".repeat(10_000);
        assert_eq!(folder.fold(&long), "ä".repeat(10_000));
        assert_eq!(folder.fold("ABC"), "abc");
        assert_eq!(folder.fold(""), "");
        assert_eq!(folder.fold("é"), "é");
    }

    #[test]
    fn work_grows_with_the_trouble_that_a_text_makes() {
        let mut folder = Folder::default();
        let mut work = |text: &str| {
            folder.fold(text);
            folder.take_work()
        };
        assert_eq!(work(&"a".repeat(100)), 100);
        assert_eq!(work(&"я".repeat(50)), 400);
        assert_eq!(work("é"), 8);
        assert_eq!(work("e\u{301}"), 3 * (4 + 64));
        assert_eq!(work(""), 0);
    }

    /// Characters that change under normalization, and such as stand beside them.
    fn odd_text() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            'a',
            'E',
            'é',
            'ß',
            'ẞ',
            'İ',
            'ς',
            'Σ',
            'K',
            'ﬁ',
            'ﷺ',
            '\u{301}',
            '\u{323}',
            '\u{307}',
            '\u{345}',
            '\u{f71}',
            '\u{f73}',
            '\u{1100}',
            '\u{1161}',
            '\u{11a8}',
            '가',
            'が',
            'か',
            '\u{3099}',
            'ｶ',
            'ﾞ',
            '\u{93c}',
            'क',
            '\u{94d}',
            '👩',
            '\u{200d}',
            '\u{1d15e}',
            '\u{2f800}',
            '\u{1e921}',
            'я',
            '\u{306}',
            'и',
        ]);
        prop::collection::vec(prop_oneof![4 => odd, 1 => any::<char>()], 0..24)
            .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_quick_way_gives_what_the_definition_gives(texts in prop::collection::vec(odd_text(), 1..4)) {
            let mut folder = Folder::default();
            for text in texts {
                let expected: String = together_folded(&text).collect();
                prop_assert_eq!(folder.fold(&text), expected);
            }
        }

        #[test]
        fn all_ways_of_composing_a_text_fold_alike(text in odd_text()) {
            let forms: [String; 4] =
                [text.nfc().collect(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()];
            for form in forms {
                prop_assert_eq!(folded(&form), folded(&text));
            }
        }
    }
}
