//! Every metric: its name, its kind, what it says, and where in a snapshot it stands.
//!
//! `docs/metrics.md` lists the same names; a test scrapes a running node and compares. A counter's name is
//! shown with `_total` behind it.

use std::collections::BTreeMap;

use super::snapshot::Snapshot;
use crate::core::MixReport;

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

/// All of them, in the order in which they are shown. What the packet pipeline measures of itself, as a histogram of
/// the excess delay, belongs behind the packets.
pub(super) const CATALOG: &[Metric] = &[
    // The process and its host.
    gauge("sotto_mix_build_info", "Version and role of the program, always 1", |at, out| {
        let status = &at.observed.status;
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("role", status.role.name())];
        push(out, &labels, 1);
    }),
    gauge("process_start_time_seconds", "When the node was started, in seconds since 1970", |at, out| {
        out.push(Sample { labels: Vec::new(), value: seconds(at.started.as_micros()) });
    }),
    gauge("process_resident_memory_bytes", "Resident memory", |at, out| {
        out.extend(at.observed.status.member.rss_kib.map(|kib| one(kib.saturating_mul(1_024))));
    }),
    gauge("process_open_fds", "Open files and connections", |at, out| {
        out.extend(at.files.as_ref().map(|files| one(files.open)));
    }),
    gauge("process_max_fds", "Open files and connections that the process may have", |at, out| {
        out.extend(at.files.as_ref().map(|files| one(files.max)));
    }),
    gauge("sotto_mix_uptime_seconds", "Time since the start", |at, out| {
        out.push(one(at.observed.status.member.uptime_s));
    }),
    gauge("sotto_mix_clock_ahead_seconds", "Node's clock minus the system's time of day", |at, out| {
        out.push(Sample { labels: Vec::new(), value: at.clock_ahead_s() });
    }),
    gauge("sotto_mix_disk_free_bytes", "Room left on the file system of the node's directory", |at, out| {
        out.extend(at.disk.map(|(free, _)| one(free)));
    }),
    gauge("sotto_mix_disk_size_bytes", "Size of the file system of the node's directory", |at, out| {
        out.extend(at.disk.map(|(_, size)| one(size)));
    }),
    // Packets.
    counter("sotto_mix_packets_received", "Packets that came, by kind of peer", |at, out| {
        let links = &report(at).ledger.links;
        push(out, &[("from", "clients")], links.received_from_clients);
        push(out, &[("from", "nodes")], links.received_from_nodes);
    }),
    counter("sotto_mix_packets_forwarded", "Packets handed to the next hop's link", |at, out| {
        out.push(one(report(at).ledger.forwarded));
    }),
    counter("sotto_mix_packets_delivered", "Packets used here, by kind", |at, out| {
        by(out, "kind", &report(at).ledger.delivered);
    }),
    counter("sotto_mix_packets_dropped", "Packets dropped, by label", |at, out| {
        by(out, "label", &report(at).ledger.dropped);
    }),
    counter("sotto_mix_packets_originated", "Own packets handed to a link, by kind", |at, out| {
        by(out, "kind", &report(at).ledger.originated);
    }),
    counter("sotto_mix_packets_unsent", "Own packets that no link took, by label", |at, out| {
        by(out, "label", &report(at).ledger.unsent);
    }),
    counter("sotto_mix_packets_sent", "Packets handed to links, by kind of peer", |at, out| {
        let links = &report(at).ledger.links;
        push(out, &[("to", "clients")], links.sent_to_clients);
        push(out, &[("to", "nodes")], links.sent_to_nodes);
    }),
    counter("sotto_mix_packets_lost_on_link", "Packets that were queued when their link broke", |at, out| {
        out.push(one(report(at).ledger.links.lost_on_link));
    }),
    gauge("sotto_mix_packets_held", "Packets that wait, by place", |at, out| {
        let held = &report(at).held;
        push(out, &[("place", "delayed")], number(held.delayed));
        push(out, &[("place", "downlink")], number(held.downlink));
        push(out, &[("place", "sending")], number(held.sending));
    }),
    gauge("sotto_mix_packets_held_max", "Packets that may wait", |at, out| {
        out.push(one(number(report(at).limits.held_max)));
    }),
    gauge("sotto_mix_ledger_balanced", "1 if every packet is accounted for, else 0", |at, out| {
        out.push(one(u64::from(report(at).ledger.balanced())));
    }),
    counter("sotto_mix_delays_clamped", "Packets that asked for more than the greatest delay", |at, out| {
        out.push(one(report(at).delays_clamped));
    }),
    counter("sotto_mix_link_dummies", "Dummies asked for on links to other nodes", |at, out| {
        out.push(one(report(at).dummies));
    }),
    // Sessions of an entry.
    gauge("sotto_mix_sessions", "Clients' sessions, by state", |at, out| {
        let sessions = &report(at).sessions;
        push(out, &[("state", "connected")], number(sessions.connected));
        push(out, &[("state", "resumable")], number(sessions.resumable));
    }),
    gauge("sotto_mix_sessions_max", "Sessions that there may be", |at, out| {
        out.push(one(number(report(at).limits.sessions_max)));
    }),
    counter("sotto_mix_session_events", "What became of sessions, by event", |at, out| {
        let sessions = &report(at).sessions;
        for (event, count) in [
            ("opened", sessions.opened),
            ("resumed", sessions.resumed),
            ("expired", sessions.expired),
            ("refused", sessions.refused),
        ] {
            push(out, &[("event", event)], count);
        }
    }),
    counter("sotto_mix_downlink_dummies", "Dummies sent to clients for want of a packet", |at, out| {
        out.push(one(report(at).sessions.downlink_dummies));
    }),
    // Loops.
    counter("sotto_mix_loops_sent", "Own loops sent", |at, out| out.push(one(report(at).loops.sent))),
    counter("sotto_mix_loops", "Own loops, by outcome", |at, out| {
        let loops = &report(at).loops;
        for (outcome, count) in [
            ("returned", loops.returned),
            ("lost", loops.lost),
            ("tampered", loops.tampered),
            ("unsent", loops.unsent),
        ] {
            push(out, &[("outcome", outcome)], count);
        }
    }),
    gauge("sotto_mix_loops_outstanding", "Own loops on their way", |at, out| {
        out.push(one(report(at).loops.outstanding));
    }),
    gauge("sotto_mix_loop_alarms", "Alarms of the loops that stand, by kind", |at, out| {
        for kind in ["dropping", "delaying", "tampering"] {
            let count = at.observed.alarms.iter().filter(|alarm| alarm.kind == kind).count();
            push(out, &[("kind", kind)], number(count));
        }
    }),
    // Links.
    gauge("sotto_mix_peer_up", "1 if there is a link to the node, else 0", |at, out| {
        by_peer(at, out, |peer| u64::from(peer.up));
    }),
    gauge("sotto_mix_peer_queued_frames", "Frames that wait for the node", |at, out| {
        by_peer(at, out, |peer| peer.queued);
    }),
    counter("sotto_mix_peer_packets_sent", "Packets that the link to the node has taken", |at, out| {
        by_peer(at, out, |peer| peer.packets_sent);
    }),
    counter("sotto_mix_peer_packets_lost", "Packets lost with a link to the node", |at, out| {
        by_peer(at, out, |peer| peer.packets_lost);
    }),
    counter("sotto_mix_peer_connects", "Links made to the node", |at, out| {
        by_peer(at, out, |peer| peer.connects);
    }),
    counter("sotto_mix_peer_failures", "Links to the node that failed, by label", |at, out| {
        for peer in &at.observed.peers {
            for (label, count) in &peer.failures {
                push(out, &[("node", &peer.node), ("label", label)], *count);
            }
        }
    }),
    counter("sotto_mix_link_failures", "Incoming links that failed or were refused, by label", |at, out| {
        by(out, "label", &at.observed.status.member.link_failures);
    }),
    // The network.
    gauge("sotto_mix_draining", "1 while the node is leaving the network, else 0", |at, out| {
        out.push(one(u64::from(report(at).drain.is_some())));
    }),
    gauge("sotto_mix_drain_end_time_seconds", "When a drain ends, in seconds since 1970", |at, out| {
        out.extend(report(at).drain.and_then(|drain| drain.ends_s).map(one));
    }),
    gauge("sotto_mix_key_epochs", "Epochs whose hop keys are installed", |at, out| {
        out.push(one(number(report(at).key_epochs.len())));
    }),
    gauge("sotto_mix_key_epoch_oldest", "The earliest epoch with a hop key", |at, out| {
        out.extend(report(at).key_epochs.iter().min().copied().map(one));
    }),
    gauge("sotto_mix_key_epoch_newest", "The latest epoch with a hop key", |at, out| {
        out.extend(report(at).key_epochs.iter().max().copied().map(one));
    }),
    gauge("sotto_mix_present_epoch", "The epoch by the node's clock", |at, out| {
        out.push(one(at.present_epoch()));
    }),
    gauge("sotto_mix_consensus_epoch", "The epoch of the newest consensus", |at, out| {
        out.extend(report(at).consensus_epoch.map(one));
    }),
    gauge("sotto_mix_consensus_age_seconds", "Time since the newest consensus came into force", |at, out| {
        out.extend(at.consensus_age_s().map(|value| Sample { labels: Vec::new(), value }));
    }),
    gauge("sotto_mix_epoch_length_seconds", "The length of an epoch", |at, out| {
        out.push(one(u64::from(at.epoch_s)));
    }),
    gauge("sotto_mix_listed", "1 if the newest consensus lists the node, else 0", |at, out| {
        out.push(one(u64::from(report(at).place.is_some())));
    }),
    gauge("sotto_mix_published_epoch", "The epoch in which the descriptor was last accepted", |at, out| {
        out.extend(at.observed.published_epoch().map(one));
    }),
    gauge("sotto_mix_membership_failing", "1 while publishing or fetching fails, by label", |at, out| {
        for what in ["publish", "fetch"] {
            if let Some((label, _)) = at.observed.failure(what) {
                push(out, &[("what", what), ("label", label)], 1);
            }
        }
    }),
    gauge("sotto_mix_onion_reachable", "1 if the onion service is reachable, else 0", |at, out| {
        let onion = at.observed.status.member.onion.as_ref();
        out.extend(onion.map(|onion| one(u64::from(onion.trouble().is_none()))));
    }),
];

const fn report(at: &Snapshot) -> &MixReport {
    &at.observed.status.report
}

fn one(value: u64) -> Sample {
    Sample { labels: Vec::new(), value: float(value) }
}

fn push(out: &mut Vec<Sample>, labels: &[(&'static str, &str)], value: u64) {
    let labels = labels.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    out.push(Sample { labels, value: float(value) });
}

fn by(out: &mut Vec<Sample>, key: &'static str, counts: &BTreeMap<String, u64>) {
    for (label, count) in counts {
        push(out, &[(key, label)], *count);
    }
}

fn by_peer(at: &Snapshot, out: &mut Vec<Sample>, value: impl Fn(&crate::shell::status::PeerView) -> u64) {
    for peer in &at.observed.peers {
        push(out, &[("node", &peer.node)], value(peer));
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

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_and_occur_once() {
        let mut names = BTreeSet::new();
        for metric in CATALOG {
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
