//! Why a plan is refused, and where in it.

use std::fmt;
use std::path::PathBuf;

/// Where the mistake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the plan's file, counted from 1.
    File {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The character in the line.
        column: usize,
    },
    /// In what was set on the command line.
    Set(String),
    /// In a bound of the command line.
    FailIf(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Set(text) => write!(f, "--set {text}"),
            Self::FailIf(text) => write!(f, "--fail-if '{text}'"),
        }
    }
}

/// The kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFault {
    /// The plan's file cannot be read.
    Unreadable,
    /// It is not TOML, or a part has not the shape that it has to have: a key that does not exist, a wrong type.
    Shape,
    /// A value outside of what is allowed.
    Value,
    /// A sweep that cannot be made.
    Sweep,
    /// A file that the plan names cannot be read or is not what it should be.
    File,
    /// A bound that cannot be understood, or is on an attack that the plan does not have.
    Bound,
    /// A `--set` that is not `key=value`, or names a place that is not there.
    Set,
}

/// A plan that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PlanRefusal {
    /// What kind of mistake.
    pub fault: PlanFault,
    /// Where it is.
    pub place: Place,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl PlanRefusal {
    /// A name that does not change with the wording.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self.fault {
            PlanFault::Unreadable => "plan-unreadable",
            PlanFault::Shape => "plan-shape",
            PlanFault::Value => "plan-value",
            PlanFault::Sweep => "plan-sweep",
            PlanFault::File => "plan-file",
            PlanFault::Bound => "plan-bound",
            PlanFault::Set => "plan-set",
        }
    }
}

/// The words between backticks, in their order: serde puts what it found first and what it expected after it.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// A message of serde in one line, with the likeliest of the allowed words if one is near to what was found.
pub(super) fn with_suggestion(message: &str) -> String {
    let message = message.trim().replace('\n', " ");
    let mut words = quoted(&message);
    let near = words.next().and_then(|found| nearest(found, words));
    match near {
        Some(near) if message.starts_with("unknown") => format!("{message}; did you mean `{near}`?"),
        _ => message,
    }
}

/// The key in a message about a key that does not exist.
pub(super) fn unknown_field(message: &str) -> Option<&str> {
    message.trim_start().starts_with("unknown field").then(|| quoted(message).next()).flatten()
}

/// The candidate that differs least, if by no more than a third of its letters.
pub(crate) fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(found, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: letters put in, taken out or changed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let changed = diagonal + usize::from(a != *b);
            diagonal = *cell;
            before = changed.min(*cell + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_that_of_levenshtein() {
        for (left, right, expected) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("layers", "layers", 0), ("layer", "layers", 1)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn a_word_that_is_far_from_all_has_no_suggestion() {
        assert_eq!(
            with_suggestion("unknown field `layer`, expected `entries` or `layers`"),
            "unknown field `layer`, expected `entries` or `layers`; did you mean `layers`?"
        );
        let far = "unknown field `zebra`, expected `entries` or `layers`";
        assert_eq!(with_suggestion(far), far);
    }
}
