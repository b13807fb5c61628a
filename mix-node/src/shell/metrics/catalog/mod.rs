//! Every metric: its name, its kind, what it says, and where in a snapshot it stands.
//!
//! `docs/metrics.md` lists the same names; a test scrapes a running node and compares. A counter's name is
//! shown with `_total` behind it.

mod host;
mod links;
mod loops;
mod packets;

use std::collections::BTreeMap;

use super::snapshot::Snapshot;
use crate::core::{MixReport, TimesReport};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows while the process runs.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A value, and what tells it from others of the same metric.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: f64,
}

/// One metric.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) read: fn(&Snapshot, &mut Vec<Sample>),
}

const fn counter(name: &'static str, help: &'static str, read: fn(&Snapshot, &mut Vec<Sample>)) -> Metric {
    Metric { name, kind: Kind::Counter, help, read }
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&Snapshot, &mut Vec<Sample>)) -> Metric {
    Metric { name, kind: Kind::Gauge, help, read }
}

/// All of them, in the order in which they are shown.
pub(super) fn all() -> impl Iterator<Item = &'static Metric> {
    let groups = [
        host::PROCESS,
        packets::PACKETS,
        packets::PIPELINE,
        packets::SESSIONS,
        loops::LOOPS,
        links::LINKS,
        host::NETWORK,
    ];
    groups.into_iter().flatten()
}

const fn report(at: &Snapshot) -> &MixReport {
    &at.observed.status.report
}

fn one(value: u64) -> Sample {
    Sample { labels: Vec::new(), value: float(value) }
}

fn push(out: &mut Vec<Sample>, labels: &[(&'static str, &str)], value: u64) {
    push_float(out, labels, float(value));
}

fn push_float(out: &mut Vec<Sample>, labels: &[(&'static str, &str)], value: f64) {
    let labels = labels.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    out.push(Sample { labels, value });
}

fn by(out: &mut Vec<Sample>, key: &'static str, counts: &BTreeMap<String, u64>) {
    for (label, count) in counts {
        push(out, &[(key, label)], *count);
    }
}

/// A gauge for each of the quantiles; the longest is quantile 1. Nothing, if there were none.
fn by_quantile(out: &mut Vec<Sample>, times: &TimesReport) {
    if times.count == 0 {
        return;
    }
    for (quantile, ms) in [("0.5", times.ms_p50), ("0.99", times.ms_p99), ("1", times.ms_max)] {
        push_float(out, &[("quantile", quantile)], ms / 1_000.0);
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Prometheus has no other numbers; counts are exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "what the format asks for")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn quantiles_are_seconds_and_there_are_none_of_nothing() {
        let mut out = Vec::new();
        by_quantile(&mut out, &TimesReport::default());
        assert!(out.is_empty());
        by_quantile(&mut out, &TimesReport { count: 3, ms_p50: 0.5, ms_p99: 250.0, ms_max: 2_000.0 });
        let shown: Vec<_> = out.iter().map(|sample| (sample.labels[0].1.as_str(), sample.value)).collect();
        assert_eq!(shown, [("0.5", 0.000_5), ("0.99", 0.25), ("1", 2.0)]);
    }

    #[test]
    fn names_follow_the_conventions_and_occur_once() {
        let mut names = BTreeSet::new();
        for metric in all() {
            assert!(names.insert(metric.name), "{} twice", metric.name);
            assert!(
                metric.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{} is no name",
                metric.name
            );
            assert!(metric.name.starts_with("sotto_mix_") || metric.name.starts_with("process_"));
            assert!(!metric.name.ends_with("_total"), "{}: the suffix is added", metric.name);
            assert!(!metric.help.ends_with('.'), "{}: a full stop is added", metric.name);
        }
    }
}
