//! Two axes of a sweep at once: a map for each of the measures that matter most.

use plotters::prelude::RGBColor;

use super::super::canvas::{Anchor, Canvas, INK, MUTED};
use super::super::figure::sheet;
use super::super::findings::Study;
use super::super::naming::title;
use super::super::number::number;
use super::super::svg::{Plot, WIDTH};
use super::super::sweep::Axis;
use crate::summary::PointSummary;

/// Which measures have maps, if they were measured.
const MEASURES: [&str; 6] = [
    "worst.advantage",
    "entropy_bits.shannon",
    "latency_ms.q50",
    "latency_ms.q95",
    "traffic.up_bytes_per_user_day",
    "traffic.down_bytes_per_user_day",
];
/// From dark to light, even to the eye and the same for all common kinds of colour vision (cividis; Nuñez, Anderton,
/// Renslow 2018).
const COLORS: [(f64, f64, f64); 5] = [
    (0.0, 32.0, 77.0),
    (66.0, 78.0, 108.0),
    (124.0, 123.0, 120.0),
    (187.0, 174.0, 109.0),
    (255.0, 234.0, 70.0),
];
/// Maps with more cells than this on a side have no numbers in them.
const NUMBERS_SIDE_MAX: usize = 8;
/// Maps with more cells than this on a side are not drawn.
const SIDE_MAX: usize = 64;
/// The height of a map with its words.
const HEIGHT: f64 = 290.0;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let [x, y] = study.axes.as_slice() else { return None };
    let sides = 2..=SIDE_MAX;
    // Settings that change together fill a diagonal: that is no map.
    let mostly_filled = study.summary.points.len() * 2 > x.len().saturating_mul(y.len());
    if !sides.contains(&x.len()) || !sides.contains(&y.len()) || !mostly_filled {
        return None;
    }
    let measures: Vec<&str> = MEASURES
        .into_iter()
        .filter(|measure| study.summary.points.iter().any(|point| point.mean(measure).is_some()))
        .collect();
    let rows = u32::try_from(measures.len().div_ceil(2)).ok().filter(|rows| *rows > 0)?;
    let places =
        (0_u32..).map(|number| (f64::from(number % 2) * WIDTH / 2.0, f64::from(number / 2) * HEIGHT));
    Some(sheet(
        "heat",
        &format!("{} and {}", x.title(), y.title()),
        &format!(
            "Means of {} for each pair of values; the lighter a cell, the larger. The numbers are in the tables.",
            measures.iter().map(|measure| title(measure)).collect::<Vec<_>>().join("; ")
        ),
        f64::from(rows) * HEIGHT,
        |canvas| {
            for (measure, origin) in measures.iter().zip(places) {
                map(canvas, study, (x, y), measure, origin);
            }
        },
    ))
}

fn map(
    canvas: &mut Canvas<'_>,
    study: &Study<'_>,
    (x, y): (&Axis, &Axis),
    measure: &str,
    origin: (f64, f64),
) {
    let (left, top) = (origin.0 + 64.0, origin.1 + 60.0);
    let (right, bottom) = (origin.0 + WIDTH / 2.0 - 14.0, origin.1 + HEIGHT - 44.0);
    let side = |axis: &Axis| u32::try_from(axis.len()).map_or(1.0, f64::from);
    let (width, height) = ((right - left) / side(x), (bottom - top) / side(y));
    let cells: Vec<(f64, f64, f64)> = study
        .summary
        .points
        .iter()
        .filter_map(|point| Some((place(x, point)?, place(y, point)?, point.mean(measure)?)))
        .collect();
    let low = cells.iter().map(|cell| cell.2).fold(f64::INFINITY, f64::min);
    let high = cells.iter().map(|cell| cell.2).fold(f64::NEG_INFINITY, f64::max);
    canvas.heading(&title(measure), (origin.0 + 8.0, origin.1 + 14.0), 12.5);
    let range = format!("from {} (dark) to {} (light)", number(low), number(high));
    canvas.text(&range, (origin.0 + 8.0, origin.1 + 31.0), Anchor::Left, MUTED, 11.0);
    canvas.text(&format!("up: {}", y.title()), (origin.0 + 8.0, origin.1 + 46.0), Anchor::Left, INK, 11.0);
    let numbers = x.len() <= NUMBERS_SIDE_MAX && y.len() <= NUMBERS_SIDE_MAX;
    for (column, row, value) in cells {
        let part = if high > low { (value - low) / (high - low) } else { 0.5 };
        let corner = (left + column * width, bottom - (row + 1.0) * height);
        canvas.rectangle(corner, (corner.0 + width - 1.0, corner.1 + height - 1.0), color(part));
        if numbers {
            let ink = if part > 0.55 { RGBColor(0, 0, 0) } else { RGBColor(255, 255, 255) };
            let middle = (corner.0 + width / 2.0, corner.1 + height / 2.0);
            canvas.text(&number(value), middle, Anchor::Center, ink, (width / 5.0).clamp(6.0, 11.0));
        }
    }
    for (place, label) in thinned(x) {
        canvas.text(&label, (left + (place + 0.5) * width, bottom + 12.0), Anchor::Center, MUTED, 11.0);
    }
    for (place, label) in thinned(y) {
        canvas.text(&label, (left - 6.0, bottom - (place + 0.5) * height), Anchor::Right, MUTED, 11.0);
    }
    canvas.text(&x.title(), (f64::midpoint(left, right), bottom + 30.0), Anchor::Center, INK, 11.0);
}

fn place(axis: &Axis, point: &PointSummary) -> Option<f64> {
    u32::try_from(axis.place(point)?).ok().map(f64::from)
}

/// So many labels as have room.
fn thinned(axis: &Axis) -> impl Iterator<Item = (f64, String)> {
    let every = axis.len().div_ceil(NUMBERS_SIDE_MAX).max(1);
    (0_u32..).map(f64::from).zip(axis.labels()).step_by(every)
}

fn color(part: f64) -> RGBColor {
    let place = part.clamp(0.0, 1.0) * 4.0;
    let mix = |channel: fn(&(f64, f64, f64)) -> f64| {
        let mut value = COLORS.first().map_or(0.0, channel);
        for ((from, to), number) in COLORS.iter().zip(COLORS.iter().skip(1)).zip(0_u32..) {
            let share = (place - f64::from(number)).clamp(0.0, 1.0);
            value += share * (channel(to) - channel(from));
        }
        byte(value)
    };
    RGBColor(mix(|color| color.0), mix(|color| color.1), mix(|color| color.2))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn byte(value: f64) -> u8 {
    value.round() as u8
}
