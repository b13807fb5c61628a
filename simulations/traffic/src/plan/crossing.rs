//! Whether results cross bounds.
//!
//! Not here: how a bound is written, and where means and intervals come from.

use std::collections::BTreeMap;

use super::{Bound, nearest};
use crate::results::Setting;
use crate::summary::{PointSummary, Statistic, Summary};

/// A bound that was crossed.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// The bound.
    pub bound: Bound,
    /// At which point.
    pub point: u32,
    /// What the sweep set there.
    pub settings: BTreeMap<String, Setting>,
    /// What was measured.
    pub statistic: Statistic,
}

impl std::fmt::Display for Crossing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Statistic { n, mean, interval, .. } = self.statistic;
        let (low, high) = interval.map_or((mean, mean), |interval| (interval.low, interval.high));
        write!(f, "{} at point {}", self.bound, self.point)?;
        for (key, setting) in &self.settings {
            write!(f, ", {key} = {}", crate::tables::text(setting))?;
        }
        write!(f, ": mean {mean:.6} of {n} replications, 95 % interval {low:.6} to {high:.6}")
    }
}

/// A bound that cannot be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{bound} cannot be judged: {what}")]
pub struct UnknownMeasure {
    /// The bound.
    pub bound: String,
    /// Why, and what to do.
    pub what: String,
}

impl UnknownMeasure {
    /// A name that does not change with the wording.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        "bound-unmeasured"
    }
}

/// The bounds that are crossed, at any point: where the whole interval of the mean lies beyond, so that a change for the
/// worse is noticed and chance is not.
///
/// # Errors
/// A bound on what was not measured in every replication of every point, or measured only once: neither is a pass.
pub fn crossings(summary: &Summary, bounds: &[Bound]) -> Result<Vec<Crossing>, UnknownMeasure> {
    let mut crossings = Vec::new();
    for bound in bounds {
        for point in &summary.points {
            let statistic = point.measures.get(&bound.measure).ok_or_else(|| UnknownMeasure {
                bound: bound.to_string(),
                what: unmeasured(summary, bound, point),
            })?;
            // What is missing in some replications may be what is worst: nothing infinite is noted.
            if statistic.n != point.replications {
                let what = format!(
                    "`{}` was measured in {} of {} replications of point {}; a mean of those says nothing of the \
                     others, where it may be infinite or nothing was asked",
                    bound.measure, statistic.n, point.replications, point.point
                );
                return Err(UnknownMeasure { bound: bound.to_string(), what });
            }
            let Some(interval) = statistic.interval else {
                let what =
                    format!("point {} has a single replication; set replications to 2 or more", point.point);
                return Err(UnknownMeasure { bound: bound.to_string(), what });
            };
            if bound.is_crossed(interval.low, interval.high) {
                crossings.push(Crossing {
                    bound: bound.clone(),
                    point: point.point,
                    settings: point.settings.clone(),
                    statistic: *statistic,
                });
            }
        }
    }
    Ok(crossings)
}

fn unmeasured(summary: &Summary, bound: &Bound, point: &PointSummary) -> String {
    let elsewhere = summary.points.iter().any(|other| other.measures.contains_key(&bound.measure));
    if elsewhere {
        return format!("`{}` was not measured at point {}", bound.measure, point.point);
    }
    let known = || point.measures.keys().map(String::as_str);
    match nearest(&bound.measure, known()) {
        Some(near) => format!("nothing measures `{}`; did you mean `{near}`?", bound.measure),
        None => {
            format!(
                "nothing measures `{}`; measured: {}",
                bound.measure,
                known().collect::<Vec<_>>().join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Measures, Results, Row};

    fn row(point: u32, replication: u32, measures: &[(&str, f64)]) -> Row {
        let measures = measures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Row {
            point,
            replication,
            seed: 1,
            config_hash: String::new(),
            version: String::new(),
            settings: BTreeMap::new(),
            measures: Measures(measures),
        }
    }

    fn measured(values: &[f64]) -> Summary {
        let rows =
            (0..).zip(values).map(|(number, value)| row(0, number, &[("attack.sda.advantage", *value)]));
        Summary::of(&Results { rows: rows.collect(), ..Results::default() })
    }

    #[test]
    fn a_bound_fails_for_a_change_and_not_for_chance() {
        let bounds = [Bound::parse("attack.sda.advantage > 0.1").unwrap()];
        let noise = measured(&[0.02, 0.19, 0.08, 0.16, 0.11]);
        assert!(
            noise.points[0].measures["attack.sda.advantage"].mean > 0.1,
            "chance alone is above the bound"
        );
        assert_eq!(crossings(&noise, &bounds), Ok(vec![]));
        let change = measured(&[0.12, 0.14, 0.13, 0.15, 0.11]);
        let crossings = crossings(&change, &bounds).unwrap();
        assert_eq!(crossings.len(), 1);
        let line = crossings[0].to_string();
        assert!(line.starts_with("attack.sda.advantage > 0.1 at point 0"), "{line}");
        assert!(line.contains("mean 0.130000 of 5 replications"), "{line}");
    }

    #[test]
    fn a_bound_on_what_nobody_measures_is_no_pass() {
        let summary = measured(&[0.0, 0.0]);
        let judge = |summary: &Summary, text: &str| crossings(summary, &[Bound::parse(text).unwrap()]);
        assert_eq!(judge(&summary, "attack.sda.advantage > 0.1"), Ok(vec![]));
        let error = judge(&summary, "attack.sda.advantages > 0.1").unwrap_err();
        assert!(error.to_string().contains("did you mean `attack.sda.advantage`?"), "{error}");
        let error = judge(&measured(&[0.0]), "attack.sda.advantage > 0.1").unwrap_err();
        assert!(error.to_string().contains("single replication"), "{error}");
        // Missing in one replication of a point, and then in all of them.
        let mut results = Results {
            rows: vec![
                row(0, 0, &[("b", 1.0)]),
                row(0, 1, &[("b", 1.0)]),
                row(1, 0, &[]),
                row(1, 1, &[("b", 1.0)]),
            ],
            ..Results::default()
        };
        let error = judge(&Summary::of(&results), "b > 1e9").unwrap_err();
        assert!(error.to_string().contains("`b` was measured in 1 of 2 replications of point 1"), "{error}");
        // Two that are left, with an interval of their own, do not make up for the third.
        results.rows.push(row(1, 2, &[("b", 1.0)]));
        let error = judge(&Summary::of(&results), "b > 1e9").unwrap_err();
        assert!(error.to_string().contains("2 of 3 replications of point 1"), "{error}");
        results.rows.pop();
        results.rows[3].measures.0.remove("b");
        let error = judge(&Summary::of(&results), "b > 1e9").unwrap_err();
        assert!(error.to_string().contains("`b` was not measured at point 1"), "{error}");
    }
}
