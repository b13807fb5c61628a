//! From counts, window and tests to what the mix tells about its loops.

use std::collections::BTreeMap;
use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::NODES_MAX;

use super::Loops;
use super::alarm::{LoopAlarm, LoopAlarmKind, LoopAlarmSubject};
use super::detector::Detector;
use super::link_counts::LinkCounts;
use super::route::Link;
use super::route::LoopRoute;
use super::suspect::Suspect;
use super::suspicion::Tally;
use super::tampering::Tampering;
use super::tomography::{Loss, Observations};
use super::window::{Fate, PastLoop};
use crate::core::report::{ExcessReport, LinkLoopReport, LoopReport, LossReport, NodeLoopReport};

/// What the estimates of loss and delay are made from: a copy, since making them can take a good part of a second,
/// and meanwhile no packet must wait.
pub struct LoopEvidence {
    window: Vec<PastLoop>,
    links: Vec<(Link, LinkCounts)>,
}

/// What the loops of the window tell about links and nodes.
#[derive(Clone, Debug, Default)]
pub struct LoopEstimates {
    links: Vec<LinkLoopReport>,
    nodes: Vec<NodeLoopReport>,
}

impl LoopReport {
    /// Adds the estimates to a report that was made without them.
    pub fn complete(&mut self, estimates: LoopEstimates) {
        self.links = estimates.links;
        self.nodes = estimates.nodes;
    }
}

impl Loops {
    /// What the estimates are made from.
    pub(crate) fn evidence(&self) -> LoopEvidence {
        LoopEvidence {
            window: self.window.loops().cloned().collect(),
            links: self.link_table.iter().map(|(link, counts)| (*link, *counts)).collect(),
        }
    }

    /// The counts so far and the alarms, without links and nodes.
    pub(crate) fn report(&self) -> LoopReport {
        let outstanding = u64::try_from(self.outstanding.len()).unwrap_or(u64::MAX);
        LoopReport {
            outstanding,
            links: Vec::new(),
            nodes: Vec::new(),
            alarms: self.alarms(),
            alarms_raised: self.dropping.raised() + self.delaying.raised() + self.tampering.raised(),
            ..self.counts.clone()
        }
    }

    fn alarms(&self) -> Vec<LoopAlarm> {
        let mut alarms: Vec<LoopAlarm> = self
            .alarms_of(LoopAlarmKind::Dropping, &self.dropping)
            .chain(self.alarms_of(LoopAlarmKind::Delaying, &self.delaying))
            .chain(self.tampering.standing().map(tampering_alarm))
            .collect();
        alarms.sort_by_key(|alarm| alarm.raised_at_ms);
        alarms
    }

    fn alarms_of(&self, kind: LoopAlarmKind, detector: &Detector) -> impl Iterator<Item = LoopAlarm> {
        detector.standing().map(move |(suspect, standing, suspicion, evidence)| {
            let (Tally { loops, bad }, elsewhere) = (suspicion.here(), suspicion.elsewhere());
            LoopAlarm {
                kind,
                subject: self.subject(suspect),
                raised_at_ms: standing.raised_at.as_millis(),
                loops,
                loops_bad: bad,
                loops_elsewhere: elsewhere.loops,
                loops_elsewhere_bad: elsewhere.bad,
                evidence_log10: rounded(evidence.max(1.0).log10(), 10.0),
            }
        })
    }

    fn subject(&self, suspect: &Suspect) -> LoopAlarmSubject {
        match suspect {
            Suspect::Node(node) => {
                LoopAlarmSubject::Node { node: node.to_string(), neighbour: self.chances.is_neighbour(node) }
            }
            Suspect::Link((from, to)) => {
                LoopAlarmSubject::Link { from: from.to_string(), to: to.to_string() }
            }
            Suspect::Everywhere => LoopAlarmSubject::Everywhere,
        }
    }
}

impl LoopEvidence {
    /// Makes the estimates. The work is bounded by the window and by the limits of the estimates.
    #[must_use]
    pub fn estimate(&self) -> LoopEstimates {
        LoopEstimates { links: self.of_links(), nodes: self.of_nodes() }
    }

    fn of_links(&self) -> Vec<LinkLoopReport> {
        let observations = self.observations(|route| route.links().collect());
        let losses = observations.losses();
        let excess = self.excess_by(|route| route.links().collect());
        self.links
            .iter()
            .map(|(link, counts)| LinkLoopReport {
                from: link.0.to_string(),
                to: link.1.to_string(),
                sent: counts.sent,
                returned: counts.returned,
                lost: counts.lost,
                loss: loss_report(losses.get(link)),
                excess: excess.get(link).and_then(|excess| excess_report(excess)),
            })
            .collect()
    }

    fn of_nodes(&self) -> Vec<NodeLoopReport> {
        let observations = self.observations(|route| route.nodes().to_vec());
        let excess = self.excess_by(|route| route.nodes().to_vec());
        let losses = observations.losses();
        losses
            .iter()
            .take(NODES_MAX)
            .map(|(node, loss)| NodeLoopReport {
                node: node.to_string(),
                loss: loss_report(Some(loss)),
                excess: excess.get(*node).and_then(|excess| excess_report(excess)),
            })
            .collect()
    }

    /// The window's loops by what they went over. One that was tampered with did pass everything.
    fn observations<E: Ord>(&self, over: impl Fn(&LoopRoute) -> Vec<E>) -> Observations<E> {
        Observations::new(self.window.iter().map(|past| (over(&past.route), past.fate == Fate::Lost)))
    }

    fn excess_by<E: Ord>(&self, over: impl Fn(&LoopRoute) -> Vec<E>) -> BTreeMap<E, Vec<Duration>> {
        let mut by: BTreeMap<E, Vec<Duration>> = BTreeMap::new();
        for past in &self.window {
            if let Fate::Returned { excess } = past.fate {
                for element in over(&past.route) {
                    by.entry(element).or_default().push(excess);
                }
            }
        }
        for excess in by.values_mut() {
            excess.sort_unstable();
        }
        by
    }
}

fn tampering_alarm(tampering: &Tampering) -> LoopAlarm {
    let name = NodeId::to_string;
    LoopAlarm {
        kind: LoopAlarmKind::Tampering,
        subject: match tampering.suspects.as_slice() {
            [node] => LoopAlarmSubject::Node { node: name(node), neighbour: false },
            nodes => LoopAlarmSubject::Nodes { nodes: nodes.iter().map(name).collect() },
        },
        raised_at_ms: tampering.raised_at.as_millis(),
        loops: tampering.loops,
        loops_bad: tampering.loops,
        loops_elsewhere: 0,
        loops_elsewhere_bad: 0,
        evidence_log10: 0.0,
    }
}

fn loss_report(loss: Option<&Loss>) -> LossReport {
    let Loss { estimate, low, high } = loss.copied().unwrap_or(Loss::UNKNOWN);
    let [loss, loss_low, loss_high] = [estimate, low, high].map(|share| rounded(share, 1e6));
    LossReport { loss, loss_low, loss_high }
}

/// Of sorted excess times; `None` if there are none.
fn excess_report(excess: &[Duration]) -> Option<ExcessReport> {
    // Nearest rank: the smallest value that so many percent do not exceed.
    let percentile = |percent: usize| {
        let rank = (excess.len() * percent).div_ceil(100).max(1);
        excess.get(rank - 1).map(|excess| u64::try_from(excess.as_millis()).unwrap_or(u64::MAX))
    };
    Some(ExcessReport { excess_ms_p50: percentile(50)?, excess_ms_p99: percentile(99)? })
}

/// No more digits than mean something.
fn rounded(value: f64, digits: f64) -> f64 {
    (value * digits).round() / digits
}

#[cfg(test)]
mod tests {
    use super::super::limits::{LOOP_ALARMS_MAX, LOOP_LINKS_MAX};
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let millis: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(excess_report(&millis), Some(ExcessReport { excess_ms_p50: 100, excess_ms_p99: 198 }));
        assert_eq!(excess_report(&millis[..1]), Some(ExcessReport { excess_ms_p50: 1, excess_ms_p99: 1 }));
        assert_eq!(excess_report(&[]), None);
    }

    #[test]
    fn the_longest_report_fits_the_line_of_the_control_socket_with_room_to_spare() {
        let node = "f".repeat(64);
        let loss = LossReport { loss: 0.123_456, loss_low: 0.123_456, loss_high: 0.123_456 };
        let excess = Some(ExcessReport { excess_ms_p50: 99_999, excess_ms_p99: 99_999 });
        let count = 99_999_999;
        let link = LinkLoopReport {
            from: node.clone(),
            to: node.clone(),
            sent: count,
            returned: count,
            lost: count,
            loss,
            excess,
        };
        let alarm = LoopAlarm {
            kind: LoopAlarmKind::Tampering,
            subject: LoopAlarmSubject::Link { from: node.clone(), to: node.clone() },
            raised_at_ms: 1_800_000_000_000,
            loops: count,
            loops_bad: count,
            loops_elsewhere: count,
            loops_elsewhere_bad: count,
            evidence_log10: 123.4,
        };
        let report = LoopReport {
            links: vec![link; LOOP_LINKS_MAX],
            nodes: vec![NodeLoopReport { node, loss, excess }; NODES_MAX],
            alarms: vec![alarm; 2 * LOOP_ALARMS_MAX],
            ..LoopReport::default()
        };
        let length = serde_json::to_string(&report).unwrap().len();
        assert!(length < 700_000, "{length} bytes");
    }
}
