//! The process, its host, and the network that it takes part in.

use super::{Metric, Sample, gauge, number, one, push, report};
use crate::shell::status::short;

/// The process and its host.
pub(super) const PROCESS: &[Metric] = &[
    gauge("sotto_mix_build_info", "Version, role and short name of the node, always 1", |at, out| {
        let status = &at.observed.status;
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("role", status.role.name()),
            ("node", short(&status.member.node)),
        ];
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
];

/// The network.
pub(super) const NETWORK: &[Metric] = &[
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

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}
