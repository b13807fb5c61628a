//! What the replications of each point say together: means with intervals, and whether they cross a bound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::interval::student_t;
use crate::plan::{Bound, nearest};
use crate::results::{Results, Row, Setting};

/// How likely the interval is to hold the true mean.
const CONFIDENCE: f64 = 0.95;

/// A mean over replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// How many replications measured it.
    pub n: u32,
    /// The mean.
    pub mean: f64,
    /// The lower end of the 95 per cent interval by Student's t; none of a single replication.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A point's means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// The point.
    pub point: u32,
    /// What the sweep set.
    pub settings: BTreeMap<String, Setting>,
    /// What was run.
    pub config_hash: String,
    /// The means, by measure.
    pub measures: BTreeMap<String, Interval>,
}

/// All means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The plan's name.
    pub name: String,
    /// Its question.
    pub question: String,
    /// By point.
    pub points: Vec<PointSummary>,
}

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
    pub interval: Interval,
}

impl std::fmt::Display for Crossing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Interval { n, mean, low, high } = self.interval;
        let (low, high) = (low.unwrap_or(mean), high.unwrap_or(mean));
        write!(f, "{} at point {}", self.bound, self.point)?;
        for (key, setting) in &self.settings {
            write!(f, ", {key} = {}", super::text(setting))?;
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

impl Summary {
    /// Of rows in the order of points and replications.
    #[must_use]
    pub fn of(results: &Results) -> Self {
        let points = results
            .rows
            .chunk_by(|left, right| left.point == right.point)
            .filter_map(PointSummary::of)
            .collect();
        Self { name: results.name.clone(), question: results.question.clone(), points }
    }

    /// The bounds that are crossed, at any point: where the whole interval of the mean lies beyond, so that a change for the
    /// worse is noticed and chance is not.
    ///
    /// # Errors
    /// A bound on what was not measured at every point, or measured only once: neither is a pass.
    pub fn crossings(&self, bounds: &[Bound]) -> Result<Vec<Crossing>, UnknownMeasure> {
        let mut crossings = Vec::new();
        for bound in bounds {
            for point in &self.points {
                let interval = point.measures.get(&bound.measure).ok_or_else(|| UnknownMeasure {
                    bound: bound.to_string(),
                    what: self.unmeasured(bound, point),
                })?;
                let (Some(low), Some(high)) = (interval.low, interval.high) else {
                    let what = format!(
                        "point {} has a single replication; set replications to 2 or more",
                        point.point
                    );
                    return Err(UnknownMeasure { bound: bound.to_string(), what });
                };
                if bound.is_crossed(low, high) {
                    crossings.push(Crossing {
                        bound: bound.clone(),
                        point: point.point,
                        settings: point.settings.clone(),
                        interval: *interval,
                    });
                }
            }
        }
        Ok(crossings)
    }

    fn unmeasured(&self, bound: &Bound, point: &PointSummary) -> String {
        let elsewhere = self.points.iter().any(|other| other.measures.contains_key(&bound.measure));
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
}

impl PointSummary {
    fn of(rows: &[Row]) -> Option<Self> {
        let first = rows.first()?;
        let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, value) in rows.iter().flat_map(|row| &row.measures.0) {
            values.entry(name).or_default().push(*value);
        }
        let measures =
            values.into_iter().map(|(name, values)| (name.to_owned(), interval(&values))).collect();
        Some(Self {
            point: first.point,
            settings: first.settings.clone(),
            config_hash: first.config_hash.clone(),
            measures,
        })
    }
}

/// The mean and its interval.
#[expect(clippy::cast_precision_loss, reason = "replications are far fewer than 2^52")]
fn interval(values: &[f64]) -> Interval {
    let n = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let around = student_t(values, CONFIDENCE);
    Interval {
        n,
        mean: values.iter().sum::<f64>() / values.len() as f64,
        low: around.map(|around| around.low),
        high: around.map(|around| around.high),
    }
}
