//! Shows recovery words once, and asks for some of them back.

use rand::seq::IndexedRandom;
use sotto_transport::rng::OsRng;
use zeroize::Zeroizing;

use super::output::print;
use crate::shell::Failure;
use crate::shell::secret::is_terminal;

/// How many words are asked for.
const WORDS_ASKED: usize = 3;
/// How many words stand on a line.
const WORDS_A_LINE: usize = 6;

/// Shows the words and, if somebody is there, asks for three of them.
///
/// # Errors
/// `words-differ` if another word was typed: then nothing must be made of the words; `passphrase-io`.
pub(super) fn show_and_ask(words: &str) -> Result<(), Failure> {
    print(&table(words))?;
    if !is_terminal() {
        return Ok(());
    }
    let all: Vec<(usize, &str)> = (1..).zip(words.split(' ')).collect();
    let mut asked: Vec<&(usize, &str)> = all.sample(&mut OsRng, WORDS_ASKED).collect();
    asked.sort_unstable();
    print("Write them down now: they are not shown again. Then type back:")?;
    for (number, word) in asked {
        let typed = rpassword::prompt_password(format!("Word {number}: ")).map_err(|error| {
            Failure::new("passphrase-io", format!("cannot read from the terminal: {error}"))
        })?;
        let typed = Zeroizing::new(typed);
        if !typed.trim().eq_ignore_ascii_case(word) {
            return Err(Failure::new(
                "words-differ",
                format!(
                    "word {number} is another one: no slot was made, these words open nothing; begin again"
                ),
            ));
        }
    }
    Ok(())
}

/// The words with their numbers, six on a line.
fn table(words: &str) -> Zeroizing<String> {
    let numbered: Vec<Zeroizing<String>> = (1..)
        .zip(words.split(' '))
        .map(|(number, word): (usize, &str)| Zeroizing::new(format!("{number:>2} {word:<9}")))
        .collect();
    let mut text = Zeroizing::new(String::with_capacity(words.len().saturating_mul(3)));
    for (at, word) in numbered.iter().enumerate() {
        if at > 0 {
            text.push(if at.is_multiple_of(WORDS_A_LINE) { '\n' } else { ' ' });
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_numbers_every_word() {
        let words: Vec<String> = (1..=24).map(|n| format!("w{n}")).collect();
        let shown = table(&words.join(" "));
        assert_eq!(shown.lines().count(), 4);
        assert!(shown.starts_with(" 1 w1") && shown.contains("24 w24"), "{}", *shown);
    }
}
