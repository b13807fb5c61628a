//! Each measure over one axis of a sweep: small multiples, a line for each value of a second axis.

use super::super::canvas::{Mark, SERIES};
use super::super::figure::{PANELS_MAX, figure};
use super::super::findings::Study;
use super::super::naming::{advantages, closed_form_of, title};
use super::super::panel::{Dot, Panel, Series};
use super::super::scale::Scale;
use super::super::svg::Plot;
use super::super::sweep::{Axis, Values};
use super::{evenly, slug};
use crate::summary::PointSummary;

/// The most dots of a series.
const DOTS_MAX: usize = 300;

/// A figure: name, title, and which measures it has.
type Group = (&'static str, &'static str, fn(&str) -> bool);

/// Measures of entropy that say how it was measured, and how long a run took: nothing of anonymity.
const OF_RUNS: [&str; 3] = ["entropy_bits.traced", "entropy_bits.asked", "entropy_bits.packet_error"];

/// The figures over an axis, but for those of attacks and closed forms.
const GROUPS: [Group; 6] = [
    ("anonymity", "Anonymity", |measure| {
        (measure.starts_with("entropy_bits.") && !OF_RUNS.contains(&measure))
            || measure.starts_with("unlinkability.")
            || measure == "anonymity_set"
    }),
    ("latency", "Latency", |measure| {
        ["latency_ms.mean", "latency_ms.q50", "latency_ms.q95", "latency_ms.q99"].contains(&measure)
    }),
    ("traffic", "Traffic", |measure| measure.starts_with("traffic.")),
    ("messages", "Messages", |measure| measure.starts_with("messages.")),
    ("other", "Other measures", |measure| {
        let groups = [
            "attack.",
            "entropy_bits.",
            "unlinkability.",
            "latency_ms.",
            "traffic.",
            "messages.",
            "theory.",
            "model.",
        ];
        !groups.iter().any(|group| measure.starts_with(group))
            && !["worst.advantage", "anonymity_set", "valid"].contains(&measure)
    }),
    ("runs", "What was traced, and what runs took", |measure| {
        measure.starts_with("model.") || OF_RUNS.contains(&measure)
    }),
];

pub(super) fn plots(study: &Study<'_>, number: usize, axis: &Axis) -> Vec<Plot> {
    let lines = Lines::of(study, axis);
    let measures = study.measures.iter().map(String::as_str);
    let name = |group: &str| format!("axis-{number}-{}-{group}", slug(&axis.key));
    let panels = |measures: &[&str]| -> Vec<Panel> {
        measures.iter().take(PANELS_MAX).map(|measure| lines.panel(title(measure), measure)).collect()
    };
    let mut figures = Vec::new();
    figures.extend(lines.figure(&name("attacks"), "Attacks", &panels(&worst_first(study))));
    for (group, title, belongs) in GROUPS {
        let of_group: Vec<&str> = measures.clone().filter(|measure| belongs(measure)).collect();
        figures.extend(lines.figure(&name(group), title, &panels(&of_group)));
    }
    let forms = measures.filter_map(closed_form_of).take(PANELS_MAX);
    let forms: Vec<Panel> = forms.map(|form| lines.closed_form(form)).collect();
    figures.extend(lines.figure(&name("theory"), "Closed forms (line) and simulation (dots)", &forms));
    figures
}

/// The advantages of attacks, so that those that are left out of a full figure are the least: first the largest of all, then
/// each by its largest at any point.
fn worst_first<'a>(study: &'a Study<'_>) -> Vec<&'a str> {
    let greatest = |measure: &str| {
        study.summary.points.iter().filter_map(|point| point.mean(measure)).fold(f64::NEG_INFINITY, f64::max)
    };
    let all = advantages(study.measures.iter().map(String::as_str));
    let mut ranked: Vec<(f64, &str)> = all.into_iter().map(|measure| (greatest(measure), measure)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worst = study.measures.get("worst.advantage").map(String::as_str);
    worst.into_iter().chain(ranked.into_iter().map(|(_, measure)| measure)).collect()
}

/// Points that are joined.
struct Line<'a> {
    label: String,
    points: Vec<&'a PointSummary>,
}

/// How the points of a sweep are shown over an axis.
struct Lines<'a> {
    axis: &'a Axis,
    joined: bool,
    /// What tells the lines apart, or why dots are not joined.
    note: String,
    lines: Vec<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn of(study: &'a Study<'_>, axis: &'a Axis) -> Self {
        let others: Vec<&Axis> = study.axes.iter().filter(|other| other.key != axis.key).collect();
        let mut placed: Vec<(f64, &PointSummary)> =
            study.summary.points.iter().filter_map(|point| Some((axis.position(point)?, point))).collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let points: Vec<&PointSummary> = placed.into_iter().map(|(_, point)| point).collect();
        let numeric = matches!(axis.values, Values::Numbers(_));
        let unique = points.len() == axis.len();
        let titles = || others.iter().map(|other| other.title()).collect::<Vec<_>>().join(", ");
        let (joined, note, lines) = match others.as_slice() {
            [] => (numeric, String::new(), vec![Line { label: String::new(), points }]),
            [other] if !unique => {
                let values: Vec<(usize, String)> = other.labels().into_iter().enumerate().collect();
                let lines = evenly(&values, SERIES.len()).into_iter().map(|(place, label)| {
                    let on = |point: &&&PointSummary| other.place(point) == Some(place);
                    Line { label, points: points.iter().filter(on).copied().collect() }
                });
                let lines: Vec<Line<'_>> = lines.filter(|line| !line.points.is_empty()).collect();
                let once = lines.iter().all(|line| {
                    line.points.windows(2).all(|pair| match pair {
                        [a, b] => axis.position(a) < axis.position(b),
                        _ => true,
                    })
                });
                let cut = if values.len() > SERIES.len() {
                    format!(", {} of {}", SERIES.len(), values.len())
                } else {
                    String::new()
                };
                (numeric && once, format!("by {}{cut}", other.title()), lines)
            }
            // Settings that change together make one line; a sample of many settings makes none.
            _ if unique && numeric && others.iter().all(|other| is_monotone(other, &points)) => {
                (true, format!("together with {}", titles()), vec![Line { label: String::new(), points }])
            }
            _ => {
                let note = format!("{} differ too, dots are not joined", titles());
                (false, note, vec![Line { label: String::new(), points: evenly(&points, DOTS_MAX) }])
            }
        };
        Self { axis, joined, note, lines }
    }

    fn figure(&self, name: &str, group: &str, panels: &[Panel]) -> Option<Plot> {
        let panels: Vec<Panel> = panels
            .iter()
            .filter(|panel| panel.series.iter().any(|series| !series.dots.is_empty()))
            .cloned()
            .collect();
        let note = if self.note.is_empty() { String::new() } else { format!(", {}", self.note) };
        let title = format!("{group} over {}{note}", self.axis.title());
        let shown: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
        let description = format!(
            "{}. Marks are means over replications, bars their 95 % intervals. The numbers are in the tables.",
            shown.join("; ")
        );
        figure(name, &title, &description, &panels)
    }

    fn panel(&self, title: String, measure: &str) -> Panel {
        let series = self.lines.iter().zip(SERIES).enumerate().map(|(number, (line, color))| Series {
            label: line.label.clone(),
            color,
            mark: Some(Mark::nth(number)),
            joined: self.joined,
            dots: self.dots(&line.points, measure, true),
        });
        self.framed(title, series.collect())
    }

    fn closed_form(&self, form: &str) -> Panel {
        let series = self.lines.iter().zip(SERIES).enumerate().flat_map(|(number, (line, color))| {
            let part = |label: &str, ending: &str, mark, joined| Series {
                label: label.to_owned(),
                color,
                mark,
                joined,
                dots: self.dots(&line.points, &format!("theory.{form}.{ending}"), mark.is_some()),
            };
            // Without a line the expected values need marks of their own.
            let expected = part("", "expected", (!self.joined).then_some(Mark::Ring), self.joined);
            [expected, part(&line.label, "measured", Some(Mark::nth(number)), false)]
        });
        self.framed(form.to_owned(), series.collect())
    }

    fn framed(&self, title: String, series: Vec<Series>) -> Panel {
        let mut panel = Panel::new(title, self.axis.title(), series);
        panel.subtitle.clone_from(&self.note);
        if matches!(self.axis.values, Values::Words(_)) {
            panel.x = Some(Scale::Words(self.axis.labels()));
        }
        panel
    }

    fn dots(&self, points: &[&PointSummary], measure: &str, intervals: bool) -> Vec<Dot> {
        let dots: Vec<Dot> = points
            .iter()
            .filter_map(|point| Some(Dot::of(self.axis.position(point)?, point.measures.get(measure)?)))
            .map(|dot| if intervals { dot } else { Dot { interval: None, ..dot } })
            .collect();
        evenly(&dots, DOTS_MAX)
    }
}

/// Whether the values only grow or only fall, in the order of these points.
fn is_monotone(axis: &Axis, points: &[&PointSummary]) -> bool {
    let positions: Vec<f64> = points.iter().filter_map(|point| axis.position(point)).collect();
    matches!(axis.values, Values::Numbers(_)) && (positions.is_sorted() || positions.iter().rev().is_sorted())
}
