//! All plots of a plan, in the order of the report.

mod bandwidth;
mod closed_forms;
mod heat;
mod latency;
mod over_axis;
mod pareto;
mod scoreboard;

use super::findings::Study;
use super::svg::Plot;
use crate::results::Results;

/// The most axes of a sweep that have plots of their own.
const AXES_MAX: usize = 8;

/// Draws everything that the rows have numbers for: a plan without attacks has no scoreboard, one without a sweep nothing
/// over an axis. At most some dozens of pictures, whatever the size of the sweep.
#[must_use]
pub fn plots(results: &Results) -> Vec<Plot> {
    of_study(&Study::of(results))
}

pub(super) fn of_study(study: &Study<'_>) -> Vec<Plot> {
    let mut plots = Vec::new();
    plots.extend(scoreboard::plot(study));
    plots.extend(pareto::plot(study));
    plots.extend(closed_forms::plot(study));
    plots.extend(latency::plot(study));
    plots.extend(bandwidth::plot(study));
    for (number, axis) in study.axes.iter().enumerate().take(AXES_MAX) {
        plots.extend(over_axis::plots(study, number, axis));
    }
    plots.extend(heat::plot(study));
    plots
}

/// So many of a list as are allowed, evenly from the first to the last.
fn evenly<T: Clone>(list: &[T], most: usize) -> Vec<T> {
    if list.len() <= most {
        return list.to_vec();
    }
    let last = most.saturating_sub(1).max(1);
    (0..most).filter_map(|number| list.get(number * (list.len() - 1) / last).cloned()).collect()
}

/// A name for files: small letters, digits and hyphens.
fn slug(text: &str) -> String {
    let letters: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    letters.trim_matches('-').to_owned()
}

#[cfg(test)]
pub(in crate::report) use pareto::front;
