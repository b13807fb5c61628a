//! The numbers as tables of HTML. A cell keeps its number in full in `data-value`, for sorting and for scripts.

use super::findings::{Study, attacks_at, with_interval};
use super::naming::{attack_title, title};
use super::number::{NOTHING, clean, count, escape, number};
use super::sweep::Axis;
use super::validity::{Deviation, closed_forms};
use crate::results::Setting;
use crate::summary::{PointSummary, Statistic};

/// The most rows of a table; the CSV has all.
pub(super) const ROWS_MAX: usize = 500;
/// The most settings that have columns of their own.
const SETTINGS_MAX: usize = 8;
/// The most characters of a name in a table.
const NAME_CHARACTERS_MAX: usize = 80;

/// The measures with columns in the table of points.
const OVERVIEW: [&str; 7] = [
    "worst.advantage",
    "entropy_bits.shannon",
    "anonymity_set",
    "latency_ms.q50",
    "latency_ms.q99",
    "traffic.up_bytes_per_user_day",
    "traffic.down_bytes_per_user_day",
];

/// A table that grows row by row up to its limit.
struct Table {
    html: String,
    rows: usize,
    left_out: usize,
}

impl Table {
    fn new(id: &str, caption: &str, columns: &[String]) -> Self {
        let mut html = format!("<table id=\"{id}\">\n<caption>{}</caption>\n<thead><tr>", escape(caption));
        for column in columns {
            html.push_str(&format!("<th scope=\"col\">{}</th>", escape(column)));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        Self { html, rows: 0, left_out: 0 }
    }

    /// A row of which the first cell is its header.
    fn row(&mut self, head: &str, cells: impl FnOnce() -> String) {
        if self.rows == ROWS_MAX {
            self.left_out += 1;
            return;
        }
        self.rows += 1;
        let head = escape(&clean(head, NAME_CHARACTERS_MAX));
        self.html.push_str(&format!("<tr><th scope=\"row\">{head}</th>{}</tr>\n", cells()));
    }

    fn end(mut self) -> String {
        if self.rows == 0 {
            return String::new();
        }
        self.html.push_str("</tbody>\n</table>\n");
        let note = if self.left_out > 0 {
            format!(
                "<p class=\"note\">{} more left out here: the CSV has all.</p>\n",
                count(self.left_out, "row")
            )
        } else {
            String::new()
        };
        format!("<div class=\"wide\">{}</div>\n{note}", self.html)
    }
}

fn text(value: &str) -> String {
    format!("<td>{}</td>", escape(&clean(value, NAME_CHARACTERS_MAX)))
}

fn value(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("<td class=\"n\" data-value=\"{value}\">{}</td>", number(value)),
        None => format!("<td class=\"n\">{NOTHING}</td>"),
    }
}

fn mean(statistic: Option<&Statistic>) -> String {
    noted(statistic, "")
}

/// The same with a note behind it.
fn noted(statistic: Option<&Statistic>, note: &str) -> String {
    match statistic {
        Some(statistic) => {
            format!(
                "<td class=\"n\" data-value=\"{}\">{}{note}</td>",
                statistic.mean,
                with_interval(statistic)
            )
        }
        None => value(None),
    }
}

fn setting(axis: &Axis, point: &PointSummary) -> String {
    match point.settings.get(&axis.key) {
        Some(Setting::Number(number)) => value(Some(*number)),
        Some(Setting::Text(_)) => text(&axis.label(point).unwrap_or_default()),
        None => value(None),
    }
}

fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// A row for each point: what was set, and the measures that matter most.
pub(super) fn points(study: &Study<'_>) -> String {
    let axes: Vec<_> = study.axes.iter().take(SETTINGS_MAX).collect();
    let measures: Vec<&str> =
        OVERVIEW.into_iter().filter(|measure| study.first_measured(&[measure]).is_some()).collect();
    let mut heads = columns(["Point"]);
    heads.extend(axes.iter().map(|axis| axis.title()));
    heads.push("Replications".into());
    heads.extend(measures.iter().map(|measure| title(measure)));
    heads.push("Validity".into());
    let mut table = Table::new("points", "Points: mean [95 % interval]", &heads);
    for point in &study.summary.points {
        table.row(&point.point.to_string(), || {
            let settings = axes.iter().map(|axis| setting(axis, point));
            let replications = value(Some(f64::from(point.replications)));
            let means = measures.iter().map(|measure| mean(point.measures.get(*measure)));
            settings.chain([replications]).chain(means).chain([text(&verdict(study, point.point))]).collect()
        });
    }
    table.end()
}

/// What the closed forms say about a point.
fn verdict(study: &Study<'_>, point: u32) -> String {
    match study.validity.points.get(&point) {
        Some((_, wrong)) if *wrong > 0 => format!("INVALID: {}", count(*wrong, "run")),
        Some((checked, _)) if *checked > 0 => "valid".to_owned(),
        _ => "not checked".to_owned(),
    }
}

/// A row for each attack and point, the largest advantage first.
pub(super) fn attacks(study: &Study<'_>) -> String {
    let heads = [
        "Attack",
        "Point",
        "Advantage",
        "Success",
        "Guessing",
        "Decoy: success",
        "Calibration",
        "Trials a run",
    ];
    let mut table = Table::new("attacks", "Attacks: mean [95 % interval], the worst first", &columns(heads));
    let mut attacks: Vec<_> = study.summary.points.iter().flat_map(attacks_at).collect();
    attacks.sort_by(|a, b| b.advantage.mean.total_cmp(&a.advantage.mean));
    for attack in attacks {
        table.row(&attack_title(attack.name), || {
            let of = |what: &str| {
                let (statistic, is_of_all) = attack.measure(what);
                noted(statistic, if is_of_all { " (all kinds)" } else { "" })
            };
            let measures = ["success", "baseline", "decoy_success", "calibration", "trials"];
            let point = value(Some(f64::from(attack.point.point)));
            let means = measures.into_iter().map(of);
            [point, mean(Some(attack.advantage))].into_iter().chain(means).collect()
        });
    }
    table.end()
}

/// A row for each closed form and run.
pub(super) fn closed_form_rows(study: &Study<'_>) -> String {
    let heads = ["Closed form", "Point", "Replication", "Expected", "Measured", "Tolerance", "Verdict"];
    let mut table =
        Table::new("closed-form-rows", "Closed forms, those outside their tolerance first", &columns(heads));
    let cells = |deviation: &Deviation, verdict: &str| {
        let numbers = [
            f64::from(deviation.point),
            f64::from(deviation.replication),
            deviation.expected,
            deviation.measured,
            deviation.tolerance,
        ];
        numbers.into_iter().map(|number| value(Some(number))).chain([text(verdict)]).collect()
    };
    for deviation in study.validity.deviations.iter().filter(|deviation| !deviation.form.is_empty()) {
        table.row(&deviation.form, || cells(deviation, "INVALID"));
    }
    for row in &study.results.rows {
        for (form, expected, measured, tolerance) in closed_forms(row) {
            if (measured - expected).abs() > tolerance {
                continue;
            }
            let form = form.to_owned();
            let (point, replication) = (row.point, row.replication);
            let deviation = Deviation { point, replication, form, expected, measured, tolerance };
            table.row(&deviation.form, || cells(&deviation, "valid"));
        }
    }
    table.end()
}

/// A row for each point and measure, with everything the summary has.
pub(super) fn measures(study: &Study<'_>) -> String {
    let heads = ["Measure", "Point", "n", "Mean", "95 % from", "95 % to", "Least", "Greatest"];
    let mut table = Table::new("measures", "All measures", &columns(heads));
    for point in &study.summary.points {
        for (measure, statistic) in &point.measures {
            table.row(measure, || {
                let numbers = [
                    Some(f64::from(point.point)),
                    Some(f64::from(statistic.n)),
                    Some(statistic.mean),
                    statistic.interval.map(|interval| interval.low),
                    statistic.interval.map(|interval| interval.high),
                    Some(statistic.min),
                    Some(statistic.max),
                ];
                numbers.into_iter().map(value).collect()
            });
        }
    }
    table.end()
}
