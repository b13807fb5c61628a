//! What the messages say: words as often as in real texts, short messages and long ones, in several scripts.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

const WORDS: usize = 8000;
const LATIN: [&str; 24] = [
    "the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are", "with", "as",
    "his", "they", "at", "be", "this", "from", "have", "or",
];
const SYLLABLES: [&[&str]; 4] = [
    &["ba", "con", "de", "fi", "lo", "ment", "ra", "s", "ter", "tion", "un", "ver"],
    &["ß", "än", "ber", "ge", "hö", "keit", "lich", "mü", "sch", "ung", "Ver", "zu"],
    &["ва", "го", "ени", "ко", "на", "по", "Пр", "ст", "то", "ый", "ще", "я"],
    &["か", "が", "し", "た", "の", "は", "ます", "を", "今日", "会議", "日本", "明"],
];

/// Writes messages. The same seed writes the same.
pub(super) struct Writer {
    rng: ChaCha20Rng,
    words: [Vec<String>; 4],
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let words = SYLLABLES.map(|syllables| {
            let mut word = || {
                (0..rng.random_range(1..5)).map(|_| syllables[rng.random_range(0..syllables.len())]).collect()
            };
            (0..WORDS).map(|_| word()).collect()
        });
        let mut writer = Self { rng, words };
        for (place, word) in LATIN.iter().enumerate() {
            writer.words[0][place] = (*word).to_owned();
        }
        writer
    }

    /// Whose conversation goes on: the first has by far the most messages, the last few.
    pub(super) fn conversation(&mut self, count: usize) -> usize {
        self.rank(count)
    }

    /// A message of that conversation. Of twenty, fourteen are in English, three in German, two in Russian, one is in Japanese.
    pub(super) fn text(&mut self, conversation: usize, count: usize) -> String {
        let script = match count - conversation {
            1 => 3,
            2..=3 => 2,
            4..=6 => 1,
            _ => 0,
        };
        let length = match self.rng.random_range(0..1000) {
            0 => 4000,
            1..=50 => self.rng.random_range(80..400),
            51..=300 => self.rng.random_range(20..80),
            _ => self.rng.random_range(1..20),
        };
        let ranks: Vec<usize> = (0..length).map(|_| self.rank(WORDS)).collect();
        let words: Vec<&str> = ranks.iter().map(|rank| self.words[script][*rank].as_str()).collect();
        words.join(if script == 3 { "" } else { " " })
    }

    /// A number below `count`, each with a chance in proportion to one by its place (Zipf's law).
    fn rank(&mut self, count: usize) -> usize {
        let at = (count as f64 + 1.0).powf(self.rng.random::<f64>());
        (at as usize).clamp(1, count) - 1
    }
}
