//! What is wrong with a node, and what its operator can do about it.
//!
//! Judged from what the node tells of itself, and from how its counts have moved. Each rule is one function of
//! these; the thresholds are named here and nowhere else.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

use super::advice::{self, Weight};
use super::observed::Observed;

/// How long a node that has just started may be without consensus and links.
const START_MAX: Duration = Duration::from_secs(60);
/// How long after the beginning of an epoch its consensus may take to come.
const CONSENSUS_LATE: Duration = Duration::from_secs(60);
/// Of a hundred places, so many taken are worth a word.
const NEARLY_FULL_PERCENT: usize = 80;
/// Of a thousand received packets, so many drops of one label in small numbers are ordinary.
const FEW_PER_MILLE: u64 = 10;
/// Loops that must have ended before their loss is judged, and the percentage of them that may be lost.
const LOOPS_JUDGED_MIN: u64 = 50;
const LOOPS_LOST_PERCENT: u64 = 5;
/// Packets that must have left before their delays are judged, and the excess of one in a hundred that is too long.
const EXCESS_JUDGED_MIN: u64 = 1_000;
const EXCESS_MS_LONG: f64 = 50.0;
/// Frames of a peer's queue that are worth a word.
const QUEUE_LONG: u64 = 512;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Finding {
    /// What.
    pub(crate) what: String,
    /// What to do.
    #[serde(rename = "do")]
    pub(crate) remedy: String,
}

/// What the rules look at.
pub(crate) struct Evidence<'a> {
    pub(crate) observed: &'a Observed,
    /// An earlier look, so that what is over no longer counts.
    pub(crate) before: Option<&'a Observed>,
    pub(crate) now: Timestamp,
    pub(crate) epoch_s: u32,
}

/// Everything that is wrong, most important first.
pub(crate) fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    let rules = [
        consensus, membership, commits, alarms, books, drops, loops, peers, room, tags, excess, links, onion,
        metrics,
    ];
    rules.iter().flat_map(|rule| rule(evidence)).collect()
}

fn finding(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { what: what.into(), remedy: remedy.into() }
}

impl Evidence<'_> {
    fn is_young(&self) -> bool {
        self.observed.status.member.uptime_s < START_MAX.as_secs()
    }

    /// The growth of a count since the earlier look, or since the start if there was none.
    fn grown(&self, count: impl Fn(&Observed) -> u64) -> u64 {
        count(self.observed).saturating_sub(self.before.map_or(0, count))
    }
}

fn consensus(evidence: &Evidence<'_>) -> Vec<Finding> {
    let report = &evidence.observed.status.report;
    let Some(epoch) = report.consensus_epoch else {
        if evidence.is_young() {
            return Vec::new();
        }
        return vec![finding(
            "no consensus is known: the node drops every packet",
            "see whether the authorities are up and reachable: `sotto-mix doctor`",
        )];
    };
    let age = evidence.now.since(sotto_protocol::directory::epoch_start(epoch, evidence.epoch_s));
    let is_late = age > Duration::from_secs(evidence.epoch_s.into()) + CONSENSUS_LATE;
    let mut found = Vec::new();
    if is_late {
        let behind = evidence.observed.epochs_behind(evidence.now, evidence.epoch_s).unwrap_or_default();
        found.push(finding(
            format!("the newest consensus is of epoch {epoch}, {behind} behind the time"),
            "see whether the authorities sign, and this host's clock is right: `sotto-mix doctor`",
        ));
    }
    // A node that leaves is to be in none.
    if report.place.is_none() && report.drain.is_none() {
        found.push(finding(
            "the consensus does not list this node",
            format!("have the authorities admit {}", evidence.observed.status.member.node),
        ));
    }
    found
}

fn membership(evidence: &Evidence<'_>) -> Vec<Finding> {
    let parts = [("publish", "announcing failed"), ("fetch", "no newer consensus")];
    let failing = parts.into_iter().filter_map(|(part, what)| {
        let (label, text) = evidence.observed.failure(part)?;
        Some(finding(format!("{what}: {text} ({label})"), advice::of_membership(label)))
    });
    failing.collect()
}

fn commits(evidence: &Evidence<'_>) -> Vec<Finding> {
    let pipeline = &evidence.observed.status.report.pipeline;
    if !pipeline.commits_failing {
        return Vec::new();
    }
    let failed = pipeline.commits_failed;
    vec![finding(
        format!("replay tags cannot be written ({failed} commits failed): no packet passes until they can"),
        "the disk is full, read-only or failing: see the log and `sotto-mix doctor`; make room or replace it",
    )]
}

fn alarms(evidence: &Evidence<'_>) -> Vec<Finding> {
    let alarms = evidence.observed.status.report.loops.alarms.iter().map(|alarm| {
        finding(
            format!("alarm of the loops, {alarm}"),
            "compare it with the alarms of other nodes: each sends loops of its own, and those around an attack see it",
        )
    });
    alarms.collect()
}

fn books(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.observed.status.report.ledger.balanced() {
        return Vec::new();
    }
    vec![finding(
        "the books do not balance: a packet is unaccounted for",
        "report it: the program has a mistake",
    )]
}

fn drops(evidence: &Evidence<'_>) -> Vec<Finding> {
    let count = |observed: &Observed, label: &str| {
        observed.status.report.ledger.dropped.get(label).copied().unwrap_or_default()
    };
    let received = evidence.grown(|observed| observed.status.report.ledger.received);
    let labels = evidence.observed.status.report.ledger.dropped.keys();
    let grown = labels.filter_map(|label| {
        let grown = evidence.grown(|observed| count(observed, label));
        let advice = advice::of_drop(label);
        let is_wrong = match advice.map(|advice| advice.weight) {
            Some(Weight::Ordinary) => false,
            Some(Weight::Few) => grown.saturating_mul(1_000) > received.saturating_mul(FEW_PER_MILLE),
            Some(Weight::Never) | None => grown > 0,
        };
        let (meaning, remedy) = advice.map_or(
            ("this version of `sotto-mix status` does not know the label", "use the node's own version"),
            |advice| (advice.meaning, advice.remedy),
        );
        is_wrong
            .then(|| finding(format!("{grown} of {received} packets dropped, {label}: {meaning}"), remedy))
    });
    grown.collect()
}

fn loops(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let tampered = evidence.grown(|observed| observed.status.report.loops.tampered);
    if tampered > 0 {
        found.push(finding(
            format!("{tampered} loops came back altered: somebody on their way marks packets"),
            "tell the authorities; `status --json` says over which links loops were lost",
        ));
    }
    let lost = evidence.grown(|observed| observed.status.report.loops.lost);
    let ended = lost + evidence.grown(|observed| observed.status.report.loops.returned);
    if ended >= LOOPS_JUDGED_MIN && lost * 100 > ended * LOOPS_LOST_PERCENT {
        found.push(finding(
            format!("{lost} of {ended} loops did not come back"),
            "see whether nodes of the network are down or overloaded; one link alone hints at an attack",
        ));
    }
    found
}

fn peers(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.is_young() {
        return Vec::new();
    }
    let wrong = evidence.observed.peers.iter().filter_map(|peer| {
        let name = short(&peer.node);
        if !peer.up {
            let failures = labels(&peer.failures);
            return Some(finding(
                format!("no link to {name} ({failures})"),
                "its operator sees why; if there is no link to any node, look at this host's network and firewall",
            ));
        }
        (peer.queued >= QUEUE_LONG).then(|| {
            finding(
                format!("{} frames wait for {name}", peer.queued),
                "the node or the line to it is too slow; packets are dropped when 1024 wait",
            )
        })
    });
    wrong.collect()
}

fn room(evidence: &Evidence<'_>) -> Vec<Finding> {
    let report = &evidence.observed.status.report;
    let held = usize::try_from(report.ledger.held).unwrap_or(usize::MAX);
    let rooms = [
        ("packets held", held, report.limits.held_max, "held_packets_max"),
        ("sessions", evidence.observed.sessions(), report.limits.sessions_max, "sessions_max"),
    ];
    let nearly = rooms.into_iter().filter(|(_, taken, max, _)| percent(*taken, *max) >= NEARLY_FULL_PERCENT);
    let nearly = nearly.map(|(what, taken, max, key)| {
        finding(
            format!("{taken} of {max} {what}: beyond that they are refused"),
            format!("raise `{key}` in [limits] and reload, if memory allows; otherwise a larger host"),
        )
    });
    nearly.collect()
}

fn tags(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some((tags, max)) = evidence.observed.tags() else { return Vec::new() };
    if percent(tags, max) < NEARLY_FULL_PERCENT {
        return Vec::new();
    }
    vec![finding(
        format!(
            "{tags} of {max} replay tags of a key: beyond that packets are dropped until its epoch is over"
        ),
        "more mixes or shorter epochs, which the authorities decide on; a flood of packets shows in the rates above",
    )]
}

fn excess(evidence: &Evidence<'_>) -> Vec<Finding> {
    let excess = &evidence.observed.status.report.pipeline.excess;
    let moved = evidence.grown(|observed| observed.status.report.pipeline.excess.count);
    if excess.count < EXCESS_JUDGED_MIN || excess.ms_p99 <= EXCESS_MS_LONG || moved == 0 {
        return Vec::new();
    }
    vec![finding(
        format!(
            "one packet in a hundred since the start left {:.0} ms or more after the end of its delay",
            excess.ms_p99
        ),
        "the node is overloaded: lower `sessions_max`, give it more cores, or end what else runs on the host",
    )]
}

fn links(evidence: &Evidence<'_>) -> Vec<Finding> {
    let failures = &evidence.observed.status.member.link_failures;
    let wrong = failures.keys().filter_map(|label| {
        let advice = advice::of_link(label)?;
        let count = |observed: &Observed| {
            observed.status.member.link_failures.get(label).copied().unwrap_or_default()
        };
        let grown = evidence.grown(count);
        let text = || finding(format!("{grown} links refused, {label}: {}", advice.meaning), advice.remedy);
        (grown > 0).then(text)
    });
    wrong.collect()
}

fn onion(evidence: &Evidence<'_>) -> Vec<Finding> {
    let trouble = evidence.observed.status.member.onion.as_ref().and_then(|onion| onion.trouble());
    let remedy = "clients of route tor+mix cannot reach this entry: see the reason, and the log";
    trouble.map(|trouble| finding(trouble, remedy)).into_iter().collect()
}

fn metrics(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(metrics) = &evidence.observed.status.metrics else { return Vec::new() };
    let found = metrics.failure.as_ref().map(|failure| {
        finding(
            format!("metrics cannot be shown on {}: {failure} (metrics-listen)", metrics.address),
            "set `metrics` to a free port, one for each node on this host, or to \"off\", and reload",
        )
    });
    found.into_iter().collect()
}

/// The share of `max` that is taken, in per cent.
pub(super) fn percent(taken: usize, max: usize) -> usize {
    taken.saturating_mul(100).checked_div(max).unwrap_or(100)
}

/// The beginning of a node's name, enough to tell nodes apart.
pub(crate) fn short(node: &str) -> &str {
    node.get(..8).unwrap_or(node)
}

/// Counts by label in one line.
pub(super) fn labels(counts: &std::collections::BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "no failure yet".to_owned();
    }
    let parts: Vec<String> = counts.iter().map(|(label, count)| format!("{label} {count}")).collect();
    parts.join(", ")
}
