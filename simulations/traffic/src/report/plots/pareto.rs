//! What anonymity costs in latency: every point, and the front of those that no other is better than in both.

use super::super::canvas::{BLUE, MUTED, Mark, WARNING};
use super::super::figure::figure;
use super::super::findings::Study;
use super::super::naming::title;
use super::super::panel::{Dot, Panel, Series};
use super::super::svg::Plot;
use super::super::sweep::{label_keys, point_label};
use super::evenly;
use crate::summary::PointSummary;

/// The most points that are shown beside those of the front.
const DOTS_MAX: usize = 400;
/// The most points of the front that have their settings written at them.
const NOTES_MAX: usize = 5;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let latency = study.first_measured(&["latency_ms.q50", "latency_ms.mean"])?;
    let panels: Vec<Panel> =
        [("entropy_bits.shannon", 1.0), ("anonymity_set", 1.0), ("worst.advantage", -1.0)]
            .into_iter()
            .filter_map(|(measure, good)| panel(study, latency, measure, good))
            .collect();
    figure(
        "pareto",
        "Latency and anonymity",
        "Each mark is a point of the sweep. The line joins the points that no other is better than in both: less latency, \
         and more entropy or less advantage.",
        &panels,
    )
}

/// A frame with all points and their front. `good` is 1 where more is better, -1 where less is.
fn panel(study: &Study<'_>, latency: &str, measure: &str, good: f64) -> Option<Panel> {
    let mut points: Vec<(f64, f64, &PointSummary)> = study
        .summary
        .points
        .iter()
        .filter_map(|point| Some((point.mean(latency)?, point.mean(measure)?, point)))
        .collect();
    if points.len() < 2 {
        return None;
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then((b.1 * good).total_cmp(&(a.1 * good))));
    let front = front(&points, good);
    let dots = |points: &[(f64, f64, &PointSummary)], most| -> Vec<Dot> {
        evenly(points, most).into_iter().map(|(x, y, _)| Dot { x, y, interval: None }).collect()
    };
    // A front of many points is a line already.
    let marked = front.len() <= 40;
    let all = Series {
        label: String::new(),
        color: MUTED,
        mark: Some(Mark::Ring),
        joined: false,
        dots: dots(&points, DOTS_MAX),
    };
    let best = Series {
        label: String::new(),
        color: if good > 0.0 { BLUE } else { WARNING },
        mark: marked.then_some(Mark::Disc),
        joined: true,
        dots: dots(&front, DOTS_MAX),
    };
    let mut panel = Panel::new(title(measure), title(latency), vec![all, best]);
    let keys = label_keys(&study.axes);
    panel.subtitle =
        if keys.is_empty() { "line: the front".into() } else { format!("line: the front, with {keys}") };
    panel.notes = evenly(&front, NOTES_MAX)
        .into_iter()
        .map(|(x, y, point)| (x, y, point_label(point, &study.axes)))
        .collect();
    Some(panel)
}

/// Of points by growing latency, those that are better than all before them.
pub(in crate::report) fn front<'a>(
    points: &[(f64, f64, &'a PointSummary)],
    good: f64,
) -> Vec<(f64, f64, &'a PointSummary)> {
    let mut best = f64::NEG_INFINITY;
    let mut front = Vec::new();
    for point in points {
        if point.1 * good > best {
            best = point.1 * good;
            front.push(*point);
        }
    }
    front
}
