//! Packets, what the way through the node takes, and the sessions of clients.

use super::{Metric, by, by_quantile, counter, gauge, number, one, push, report};

/// Packets.
pub(super) const PACKETS: &[Metric] = &[
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
        push(out, &[("place", "unwrapping")], number(held.unwrapping));
        push(out, &[("place", "committing")], number(held.committing));
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
];

/// The way of a packet through the node.
pub(super) const PIPELINE: &[Metric] = &[
    gauge("sotto_mix_pipeline_info", "The X25519 in use, always 1", |at, out| {
        push(out, &[("x25519", &report(at).pipeline.x25519)], 1);
    }),
    gauge("sotto_mix_workers", "Threads that unwrap packets", |at, out| {
        out.push(one(number(report(at).pipeline.workers)));
    }),
    gauge(
        "sotto_mix_excess_delay_seconds",
        "From the end of a packet's delay to the next link",
        |at, out| {
            by_quantile(out, &report(at).pipeline.excess);
        },
    ),
    counter("sotto_mix_excess_delay_packets", "Packets whose excess delay was measured", |at, out| {
        out.push(one(report(at).pipeline.excess.count));
    }),
    gauge(
        "sotto_mix_downlink_lateness_seconds",
        "From the time at which a frame for a client was due to its handing over to the client's link",
        |at, out| {
            by_quantile(out, &report(at).pipeline.downlink);
        },
    ),
    gauge("sotto_mix_replay_tags_bytes", "Memory that the replay tags take", |at, out| {
        out.push(one(report(at).pipeline.tags_bytes));
    }),
    gauge("sotto_mix_tag_commit_seconds", "How long commits of replay tags took", |at, out| {
        by_quantile(out, &report(at).pipeline.commit);
    }),
    counter("sotto_mix_tag_commits", "Commits of replay tags, those that failed included", |at, out| {
        out.push(one(report(at).pipeline.commit.count));
    }),
    counter("sotto_mix_tag_commits_failed", "Commits of replay tags that failed", |at, out| {
        out.push(one(report(at).pipeline.commits_failed));
    }),
    gauge(
        "sotto_mix_tag_commits_failing",
        "1 if the last commit of replay tags failed, else 0",
        |at, out| {
            out.push(one(u64::from(report(at).pipeline.commits_failing)));
        },
    ),
    gauge("sotto_mix_replay_tags", "Replay tags remembered under the keys in use", |at, out| {
        out.push(one(report(at).pipeline.tags));
    }),
    gauge("sotto_mix_replay_tags_fullest_key", "Replay tags of the key with the most", |at, out| {
        out.push(one(report(at).pipeline.tags_fullest_key));
    }),
    gauge("sotto_mix_replay_tags_max", "Replay tags that one key can have", |at, out| {
        out.push(one(report(at).pipeline.tags_max));
    }),
];

/// Sessions of an entry.
pub(super) const SESSIONS: &[Metric] = &[
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
];
