//! A sheet to draw on: plotters' SVG backend with coordinates in CSS pixels, and the colours of all plots.

use plotters::prelude::{Color, DrawingBackend, IntoFont, RGBColor, SVGBackend, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle};

use super::number::clean;

/// The backend draws at whole units; this many of them are a CSS pixel.
pub(super) const UNITS_PER_PIXEL: f64 = 4.0;
/// Plotters' SVG backend divides sizes of fonts by this.
const FONT_FACTOR: f64 = 1.24;
/// The most characters of a text in a plot.
const TEXT_CHARACTERS_MAX: usize = 120;

/// Text and lines that matter.
pub(super) const INK: RGBColor = RGBColor(0x1B, 0x1F, 0x24);
/// What stands back: ticks, notes.
pub(super) const MUTED: RGBColor = RGBColor(0x56, 0x60, 0x6A);
/// Lines of a grid.
pub(super) const GRID: RGBColor = RGBColor(0xDD, 0xE1, 0xE5);
/// Areas behind the data.
pub(super) const BAND: RGBColor = RGBColor(0xEA, 0xEF, 0xF4);
/// What is wrong or worst.
pub(super) const WARNING: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// The first colour of series.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);

/// A light blue, beside the other.
pub(super) const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);

/// Colours that differ for all common kinds of colour vision (Okabe, Ito 2008), without yellow, which pales on white.
pub(super) const SERIES: [RGBColor; 6] =
    [BLUE, WARNING, RGBColor(0x00, 0x9E, 0x73), RGBColor(0xCC, 0x79, 0xA7), RGBColor(0xE6, 0x9F, 0x00), SKY];

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Center,
    Right,
}

/// The mark of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Ring,
    Square,
    Triangle,
    Diamond,
}

impl Mark {
    /// The mark of the nth series, so that series differ without colours, too.
    pub(super) fn nth(n: usize) -> Self {
        [Self::Disc, Self::Square, Self::Triangle, Self::Diamond, Self::Ring]
            .into_iter()
            .cycle()
            .nth(n)
            .unwrap_or(Self::Disc)
    }
}

/// A sheet. Drawing into a string cannot fail, so that the backend's results are let go.
pub(super) struct Canvas<'a>(SVGBackend<'a>);

impl<'a> Canvas<'a> {
    /// A sheet of this many CSS pixels; the drawing is in `buffer` when the sheet is dropped.
    pub(super) fn new(buffer: &'a mut String, width: f64, height: f64) -> Self {
        Self(SVGBackend::with_string(buffer, (units(width).unsigned_abs(), units(height).unsigned_abs())))
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor, width: f64) {
        let _ = self.0.draw_line(at(from), at(to), &stroke(color, width));
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], color: RGBColor, width: f64) {
        if points.len() > 1 {
            let _ = self.0.draw_path(points.iter().copied().map(at), &stroke(color, width));
        }
    }

    pub(super) fn rectangle(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor) {
        let _ = self.0.draw_rect(at(from), at(to), &color.filled(), true);
    }

    pub(super) fn mark(&mut self, (x, y): (f64, f64), mark: Mark, color: RGBColor) {
        let r = 3.0;
        let mut polygon = |corners: &[(f64, f64)]| {
            let corners: Vec<_> = corners.iter().map(|(dx, dy)| at((x + dx * r, y + dy * r))).collect();
            let _ = self.0.fill_polygon(corners, &color.filled());
        };
        match mark {
            Mark::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Mark::Triangle => polygon(&[(0.0, -1.2), (1.1, 0.9), (-1.1, 0.9)]),
            Mark::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            Mark::Disc => {
                let _ = self.0.draw_circle(at((x, y)), units(r).unsigned_abs(), &color.filled(), true);
            }
            Mark::Ring => {
                let _ = self.0.draw_circle(at((x, y)), units(r).unsigned_abs(), &stroke(color, 1.5), false);
            }
        }
    }

    /// A line of text; its middle is at `y`.
    pub(super) fn text(&mut self, text: &str, at: (f64, f64), anchor: Anchor, color: RGBColor, size: f64) {
        self.write(text, at, anchor, (color, size, FontStyle::Normal));
    }

    /// The same in bold.
    pub(super) fn heading(&mut self, text: &str, at: (f64, f64), size: f64) {
        self.write(text, at, Anchor::Left, (INK, size, FontStyle::Bold));
    }

    fn write(
        &mut self,
        text: &str,
        place: (f64, f64),
        anchor: Anchor,
        (color, size, style): (RGBColor, f64, FontStyle),
    ) {
        if text.is_empty() {
            return;
        }
        let h_pos = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Center => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font =
            ("sans-serif", size * UNITS_PER_PIXEL * FONT_FACTOR).into_font().style(style).color(&color);
        let style: TextStyle<'_> = font.pos(Pos::new(h_pos, VPos::Center));
        let _ = self.0.draw_text(&clean(text, TEXT_CHARACTERS_MAX), &style, at(place));
    }
}

impl Drop for Canvas<'_> {
    fn drop(&mut self) {
        let _ = self.0.present();
    }
}

fn stroke(color: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: units(width).unsigned_abs() }
}

fn at((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and a sheet is small")]
fn units(pixels: f64) -> i32 {
    (pixels * UNITS_PER_PIXEL).round() as i32
}
