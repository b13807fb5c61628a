//! Several frames on one sheet, of equal size: small multiples.

use super::canvas::{Canvas, UNITS_PER_PIXEL};
use super::panel::Panel;
use super::svg::{Plot, WIDTH};

/// The most frames of a figure.
pub(super) const PANELS_MAX: usize = 12;

/// Puts frames on a sheet, two beside each other if there are several. `None` without a frame.
pub(super) fn figure(name: &str, title: &str, description: &str, panels: &[Panel]) -> Option<Plot> {
    let columns = if panels.len() == 1 { 1 } else { 2 };
    let panels: Vec<&Panel> = panels.iter().take(PANELS_MAX).collect();
    let (width, height) = if columns == 1 { (WIDTH, 360.0) } else { (WIDTH / 2.0, 240.0) };
    let rows = u32::try_from(panels.len().div_ceil(columns)).ok().filter(|rows| *rows > 0)?;
    Some(sheet(name, title, description, f64::from(rows) * height, |canvas| {
        let places = (0_u32..).map(f64::from).flat_map(|row| {
            (0_u32..2).take(columns).map(move |column| (f64::from(column) * width, row * height))
        });
        for (panel, origin) in panels.iter().zip(places) {
            panel.draw(canvas, origin, (width, height));
        }
    }))
}

/// A sheet of this height, drawn by a function.
pub(super) fn sheet(
    name: &str,
    title: &str,
    description: &str,
    height: f64,
    draw: impl FnOnce(&mut Canvas<'_>),
) -> Plot {
    let mut drawing = String::new();
    let mut canvas = Canvas::new(&mut drawing, WIDTH, height);
    draw(&mut canvas);
    drop(canvas);
    Plot::new(name.to_owned(), title, description, &drawing, height, UNITS_PER_PIXEL)
}
