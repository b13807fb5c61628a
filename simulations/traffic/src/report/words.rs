//! Words of an axis, cut to what a plot has room for so that they can still be told apart.

use std::collections::BTreeSet;

use super::number::clean;

/// Cuts each to so many characters. If that makes two alike, all lose what they begin with in common, up to a whole word; if
/// even that does not help, they are numbered from 1 in their order.
pub(super) fn short(words: &[&str], characters_max: usize) -> Vec<String> {
    let cut: Vec<String> = words.iter().map(|word| clean(word, characters_max)).collect();
    if are_distinct(&cut) {
        return cut;
    }
    let common = common_start(words);
    let rest = |word: &&str| word.chars().skip(common).collect::<String>();
    let shown = characters_max.saturating_sub(1);
    let mark = if common > 0 { "…" } else { "" };
    let ends: Vec<String> = words.iter().map(|word| format!("{mark}{}", clean(&rest(word), shown))).collect();
    if are_distinct(&ends) {
        return ends;
    }
    (1_usize..).zip(cut).map(|(number, word)| clean(&format!("{number}: {word}"), characters_max)).collect()
}

fn are_distinct(words: &[String]) -> bool {
    words.iter().collect::<BTreeSet<_>>().len() == words.len()
}

/// How many characters all begin with, up to the last that ends a word.
fn common_start(words: &[&str]) -> usize {
    let Some((first, others)) = words.split_first() else { return 0 };
    let same = |number: usize, c: char| others.iter().all(|other| other.chars().nth(number) == Some(c));
    let start = first.chars().enumerate().take_while(|(number, c)| same(*number, *c));
    start.filter(|(_, c)| " ,{[".contains(*c)).last().map_or(0, |(number, _)| number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_begin_alike_are_shown_from_where_they_differ() {
        assert_eq!(short(&["tor", "mix"], 5), ["tor", "mix"]);
        let tables = ["{ strategy = \"poisson\", delay = 100 }", "{ strategy = \"poisson\", delay = 2000 }"];
        assert_eq!(short(&tables, 15), ["…100 }", "…2000 }"]);
        assert_eq!(short(&tables, 50), tables);
        // Alike up to the limit and beyond it, in the middle of a word.
        assert_eq!(short(&["aaaaaaaab", "aaaaaaaac"], 6), ["1: aa…", "2: aa…"]);
        assert_eq!(short(&[], 6), Vec::<String>::new());
    }
}
