//! What each point costs in bytes, up and down.

use super::super::canvas::{Anchor, BLUE, Canvas, GRID, INK, MUTED, SKY};
use super::super::figure::sheet;
use super::super::findings::Study;
use super::super::number::number;
use super::super::scale::Scale;
use super::super::svg::{Plot, WIDTH};
use super::super::sweep::{label_keys, point_label};
use super::evenly;
use crate::summary::PointSummary;

/// Up and down.
const MEASURES: [(&str, &str); 2] =
    [("traffic.up_bytes_per_user_day", "up"), ("traffic.down_bytes_per_user_day", "down")];
/// The most points that have bars.
const POINTS_MAX: usize = 16;
const STEP: f64 = 34.0;
const TOP: f64 = 44.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = WIDTH - 110.0;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let has = |point: &&PointSummary| MEASURES.iter().any(|(measure, _)| point.mean(measure).is_some());
    let all: Vec<&PointSummary> = study.summary.points.iter().filter(has).collect();
    let points = evenly(&all, POINTS_MAX);
    let lines = u32::try_from(points.len()).ok().filter(|lines| *lines > 0)?;
    let values = || {
        let of = |point: &&PointSummary| MEASURES.map(|(measure, _)| point.mean(measure));
        points.iter().flat_map(of).flatten()
    };
    // Bars have lengths: their axis begins at 0.
    let high = values().fold(0.0, f64::max);
    let scale = Scale::Linear(0.0, if high > 0.0 { high * 1.05 } else { 1.0 });
    let bottom = TOP + f64::from(lines) * STEP;
    let x = |value: f64| LEFT + (RIGHT - LEFT) * scale.place(value);
    let cut = if all.len() > points.len() {
        format!(" ({} of {} points)", points.len(), all.len())
    } else {
        String::new()
    };
    let description =
        "Bars: bytes that a user sends (up) and receives (down) in a day, mean over replications.";
    Some(sheet("bandwidth", &format!("Bandwidth{cut}"), description, bottom + 30.0, |canvas| {
        canvas.heading("Bytes per user and day", (8.0, 14.0), 12.5);
        canvas.text(&label_keys(&study.axes), (8.0, 31.0), Anchor::Left, MUTED, 11.0);
        for (value, label) in scale.ticks() {
            canvas.line((x(value), TOP), (x(value), bottom), GRID, 1.0);
            canvas.text(&label, (x(value), bottom + 12.0), Anchor::Center, MUTED, 11.0);
        }
        for (line, point) in (0_u32..).map(f64::from).zip(&points) {
            let y = TOP + line * STEP;
            let label = point_label(point, &study.axes);
            canvas.text(&label, (LEFT - 12.0, y + STEP / 2.0), Anchor::Right, INK, 11.0);
            bars(canvas, point, y + 4.0, &x);
        }
    }))
}

fn bars(canvas: &mut Canvas<'_>, point: &PointSummary, top: f64, x: &impl Fn(f64) -> f64) {
    for ((place, (measure, label)), color) in (0_u32..).map(f64::from).zip(MEASURES).zip([BLUE, SKY]) {
        let Some(mean) = point.mean(measure) else { continue };
        let y = top + place * 13.0;
        canvas.rectangle((x(0.0), y), (x(mean), y + 11.0), color);
        let text = format!("{} {label}", number(mean));
        canvas.text(&text, (x(mean) + 6.0, y + 5.5), Anchor::Left, INK, 10.0);
    }
}
