//! Links to and from other nodes.

use super::{Metric, Sample, by, counter, gauge, push};
use crate::shell::metrics::snapshot::Snapshot;
use crate::shell::status::PeerView;

/// Links.
pub(super) const LINKS: &[Metric] = &[
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
];

fn by_peer(at: &Snapshot, out: &mut Vec<Sample>, value: impl Fn(&PeerView) -> u64) {
    for peer in &at.observed.peers {
        push(out, &[("node", &peer.node)], value(peer));
    }
}
