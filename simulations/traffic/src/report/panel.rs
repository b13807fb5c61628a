//! One frame with axes, and series in it.

use plotters::prelude::RGBColor;

use super::canvas::{Anchor, Canvas, GRID, INK, MUTED, Mark};
use super::scale::Scale;
use crate::summary::{Interval, Statistic};

/// Sizes of fonts, in CSS pixels.
const TITLE_SIZE: f64 = 12.5;
const LABEL_SIZE: f64 = 11.0;
/// How far labels of series are apart at least.
const LABEL_STEP: f64 = 13.0;
/// Room around the frame: left for ticks, above for the title, below for ticks and the axis.
const LEFT: f64 = 52.0;
const ABOVE: f64 = 30.0;
const BELOW: f64 = 40.0;

/// A value at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<Interval>,
}

impl Dot {
    /// The mean of replications, with its interval.
    pub(super) const fn of(x: f64, statistic: &Statistic) -> Self {
        Self { x, y: statistic.mean, interval: statistic.interval }
    }
}

/// Dots that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// What is written beside it; empty for none.
    pub(super) label: String,
    pub(super) color: RGBColor,
    /// No mark: a line alone.
    pub(super) mark: Option<Mark>,
    pub(super) joined: bool,
    /// In the order in which they are joined.
    pub(super) dots: Vec<Dot>,
}

/// A frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    /// What is upwards, with its unit.
    pub(super) title: String,
    /// How to read it, below the title; empty for nothing.
    pub(super) subtitle: String,
    /// What is to the right, with its unit.
    pub(super) x_title: String,
    /// `None`: from the dots.
    pub(super) x: Option<Scale>,
    /// `None`: from the dots and their intervals.
    pub(super) y: Option<Scale>,
    pub(super) series: Vec<Series>,
    /// Whether the labels of series are a list with their colours, for lines that do not end at the right.
    pub(super) listed: bool,
    /// Texts at places.
    pub(super) notes: Vec<(f64, f64, String)>,
}

/// Where the frame is on the sheet, and how values come to places in it.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * self.y.place(value)
    }

    fn place(&self, dot: &Dot) -> (f64, f64) {
        (self.x(dot.x), self.y(dot.y))
    }
}

impl Panel {
    /// A frame around series.
    pub(super) fn new(title: String, x_title: String, series: Vec<Series>) -> Self {
        Self {
            title,
            subtitle: String::new(),
            x_title,
            x: None,
            y: None,
            series,
            listed: false,
            notes: Vec::new(),
        }
    }

    /// Draws into the rectangle that begins at `origin`. Nothing is drawn if there is no value.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, origin: (f64, f64), size: (f64, f64)) {
        let dots = || self.series.iter().flat_map(|series| &series.dots);
        let ends = |dot: &Dot| {
            let interval = dot.interval.unwrap_or(Interval { low: dot.y, high: dot.y });
            [dot.y, interval.low, interval.high]
        };
        let x = self.x.clone().or_else(|| Scale::of(dots().map(|dot| dot.x)));
        // An interval that reaches below zero must not take the logarithmic axis from values that are all above.
        let means = || Scale::of(dots().map(|dot| dot.y)).filter(|scale| matches!(scale, Scale::Log(..)));
        let y = self.y.clone().or_else(means).or_else(|| Scale::of(dots().flat_map(ends)));
        let (Some(x), Some(y)) = (x, y) else { return };
        let labels = self.series.iter().map(|series| series.label.chars().count()).max().unwrap_or(0);
        let room =
            u32::try_from(labels.min(24)).map_or(0.0, f64::from) * 6.2 + if self.listed { 16.0 } else { 0.0 };
        let frame = Frame {
            left: origin.0 + LEFT,
            right: origin.0 + size.0 - 14.0 - room,
            top: origin.1 + ABOVE + if self.subtitle.is_empty() { 0.0 } else { 16.0 },
            bottom: origin.1 + size.1 - BELOW,
            x,
            y,
        };
        self.axes(canvas, &frame, origin, size);
        for series in &self.series {
            series.draw(canvas, &frame);
        }
        self.notes(canvas, &frame);
        if self.listed {
            self.list(canvas, &frame);
        } else {
            self.labels(canvas, &frame);
        }
    }

    fn axes(&self, canvas: &mut Canvas<'_>, frame: &Frame, origin: (f64, f64), size: (f64, f64)) {
        for (value, label) in frame.y.ticks() {
            let y = frame.y(value);
            canvas.line((frame.left, y), (frame.right, y), GRID, 1.0);
            canvas.text(&label, (frame.left - 6.0, y), Anchor::Right, MUTED, LABEL_SIZE);
        }
        // Labels that would run into each other are left out.
        let mut free_from = f64::NEG_INFINITY;
        for (value, label) in frame.x.ticks() {
            let x = frame.x(value);
            canvas.line((x, frame.bottom), (x, frame.bottom + 4.0), MUTED, 1.0);
            let half = u32::try_from(label.chars().count()).map_or(0.0, f64::from) * 3.2;
            if x - half >= free_from {
                canvas.text(&label, (x, frame.bottom + 12.0), Anchor::Center, MUTED, LABEL_SIZE);
                free_from = x + half + 4.0;
            }
        }
        canvas.line((frame.left, frame.bottom), (frame.right, frame.bottom), MUTED, 1.0);
        let logarithmic = |scale: &Scale| if matches!(scale, Scale::Log(..)) { ", logarithmic" } else { "" };
        let title = format!("{}{}", self.title, logarithmic(&frame.y));
        canvas.heading(&title, (origin.0 + 8.0, origin.1 + 14.0), TITLE_SIZE);
        canvas.text(&self.subtitle, (origin.0 + 8.0, origin.1 + 31.0), Anchor::Left, MUTED, LABEL_SIZE);
        let middle = f64::midpoint(frame.left, frame.right);
        let x_title = format!("{}{}", self.x_title, logarithmic(&frame.x));
        canvas.text(&x_title, (middle, origin.1 + size.1 - 10.0), Anchor::Center, INK, LABEL_SIZE);
    }

    /// Writes notes beside their places, inwards; one that would cover an earlier one is left out.
    fn notes(&self, canvas: &mut Canvas<'_>, frame: &Frame) {
        let mut taken: Vec<(f64, f64)> = Vec::new();
        for (x, y, note) in &self.notes {
            let (x, y) = (frame.x(*x), frame.y(*y));
            let outwards = x > frame.left + 0.7 * (frame.right - frame.left);
            let (anchor, dx) = if outwards { (Anchor::Right, -6.0) } else { (Anchor::Left, 6.0) };
            let up = if y - frame.top < LABEL_STEP { LABEL_STEP } else { -9.0 };
            let place = (x + dx, y + up);
            if taken
                .iter()
                .all(|other| (place.1 - other.1).abs() > LABEL_STEP || (place.0 - other.0).abs() > 90.0)
            {
                canvas.text(note, place, anchor, INK, LABEL_SIZE);
                taken.push(place);
            }
        }
    }

    /// Writes the labels below each other, each beside its colour.
    fn list(&self, canvas: &mut Canvas<'_>, frame: &Frame) {
        let labelled = self.series.iter().filter(|series| !series.label.is_empty());
        for (series, line) in labelled.zip(0_u32..) {
            let y = frame.top + (f64::from(line) + 0.5) * (LABEL_STEP + 3.0);
            canvas.line((frame.right + 4.0, y), (frame.right + 18.0, y), series.color, 2.0);
            canvas.text(&series.label, (frame.right + 22.0, y), Anchor::Left, INK, LABEL_SIZE);
        }
    }

    /// Writes the label of each series beside its last dot, moved so that none covers another.
    fn labels(&self, canvas: &mut Canvas<'_>, frame: &Frame) {
        let mut labels: Vec<(f64, &Series)> = self
            .series
            .iter()
            .filter(|series| !series.label.is_empty())
            .filter_map(|series| Some((frame.place(series.dots.last()?).1, series)))
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free_from = frame.top - LABEL_STEP;
        for (y, _) in &mut labels {
            *y = y.max(free_from);
            free_from = *y + LABEL_STEP;
        }
        let mut free_to = frame.bottom + LABEL_STEP;
        for (y, _) in labels.iter_mut().rev() {
            *y = y.min(free_to);
            free_to = *y - LABEL_STEP;
        }
        for (y, series) in labels {
            let Some(end) = series.dots.last().map(|dot| frame.place(dot)) else { continue };
            let from = (end.0.max(frame.right) + 2.0, y);
            canvas.line(end, (from.0, from.1), series.color, 0.5);
            canvas.text(&series.label, (from.0 + 4.0, y), Anchor::Left, INK, LABEL_SIZE);
        }
    }
}

impl Series {
    fn draw(&self, canvas: &mut Canvas<'_>, frame: &Frame) {
        if self.joined {
            let points: Vec<_> = self.dots.iter().map(|dot| frame.place(dot)).collect();
            canvas.path(&points, self.color, 1.75);
        }
        for dot in &self.dots {
            let place = frame.place(dot);
            if let Some(interval) = dot.interval {
                let (low, high) = (frame.y(interval.low), frame.y(interval.high));
                canvas.line((place.0, low), (place.0, high), self.color, 1.0);
                for end in [low, high] {
                    canvas.line((place.0 - 3.0, end), (place.0 + 3.0, end), self.color, 1.0);
                }
            }
            if let Some(mark) = self.mark {
                canvas.mark(place, mark, self.color);
            }
        }
    }
}
