//! What a reader has to know before believing an answer: messages that never came, and too few runs or trials.
//!
//! Not here: runs outside of a closed form, which are not valid at all ([`super::validity`]).

use std::collections::BTreeMap;

use super::findings::Study;
use super::naming::attack_title;
use super::number::{count, number};
use super::sweep::point_name;
use crate::summary::PointSummary;

/// The share of written messages below which latency says little: those that came are the fast ones.
const RECEIVED_SHARE_MIN: f64 = 0.95;
/// Below so many replications Student's interval is several times as wide as its standard error, and the spread a guess.
const REPLICATIONS_MIN: u32 = 5;
/// Below so many trials in all the replications of a point a success is a handful of chances.
const TRIALS_MIN: f64 = 30.0;

impl Study<'_> {
    /// How many of the written messages were received, which is whose latency is measured.
    pub(super) fn delivered(&self) -> Option<String> {
        let shares = self.shares_received();
        let (written, received) = shares
            .iter()
            .fold((0.0, 0.0), |(written, received), one| (written + one.written, received + one.received));
        let least = shares.iter().min_by(|a, b| a.share().total_cmp(&b.share()))?;
        let at = if shares.len() < 2 {
            String::new()
        } else {
            format!(", least at {}: {}", point_name(least.point, &self.axes), percent(least.share()))
        };
        Some(format!(
            "Latency is that of received messages: received {} of {} written ({}){at}.",
            number(received),
            number(written),
            percent(received / written),
        ))
    }

    /// The cautions, a sentence each.
    pub(super) fn cautions(&self) -> Vec<String> {
        [self.lost(), self.few_replications(), self.few_trials()].into_iter().flatten().collect()
    }

    fn shares_received(&self) -> Vec<Delivery<'_>> {
        let of = |point| Delivery::of(point).filter(|delivery| delivery.written > 0.0);
        self.summary.points.iter().filter_map(of).collect()
    }

    fn lost(&self) -> Option<String> {
        let shares = self.shares_received();
        let lost = shares.iter().filter(|one| one.share() < RECEIVED_SHARE_MIN).count();
        (lost > 0).then(|| {
            format!(
                "At {} of {} fewer than {} of the written messages were received when the run ended. Latency leaves out those \
                 that came later or never, so that the true one is longer.",
                lost,
                count(shares.len(), "point"),
                percent(RECEIVED_SHARE_MIN),
            )
        })
    }

    fn few_replications(&self) -> Option<String> {
        let least = self.summary.points.iter().map(|point| point.replications).min()?;
        (least < REPLICATIONS_MIN).then(|| {
            format!(
                "With {} of a point, fewer than {REPLICATIONS_MIN}, intervals are wide and themselves uncertain.",
                count(least as usize, "replication")
            )
        })
    }

    fn few_trials(&self) -> Option<String> {
        let mut least: BTreeMap<&str, f64> = BTreeMap::new();
        for point in &self.summary.points {
            for measure in point.measures.keys() {
                let attack = measure.strip_prefix("attack.").and_then(|rest| rest.strip_suffix(".trials"));
                let Some((attack, trials)) = attack.zip(total(point, measure)) else { continue };
                let known = least.entry(attack).or_insert(trials);
                *known = known.min(trials);
            }
        }
        let few: Vec<String> = least
            .into_iter()
            .filter(|(_, trials)| *trials < TRIALS_MIN)
            .map(|(attack, trials)| format!("{} ({})", attack_title(attack), number(trials)))
            .collect();
        (!few.is_empty()).then(|| {
            format!(
                "Fewer than {TRIALS_MIN} trials in all replications of a point, so that success is a handful of chances: {}.",
                few.join(", ")
            )
        })
    }
}

/// Messages of a point, in all its replications.
struct Delivery<'a> {
    point: &'a PointSummary,
    written: f64,
    received: f64,
}

impl<'a> Delivery<'a> {
    fn of(point: &'a PointSummary) -> Option<Self> {
        let (written, received) = (total(point, "messages.written")?, total(point, "messages.received")?);
        Some(Self { point, written, received })
    }

    fn share(&self) -> f64 {
        self.received / self.written
    }
}

/// The sum of a count over the replications.
fn total(point: &PointSummary, measure: &str) -> Option<f64> {
    let statistic = point.measures.get(measure)?;
    // The mean of whole numbers times their number is whole but for rounding.
    Some((statistic.mean * f64::from(statistic.n)).round())
}

/// A share in per cent, rounded down: what is not all is not called 100 %.
fn percent(share: f64) -> String {
    format!("{} %", number((share * 1000.0 + 1e-9).floor() / 10.0))
}
