//! Bounds that results must not cross: `attack.sda.advantage > 0.1`.
//!
//! Not here: comparing them with results, which [`super::crossings`] does.

use std::fmt;

use super::nearest;

/// How a measure crosses a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// By being above it.
    Above,
    /// By being at it or above.
    AtLeast,
    /// By being below it.
    Below,
    /// By being at it or below.
    AtMost,
}

/// A measure that fails a plan beyond this number.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The measure's name.
    pub measure: String,
    /// On which side it fails.
    pub relation: Relation,
    /// The number.
    pub number: f64,
}

/// Longer operators first: `>=` begins with `>`.
const OPERATORS: [(&str, Relation); 4] =
    [(">=", Relation::AtLeast), ("<=", Relation::AtMost), (">", Relation::Above), ("<", Relation::Below)];

impl Bound {
    /// Reads `measure > number`; also `<`, `>=`, `<=`.
    ///
    /// # Errors
    /// What is wrong with it, and what it has to look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected MEASURE > NUMBER (or <, >=, <=), such as attack.sda.advantage > 0.1";
        let (measure, relation, number) = OPERATORS
            .iter()
            .find_map(|(sign, relation)| {
                text.split_once(sign).map(|(left, right)| (left.trim(), *relation, right.trim()))
            })
            .ok_or_else(|| format!("`{text}` compares nothing; {expected}"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if measure.is_empty() || !measure.chars().all(is_name) {
            return Err(format!("`{measure}` is no name of a measure; {expected}"));
        }
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Self { measure: measure.to_owned(), relation, number }),
            _ => Err(format!("`{number}` is no number; {expected}")),
        }
    }

    /// Checks that the attack whose measure it is, if it is one of an attack, is among these.
    ///
    /// # Errors
    /// What is wrong, and which attacks there are.
    pub(super) fn check(&self, attacks: &[String]) -> Result<(), String> {
        let name = self.measure.strip_prefix("attack.").and_then(|rest| rest.split('.').next());
        let Some(name) = name.filter(|name| !attacks.iter().any(|attack| attack == name)) else {
            return Ok(());
        };
        if attacks.is_empty() {
            return Err(format!("`{}` is of the attack `{name}`, and the plan has no attacks", self.measure));
        }
        let near = nearest(name, attacks.iter().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let all = attacks.join(", ");
        Err(format!(
            "`{}` is of the attack `{name}`, which the plan does not have; it has: {all}{near}",
            self.measure
        ))
    }

    /// Whether an interval lies wholly beyond the bound.
    #[must_use]
    pub fn is_crossed(&self, low: f64, high: f64) -> bool {
        match self.relation {
            Relation::Above => low > self.number,
            Relation::AtLeast => low >= self.number,
            Relation::Below => high < self.number,
            Relation::AtMost => high <= self.number,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign =
            OPERATORS.iter().find(|(_, relation)| *relation == self.relation).map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} {:?}", self.measure, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_reads_back_and_is_crossed_by_a_whole_interval_alone() {
        for (text, crossed, not_crossed) in [
            ("attack.sda.advantage > 0.1", (0.11, 0.2), (0.09, 0.2)),
            ("a >= 1.0", (1.0, 2.0), (0.99, 2.0)),
            ("a < 1.0", (0.0, 0.99), (0.0, 1.01)),
            ("a <= -1.5", (-3.0, -1.5), (-3.0, -1.4)),
        ] {
            let bound = Bound::parse(text).unwrap();
            assert_eq!(bound.to_string(), text);
            assert!(bound.is_crossed(crossed.0, crossed.1), "{text}");
            assert!(!bound.is_crossed(not_crossed.0, not_crossed.1), "{text}");
        }
        assert_eq!(Bound::parse("a>2"), Bound::parse(" a > 2.0 "));
    }

    #[test]
    fn what_compares_nothing_is_refused() {
        for (text, part) in [
            ("advantage", "compares nothing"),
            ("a > b", "`b` is no number"),
            ("a > NaN", "is no number"),
            ("a > ", "is no number"),
            ("> 1", "no name"),
            ("a b > 1", "no name"),
            ("a == 1", "compares nothing"),
            ("a > 1 > 2", "is no number"),
        ] {
            let error = Bound::parse(text).unwrap_err();
            assert!(error.contains(part) && error.contains("expected MEASURE"), "{text}: {error}");
        }
    }
}
