//! Which designs are beaten by none, and which of these is best.

use std::cmp::Ordering;

use super::Candidate;
use super::figures::Figures;

/// Designs whose anonymity differs by less count as equal, so that the cheaper one is taken.
const SAME_BITS: f64 = 1e-9;

/// Most anonymity, then least latency, then least bandwidth.
pub(super) fn best<'a>(candidates: &[&'a Candidate]) -> Option<&'a Candidate> {
    candidates.iter().copied().min_by(|a, b| order(&a.figures, &b.figures))
}

fn order(a: &Figures, b: &Figures) -> Ordering {
    let bits = if (a.anonymity_bits - b.anonymity_bits).abs() < SAME_BITS {
        Ordering::Equal
    } else {
        b.anonymity_bits.total_cmp(&a.anonymity_bits)
    };
    bits.then(a.latency_s.total_cmp(&b.latency_s))
        .then(a.bandwidth_kb_s.total_cmp(&b.bandwidth_kb_s))
        // Of designs that hide everybody among all, the one with most to spare.
        .then(b.packet_entropy_bits.total_cmp(&a.packet_entropy_bits))
}

/// Those that no other beats in anonymity, latency and bandwidth, by falling anonymity.
pub(super) fn pareto(candidates: &[&Candidate]) -> Vec<Candidate> {
    let mut sorted = candidates.to_vec();
    sorted.sort_by(|a, b| order(&a.figures, &b.figures));
    // What comes later has no more anonymity, so only latency and bandwidth are compared; of equals the first stays.
    let mut front: Vec<Candidate> = Vec::new();
    for candidate in sorted {
        let beaten = front.iter().any(|better| {
            better.figures.latency_s <= candidate.figures.latency_s
                && better.figures.bandwidth_kb_s <= candidate.figures.bandwidth_kb_s
        });
        if !beaten {
            front.push(candidate.clone());
        }
    }
    front
}
