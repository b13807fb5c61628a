//! How many messages have come after how long: the distribution of latencies.

use super::super::canvas::SERIES;
use super::super::figure::figure;
use super::super::findings::Study;
use super::super::naming::quantile_of;
use super::super::panel::{Dot, Panel, Series};
use super::super::scale::Scale;
use super::super::svg::Plot;
use super::super::sweep::{label_keys, point_label};
use super::evenly;
use crate::summary::PointSummary;

/// Fewer quantiles than this are no curve.
const QUANTILES_MIN: usize = 3;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let points: Vec<(&PointSummary, Vec<Dot>)> = study
        .summary
        .points
        .iter()
        .map(|point| (point, curve(point)))
        .filter(|(_, dots)| dots.len() >= QUANTILES_MIN)
        .collect();
    let shown = evenly(&points, SERIES.len());
    let alone = shown.len() == 1;
    let series = shown.into_iter().zip(SERIES).map(|((point, dots), color)| Series {
        label: if alone { String::new() } else { point_label(point, &study.axes) },
        color,
        mark: None,
        joined: true,
        dots,
    });
    let mut panel = Panel::new("Share of messages received".into(), "Latency (ms)".into(), series.collect());
    panel.y = Some(Scale::Linear(0.0, 1.0));
    panel.subtitle = label_keys(&study.axes);
    panel.listed = true;
    if panel.series.is_empty() {
        return None;
    }
    let mut title = "Latency from written to received".to_owned();
    if points.len() > panel.series.len() {
        title.push_str(&format!(" ({} of {} points)", panel.series.len(), points.len()));
    }
    let description = "Curves through the means over replications of the quantiles of latency, 5 % to 99 %.";
    figure("latency", &title, description, &[panel])
}

/// The means of the quantiles, as places: latency to the right, share upwards.
fn curve(point: &PointSummary) -> Vec<Dot> {
    let mut dots: Vec<Dot> = point
        .measures
        .iter()
        .filter_map(|(measure, statistic)| {
            Some(Dot { x: statistic.mean, y: quantile_of(measure)?, interval: None })
        })
        .collect();
    dots.sort_by(|a, b| a.y.total_cmp(&b.y));
    dots
}
