//! The node's own loops, and what they tell about other nodes and the links between them.
//!
//! Each node and each link that is shown makes series of its own, so their number is bounded here.

use crate::core::{LinkLoopReport, LoopAlarmKind, LossReport, MixReport, NodeLoopReport};

use super::{Metric, Sample, counter, gauge, number, one, push, push_float, report};

/// Nodes that are shown at most: those that lose most, as far as that is certain.
const NODES_SHOWN_MAX: usize = 256;
/// Links that are shown at most, chosen alike.
const LINKS_SHOWN_MAX: usize = 256;

/// Loops.
pub(super) const LOOPS: &[Metric] = &[
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
    gauge("sotto_mix_loop_node_loss_ratio", "Share of packets lost at a node or on its links", |at, out| {
        for node in nodes(report(at)) {
            by_bound(out, &[("node", &node.node)], node.loss);
        }
    }),
    gauge("sotto_mix_loop_node_excess_seconds", "Excess of the loops over a node", |at, out| {
        for node in nodes(report(at)) {
            if let Some(excess) = node.excess {
                let labels = |quantile| [("node", node.node.as_str()), ("quantile", quantile)];
                push_float(out, &labels("0.5"), millis(excess.excess_ms_p50));
                push_float(out, &labels("0.99"), millis(excess.excess_ms_p99));
            }
        }
    }),
    gauge("sotto_mix_loop_link_loss_ratio", "Share of packets lost on a link", |at, out| {
        for link in links(report(at)) {
            by_bound(out, &[("from", &link.from), ("to", &link.to)], link.loss);
        }
    }),
    gauge("sotto_mix_loop_alarms", "Alarms of the loops that stand, by kind", |at, out| {
        for kind in [LoopAlarmKind::Dropping, LoopAlarmKind::Delaying, LoopAlarmKind::Tampering] {
            let count = report(at).loops.alarms.iter().filter(|alarm| alarm.kind == kind).count();
            push(out, &[("kind", kind.label())], number(count));
        }
    }),
    counter("sotto_mix_loop_alarms_raised", "Alarms of the loops, those cleared included", |at, out| {
        out.push(one(report(at).loops.alarms_raised));
    }),
];

fn nodes(report: &MixReport) -> Vec<&NodeLoopReport> {
    shown(&report.loops.nodes, |node| node.loss, NODES_SHOWN_MAX)
}

fn links(report: &MixReport) -> Vec<&LinkLoopReport> {
    shown(&report.loops.links, |link| link.loss, LINKS_SHOWN_MAX)
}

/// The `max` with the greatest lower ends of their loss; of equals those that come first.
fn shown<T>(all: &[T], loss: impl Fn(&T) -> LossReport, max: usize) -> Vec<&T> {
    let mut shown: Vec<&T> = all.iter().collect();
    shown.sort_by(|a, b| loss(b).loss_low.total_cmp(&loss(a).loss_low));
    shown.truncate(max);
    shown
}

fn by_bound(out: &mut Vec<Sample>, of: &[(&'static str, &str)], loss: LossReport) {
    let LossReport { loss, loss_low, loss_high } = loss;
    for (bound, share) in [("likely", loss), ("low", loss_low), ("high", loss_high)] {
        push_float(out, &[of, &[("bound", bound)]].concat(), share);
    }
}

fn millis(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loses_most_is_shown_and_no_more_than_the_limit() {
        let link = |place: usize, loss_low: f64| LinkLoopReport {
            from: place.to_string(),
            to: String::new(),
            sent: 1,
            returned: 1,
            lost: 0,
            loss: LossReport { loss: loss_low, loss_low, loss_high: 1.0 },
            excess: None,
        };
        let mut links: Vec<LinkLoopReport> = (0..LINKS_SHOWN_MAX).map(|place| link(place, 0.0)).collect();
        links.push(link(LINKS_SHOWN_MAX, 0.2));
        let shown = shown(&links, |link| link.loss, LINKS_SHOWN_MAX);
        assert_eq!(shown.len(), LINKS_SHOWN_MAX);
        assert_eq!(shown[0].from, LINKS_SHOWN_MAX.to_string());
        assert_eq!((shown[1].from.as_str(), shown[255].from.as_str()), ("0", "254"));
    }
}
