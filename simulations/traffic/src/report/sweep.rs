//! What a sweep varied: its axes, and how its points are told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::number::{clean, number};
use super::words::short;
use crate::results::Setting;
use crate::summary::{PointSummary, Summary};

/// The most characters of a key or a word from a plan that are shown in a plot.
const NAME_CHARACTERS_MAX: usize = 40;

/// A parameter that is not the same at all points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Its key in the plan.
    pub(super) key: String,
    /// Its values: numbers in their order, or words in theirs.
    pub(super) values: Values,
}

/// The values of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Numbers(Vec<f64>),
    Words(Vec<Word>),
}

/// A value that is a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// The whole of it, which tells points apart.
    whole: String,
    /// What is shown.
    label: String,
}

impl Axis {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Numbers(values) => values.len(),
            Values::Words(values) => values.len(),
        }
    }

    /// Where a point is on this axis: its number, or the place of its word, from 0.
    pub(super) fn position(&self, point: &PointSummary) -> Option<f64> {
        let setting = point.settings.get(&self.key)?;
        match &self.values {
            Values::Numbers(_) => match setting {
                Setting::Number(value) => value.is_finite().then_some(*value),
                Setting::Text(_) => None,
            },
            Values::Words(words) => {
                let whole = whole(setting);
                let found = (0_u32..).map(f64::from).zip(words).find(|(_, word)| word.whole == whole);
                found.map(|(place, _)| place)
            }
        }
    }

    /// The key as it is shown.
    pub(super) fn title(&self) -> String {
        clean(&self.key, NAME_CHARACTERS_MAX)
    }

    /// Which of the values a point has, from 0.
    pub(super) fn place(&self, point: &PointSummary) -> Option<usize> {
        let position = self.position(point)?;
        match &self.values {
            Values::Numbers(values) => values.iter().position(|value| value.total_cmp(&position).is_eq()),
            Values::Words(words) => {
                let whole = whole(point.settings.get(&self.key)?);
                words.iter().position(|word| word.whole == whole)
            }
        }
    }

    /// The values as they are shown.
    pub(super) fn labels(&self) -> Vec<String> {
        match &self.values {
            Values::Numbers(values) => values.iter().map(|value| number(*value)).collect(),
            Values::Words(words) => words.iter().map(|word| word.label.clone()).collect(),
        }
    }

    /// The value of a point as it is shown.
    pub(super) fn label(&self, point: &PointSummary) -> Option<String> {
        let setting = point.settings.get(&self.key)?;
        match &self.values {
            Values::Numbers(_) => Some(shown(setting)),
            Values::Words(words) => {
                let whole = whole(setting);
                words.iter().find(|word| word.whole == whole).map(|word| word.label.clone())
            }
        }
    }
}

/// A setting in full.
fn whole(setting: &Setting) -> String {
    match setting {
        Setting::Number(value) => value.to_string(),
        Setting::Text(text) => text.clone(),
    }
}

/// A setting as it is shown where there is room.
fn shown(setting: &Setting) -> String {
    match setting {
        Setting::Number(value) => number(*value),
        Setting::Text(text) => text.clone(),
    }
}

/// The axes of a sweep, by their keys. A key that is a number at some points and a word at others has words.
pub(super) fn axes(summary: &Summary) -> Vec<Axis> {
    let keys: BTreeSet<&String> = summary.points.iter().flat_map(|point| point.settings.keys()).collect();
    keys.into_iter().filter_map(|key| axis(summary, key)).filter(|axis| axis.len() > 1).collect()
}

fn axis(summary: &Summary, key: &str) -> Option<Axis> {
    let settings: Vec<&Setting> = summary.points.iter().filter_map(|point| point.settings.get(key)).collect();
    let numbers: Option<Vec<f64>> = settings
        .iter()
        .map(|setting| match setting {
            Setting::Number(value) => value.is_finite().then_some(*value),
            Setting::Text(_) => None,
        })
        .collect();
    let values = if let Some(mut numbers) = numbers {
        numbers.sort_by(f64::total_cmp);
        numbers.dedup_by(|a, b| a.total_cmp(b).is_eq());
        Values::Numbers(numbers)
    } else {
        let words: BTreeMap<String, String> =
            settings.into_iter().map(|setting| (whole(setting), shown(setting))).collect();
        let shown: Vec<&str> = words.values().map(String::as_str).collect();
        let labels = short(&shown, NAME_CHARACTERS_MAX);
        let words = words.keys().cloned().zip(labels).map(|(whole, label)| Word { whole, label });
        Values::Words(words.collect())
    };
    Some(Axis { key: key.to_owned(), values }).filter(|axis| axis.len() > 0)
}

/// How a point is called: by what the sweep set, or `the point` if it set nothing.
pub(super) fn point_name(point: &PointSummary, axes: &[Axis]) -> String {
    let settings: Vec<String> =
        axes.iter().filter_map(|axis| Some(format!("{} = {}", axis.title(), axis.label(point)?))).collect();
    if settings.is_empty() {
        format!("point {}", point.point)
    } else {
        format!("point {} ({})", point.point, settings.join(", "))
    }
}

/// The keys of which [`point_label`] has the values.
pub(super) fn label_keys(axes: &[Axis]) -> String {
    let keys: Vec<String> = axes.iter().map(Axis::title).collect();
    if keys.len() > 2 { String::new() } else { keys.join(", ") }
}

/// The same in short, for plots: the values alone if they are few.
pub(super) fn point_label(point: &PointSummary, axes: &[Axis]) -> String {
    let values: Vec<String> = axes.iter().filter_map(|axis| axis.label(point)).collect();
    let label = values.join(", ");
    if label.is_empty() || axes.len() > 2 || label.chars().count() > 22 {
        format!("point {}", point.point)
    } else {
        label
    }
}
