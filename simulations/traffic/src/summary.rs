//! Replications put together: one statistic for each point and measure.
//!
//! Not here: pictures of them ([`crate::report`]), and whether they cross a bound ([`crate::plan`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::metrics::interval::{mean_and_error, student_quantile};
use crate::results::{Results, Setting};

/// The level of the intervals.
const CONFIDENCE: f64 = 0.95;

/// Where the mean is, with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What the replications of a point say about a measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// How many replications measured it.
    pub n: u32,
    /// The arithmetic mean.
    pub mean: f64,
    /// Student's 95 % interval of the mean over replications, within what the measure can be; `None` with a single one.
    pub interval: Option<Interval>,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// A point of the sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    /// Its number, from 0.
    pub point: u32,
    /// How many rows it has.
    pub replications: u32,
    /// What the sweep set.
    pub settings: BTreeMap<String, Setting>,
    /// The hashes of its configurations: one, unless the rows come from different plans.
    pub config_hashes: BTreeSet<String>,
    /// The statistics by the names of the measures. A measure that no row has is missing.
    pub measures: BTreeMap<String, Statistic>,
}

impl PointSummary {
    /// The mean of a measure.
    #[must_use]
    pub fn mean(&self, measure: &str) -> Option<f64> {
        self.measures.get(measure).map(|statistic| statistic.mean)
    }
}

/// All points, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The plan's name.
    pub name: String,
    /// The question that it asks.
    pub question: String,
    /// The points.
    pub points: Vec<PointSummary>,
}

impl Summary {
    /// Puts the replications of each point together. Values that are not finite count as not measured.
    #[must_use]
    pub fn of(results: &Results) -> Self {
        let mut points: BTreeMap<u32, (PointSummary, BTreeMap<&str, Vec<f64>>)> = BTreeMap::new();
        for row in &results.rows {
            let (point, values) = points.entry(row.point).or_insert_with(|| {
                let point = PointSummary {
                    point: row.point,
                    replications: 0,
                    settings: row.settings.clone(),
                    config_hashes: BTreeSet::new(),
                    measures: BTreeMap::new(),
                };
                (point, BTreeMap::new())
            });
            point.replications = point.replications.saturating_add(1);
            if !point.config_hashes.contains(&row.config_hash) {
                point.config_hashes.insert(row.config_hash.clone());
            }
            for (name, value) in row.measures.0.iter().filter(|(_, value)| value.is_finite()) {
                values.entry(name.as_str()).or_default().push(*value);
            }
        }
        let mut quantiles = Quantiles::default();
        let points = points
            .into_values()
            .map(|(mut point, values)| {
                point.measures = values
                    .iter()
                    .filter_map(|(name, values)| {
                        Some(((*name).to_owned(), quantiles.statistic(values, range_of(name))?))
                    })
                    .collect();
                point
            })
            .collect();
        Self { name: results.name.clone(), question: results.question.clone(), points }
    }

    /// The names of all measures that any point has.
    #[must_use]
    pub fn measures(&self) -> BTreeSet<&str> {
        self.points.iter().flat_map(|point| point.measures.keys().map(String::as_str)).collect()
    }
}

/// What a measure can be, as far as its name tells: an interval beyond it would promise what cannot happen.
fn range_of(measure: &str) -> (f64, f64) {
    const SHARES: [&str; 8] = [
        "success",
        "success_low",
        "success_high",
        "baseline",
        "decoy_success",
        "top10",
        "disclosed",
        "calibration",
    ];
    let last = measure.rsplit('.').next().unwrap_or(measure);
    let is_of_attack = measure.starts_with("attack.");
    if last == "advantage" && (is_of_attack || measure == "worst.advantage") {
        (-1.0, 1.0)
    } else if (is_of_attack && SHARES.contains(&last))
        || ["ways.compromised", "unlinkability.excluded", "valid"].contains(&measure)
    {
        (0.0, 1.0)
    } else {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
}

/// Quantiles of Student's t by the number of replications, each computed once.
#[derive(Default)]
struct Quantiles(BTreeMap<u32, Option<f64>>);

impl Quantiles {
    fn of(&mut self, n: u32) -> Option<f64> {
        *self.0.entry(n).or_insert_with(|| student_quantile(n as usize, CONFIDENCE))
    }

    fn statistic(&mut self, values: &[f64], (least, most): (f64, f64)) -> Option<Statistic> {
        let n = u32::try_from(values.len()).ok().filter(|n| *n > 0)?;
        let count = f64::from(n);
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Rounding must not put the mean of equal values beside them.
        let mean = values.iter().map(|value| value / count).sum::<f64>().clamp(min, max);
        let interval = mean_and_error(values)
            .and_then(|(_, error)| Some(self.of(n)? * error))
            // Rows that somebody else wrote may be outside of the range: an interval holds its mean in any case.
            .map(|half| Interval {
                low: (mean - half).max(least).min(mean),
                high: (mean + half).min(most).max(mean),
            })
            .filter(|interval| interval.low.is_finite() && interval.high.is_finite());
        Some(Statistic { n, mean, interval, min, max })
    }
}
