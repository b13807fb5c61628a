//! Which runs may be believed: closed forms beside what was measured.

use std::collections::BTreeMap;

use super::naming::closed_form_of;
use crate::results::{Results, Row};

/// A closed form that a run is outside of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deviation {
    pub(super) point: u32,
    pub(super) replication: u32,
    /// The closed form; empty if the run says that it is not valid and does not say why.
    pub(super) form: String,
    pub(super) expected: f64,
    pub(super) measured: f64,
    pub(super) tolerance: f64,
}

/// What the closed forms say about all rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Validity {
    /// Rows that were compared with at least one closed form. A row that calls itself valid without any is not among them:
    /// no comparison is not agreement.
    pub(super) rows_checked: usize,
    /// Rows that are not valid.
    pub(super) rows_invalid: usize,
    /// The same for each point: checked, not valid.
    pub(super) points: BTreeMap<u32, (usize, usize)>,
    /// Why, by row.
    pub(super) deviations: Vec<Deviation>,
}

/// A closed form in a row: name, expected, measured, tolerance. What is not finite or missing cannot be compared.
pub(super) fn closed_forms(row: &Row) -> impl Iterator<Item = (&str, f64, f64, f64)> {
    let finite = |name: String| row.measures.get(&name).filter(|value| value.is_finite());
    row.measures.0.iter().filter_map(move |(name, expected)| {
        let form = closed_form_of(name)?;
        let measured = finite(format!("theory.{form}.measured"))?;
        let tolerance = finite(format!("theory.{form}.tolerance"))?;
        expected.is_finite().then_some((form, *expected, measured, tolerance))
    })
}

/// Compares each row again: a row is not valid if it says so, or if any closed form in it is outside its tolerance.
pub(super) fn validity(results: &Results) -> Validity {
    let mut validity = Validity::default();
    for row in &results.rows {
        let mut compared = false;
        let before = validity.deviations.len();
        for (form, expected, measured, tolerance) in closed_forms(row) {
            compared = true;
            if (measured - expected).abs() > tolerance {
                validity.deviations.push(Deviation {
                    point: row.point,
                    replication: row.replication,
                    form: form.to_owned(),
                    expected,
                    measured,
                    tolerance,
                });
            }
        }
        let says = row.measures.get("valid");
        let mut invalid = validity.deviations.len() > before;
        if !invalid && says.is_some_and(|valid| valid < 1.0) {
            invalid = true;
            validity.deviations.push(Deviation {
                point: row.point,
                replication: row.replication,
                form: String::new(),
                expected: 1.0,
                measured: says.unwrap_or(0.0),
                tolerance: 0.0,
            });
        }
        let (checked, wrong) = validity.points.entry(row.point).or_default();
        *checked += usize::from(compared);
        *wrong += usize::from(invalid);
        validity.rows_checked += usize::from(compared);
        validity.rows_invalid += usize::from(invalid);
    }
    validity
}
