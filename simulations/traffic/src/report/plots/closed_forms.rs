//! How far each closed form is from its measure, in tolerances: what is outside the band is not valid.

use super::super::canvas::{Anchor, BAND, BLUE, INK, MUTED, Mark, WARNING};
use super::super::figure::sheet;
use super::super::findings::Study;
use super::super::number::count;
use super::super::svg::{Plot, WIDTH};
use super::evenly;

/// The most closed forms that are shown, those outside first.
const FORMS_MAX: usize = 40;
/// The most rows that are shown for a form.
const ROWS_MAX: usize = 200;
/// Where the picture ends, in tolerances; what is beyond stands at the end.
const END: f64 = 2.5;
const STEP: f64 = 24.0;
const TOP: f64 = 40.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = WIDTH - 130.0;

pub(super) fn plot(study: &Study<'_>) -> Option<Plot> {
    let mut forms: Vec<(&str, &[f64])> =
        study.forms.iter().map(|(form, rows)| (form.as_str(), rows.as_slice())).collect();
    let outside = |rows: &[f64]| rows.iter().filter(|part| part.abs() > 1.0).count();
    forms.sort_by_key(|(form, rows)| (outside(rows) == 0, *form));
    forms.truncate(FORMS_MAX);
    let lines = u32::try_from(forms.len()).ok().filter(|lines| *lines > 0)?;
    let bottom = TOP + f64::from(lines) * STEP;
    let x = |part: f64| LEFT + (RIGHT - LEFT) * ((part.clamp(-END, END) + END) / (2.0 * END));
    let wrong = forms.iter().filter(|(_, rows)| outside(rows) > 0).count();
    let description = format!(
        "Measured minus expected, in tolerances, for each run; {} of {} outside. Inside the band a run is valid.",
        wrong,
        count(forms.len(), "closed form")
    );
    Some(sheet("closed-forms", "Closed forms beside simulation", &description, bottom + 52.0, |canvas| {
        canvas.heading("Measured minus expected, in tolerances", (8.0, 14.0), 12.5);
        canvas.rectangle((x(-1.0), TOP), (x(1.0), bottom), BAND);
        canvas.line((x(0.0), TOP), (x(0.0), bottom), MUTED, 1.0);
        for (part, label) in [(-2.0, "-2"), (-1.0, "-1"), (0.0, "0"), (1.0, "1"), (2.0, "2")] {
            canvas.text(label, (x(part), bottom + 12.0), Anchor::Center, MUTED, 11.0);
        }
        for (line, (form, rows)) in (0_u32..).zip(&forms) {
            let y = TOP + (f64::from(line) + 0.5) * STEP;
            canvas.text(form, (LEFT - 12.0, y), Anchor::Right, INK, 11.0);
            let (inside, outer): (Vec<f64>, Vec<f64>) = rows.iter().partition(|part| part.abs() <= 1.0);
            for part in evenly(&inside, ROWS_MAX) {
                canvas.line((x(part), y - 6.0), (x(part), y + 6.0), BLUE, 1.0);
            }
            for part in evenly(&outer, ROWS_MAX) {
                canvas.mark((x(part), y), Mark::Triangle, WARNING);
            }
            let verdict = match outer.len() {
                0 => "valid".to_owned(),
                n => format!("INVALID: {n} of {}", rows.len()),
            };
            canvas.text(&verdict, (RIGHT + 10.0, y), Anchor::Left, INK, 11.0);
        }
        let key = (LEFT, bottom + 36.0);
        canvas.text(
            "a line or a triangle for each run; the band is the tolerance",
            key,
            Anchor::Left,
            MUTED,
            11.0,
        );
    }))
}
