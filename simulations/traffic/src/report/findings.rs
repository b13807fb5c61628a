//! What the numbers say, in sentences: nothing that is not in the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{advantages, attack_name, attack_of, attack_title, title};
use super::number::{count, number};
use super::sweep::{Axis, axes, point_name};
use super::validity::{Validity, closed_forms, validity};
use crate::results::Results;
use crate::summary::{PointSummary, Statistic, Summary};

/// The largest advantage of all attacks in a run.
const WORST: &str = "worst.advantage";

/// An attack at the point where it does best.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attack<'a> {
    /// Its name, or name and kind of question with a dot between.
    pub(super) name: &'a str,
    pub(super) advantage: &'a Statistic,
    /// What the same attack gains over guessing on uninvolved decoys, in the same measure.
    pub(super) decoy_advantage: Option<f64>,
    pub(super) point: &'a PointSummary,
}

/// A plan's rows, put together once for all parts of the report.
pub(super) struct Study<'a> {
    pub(super) results: &'a Results,
    pub(super) summary: Summary,
    /// The names of all measures that any point has.
    pub(super) measures: BTreeSet<String>,
    pub(super) axes: Vec<Axis>,
    pub(super) validity: Validity,
    /// Deviations from each closed form, in tolerances, by row. Beyond any tolerance of zero stands infinity.
    pub(super) forms: BTreeMap<String, Vec<f64>>,
}

impl<'a> Study<'a> {
    pub(super) fn of(results: &'a Results) -> Self {
        let summary = Summary::of(results);
        let axes = axes(&summary);
        let mut forms: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in &results.rows {
            for (form, expected, measured, tolerance) in closed_forms(row) {
                let difference = measured - expected;
                let part = if difference == 0.0 { 0.0 } else { difference / tolerance.max(0.0) };
                match forms.get_mut(form) {
                    Some(parts) => parts.push(part),
                    None => {
                        forms.insert(form.to_owned(), vec![part]);
                    }
                }
            }
        }
        let measures = summary.measures().into_iter().map(str::to_owned).collect();
        Self { results, summary, measures, axes, validity: validity(results), forms }
    }

    /// All attacks, each at the point where its mean advantage is largest; the worst first. That two packets kept their
    /// order says of nobody whom they talk with: such attacks come last, as they do not count for [`WORST`].
    pub(super) fn attacks(&self) -> Vec<Attack<'_>> {
        let mut best: BTreeMap<&str, Attack<'_>> = BTreeMap::new();
        for attack in self.summary.points.iter().flat_map(attacks_at) {
            let known = best.entry(attack.name).or_insert(attack);
            if attack.advantage.mean > known.advantage.mean {
                *known = attack;
            }
        }
        let mut attacks: Vec<Attack<'_>> = best.into_values().collect();
        attacks.sort_by(|a, b| {
            a.asks_order().cmp(&b.asks_order()).then(b.advantage.mean.total_cmp(&a.advantage.mean))
        });
        attacks
    }

    /// The first of these measures that any point has.
    pub(super) fn first_measured(&self, measures: &[&'static str]) -> Option<&'static str> {
        measures.iter().find(|measure| self.measures.contains(**measure)).copied()
    }

    /// The answer, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.size()];
        sentences.extend(self.worst());
        sentences.extend(self.safest());
        sentences.extend(self.range("entropy_bits.shannon"));
        let latency: Vec<String> = ["latency_ms.q50", "latency_ms.q99"]
            .into_iter()
            .filter_map(|measure| self.range(measure))
            .collect();
        if !latency.is_empty() {
            sentences.extend(latency);
            sentences.extend(self.delivered());
        }
        for measure in [
            "traffic.up_bytes_per_user_day",
            "traffic.down_bytes_per_user_day",
            "traffic.packets_per_message",
        ] {
            sentences.extend(self.range(measure));
        }
        sentences
    }

    fn size(&self) -> String {
        let points = self.summary.points.len();
        let replications = || self.summary.points.iter().map(|point| point.replications);
        let (least, most) = (replications().min().unwrap_or(0), replications().max().unwrap_or(0));
        let each = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        let runs = count(self.results.rows.len(), "run");
        let mut size = format!("{runs}: {} with {each} replications each.", count(points, "point"));
        if most <= 1 {
            size = format!(
                "{runs}: {} with a single replication, so that nothing is known of the spread and there are no intervals.",
                count(points, "point")
            );
        }
        size
    }

    fn worst(&self) -> Option<String> {
        let attacks = self.attacks();
        let worst = attacks.first()?;
        let verdict = match worst.advantage.interval {
            Some(interval) if interval.low > 0.0 => "more than guessing",
            Some(interval) if interval.high < 0.0 => "less than guessing",
            Some(_) => "the interval holds 0, so that it cannot be told from guessing",
            None => "without an interval it is not known whether that is more than guessing",
        };
        let names: BTreeSet<&str> = attacks.iter().map(|attack| attack_name(attack.name)).collect();
        let decoy = worst.decoy_advantage.map_or(String::new(), |decoy| {
            format!(" On uninvolved decoys the same attack gains {}.", number(decoy))
        });
        Some(format!(
            "Of {} the worst is {}, at {}: its advantage over guessing is {} ({verdict}).{decoy}",
            count(names.len(), "attack"),
            attack_title(worst.name),
            point_name(worst.point, &self.axes),
            with_interval(worst.advantage),
        ))
    }

    /// The point where the worst attack does least, and whether that is more than chance.
    fn safest(&self) -> Option<String> {
        let of = |point: &'_ PointSummary| point.measures.get(WORST).copied();
        let mut worsts: Vec<(Statistic, &PointSummary)> =
            self.summary.points.iter().filter_map(|point| Some((of(point)?, point))).collect();
        worsts.sort_by(|a, b| a.0.mean.total_cmp(&b.0.mean));
        let ((least, point), others) = worsts.split_first().filter(|(_, others)| !others.is_empty())?;
        let alike = |other: &Statistic| match (least.interval, other.interval) {
            (Some(least), Some(other)) => least.high >= other.low,
            _ => true,
        };
        let like = others.iter().filter(|(other, _)| alike(other)).count();
        let verdict = if least.interval.is_none() {
            "; without intervals it is not known whether that is more than chance".to_owned()
        } else if like == 0 {
            String::new()
        } else if like == others.len() {
            "; it cannot be told apart from any other point, as the intervals overlap".to_owned()
        } else {
            format!("; it cannot be told apart from {}, as the intervals overlap", count(like, "other point"))
        };
        Some(format!(
            "The worst attack does least at {}: the largest advantage of all attacks is {} there{verdict}.",
            point_name(point, &self.axes),
            with_interval(least),
        ))
    }

    fn range(&self, measure: &str) -> Option<String> {
        let mut means: Vec<(f64, &PointSummary)> =
            self.summary.points.iter().filter_map(|point| Some((point.mean(measure)?, point))).collect();
        means.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut ends = (means.first()?, means.last()?);
        // Over one axis the eye follows the axis.
        if let [axis] = self.axes.as_slice()
            && axis.position(ends.0.1) > axis.position(ends.1.1)
        {
            ends = (ends.1, ends.0);
        }
        let ((from, from_at), (to, to_at)) = ends;
        let title = title(measure);
        if means.len() == 1 {
            let statistic = from_at.measures.get(measure)?;
            return Some(format!("{title}: {}.", with_interval(statistic)));
        }
        Some(format!(
            "{title}: from {} at {} to {} at {}.",
            number(*from),
            point_name(from_at, &self.axes),
            number(*to),
            point_name(to_at, &self.axes)
        ))
    }
}

impl<'a> Attack<'a> {
    /// Whether it is about the order of packets.
    fn asks_order(&self) -> bool {
        let is_measured =
            || self.point.measures.contains_key(&format!("attack.{}.order.advantage", self.name));
        self.name.ends_with(".order") || (!self.name.contains('.') && is_measured())
    }

    /// A measure of this attack at its point; one that is of all its kinds of questions together, where no other was
    /// measured, is marked by `true`.
    pub(super) fn measure(&self, what: &str) -> (Option<&'a Statistic>, bool) {
        let of = |name: &str| self.point.measures.get(&format!("attack.{name}.{what}"));
        match of(self.name) {
            Some(statistic) => (Some(statistic), false),
            None => (of(attack_name(self.name)), true),
        }
    }
}

/// The attacks of a point.
pub(super) fn attacks_at(point: &PointSummary) -> impl Iterator<Item = Attack<'_>> {
    let measures = advantages(point.measures.keys().map(String::as_str));
    measures.into_iter().filter_map(move |measure| {
        let (name, advantage) = (attack_of(measure)?, point.measures.get(measure)?);
        let gain = |of: &str| {
            let (success, guess) = point
                .mean(&format!("attack.{of}.decoy_success"))
                .zip(point.mean(&format!("attack.{of}.baseline")))?;
            // As the scoreboard has it: from nothing at guessing to 1 at knowing.
            (guess < 1.0).then(|| (success - guess) / (1.0 - guess))
        };
        let decoy_advantage = gain(name).or_else(|| gain(attack_name(name)));
        Some(Attack { name, advantage, decoy_advantage, point })
    })
}

/// A mean and its interval as they are read.
pub(super) fn with_interval(statistic: &Statistic) -> String {
    match statistic.interval {
        Some(interval) => {
            format!("{} [{}, {}]", number(statistic.mean), number(interval.low), number(interval.high))
        }
        None => number(statistic.mean),
    }
}
