//! What a design gives, by the closed forms.
//!
//! The assumptions are those that keep the figures on the safe side or that the defaults of a [`Scenario`] make true:
//! traced packets are hidden among what clients send, not among replies; a message waits for one slot and for no other
//! message; its recipient is online and asks about contacts in turn in all slots.
//!
//! [`Scenario`]: crate::scenario::Scenario

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::design::Design;
use super::forms::{entropy_with_corrupt_bits, path_compromised};
use super::stages::Stages;
use super::wish::Wish;

/// A frame on the wire: 2,400 bytes and 22 of its TLS record.
const FRAME_BYTES: f64 = 2422.0;
/// Ways through the network that a message takes: to the mailbox, the question for it, the answer.
const WAYS: f64 = 3.0;

/// Figures of a design.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How uncertain an adversary that watches all links and runs the corrupt mixes is about who sent a packet: the
    /// entropy over packets, but not more than that of the users.
    pub anonymity_bits: f64,
    /// The same over packets, without that cap.
    pub packet_entropy_bits: f64,
    /// The probability that all mixes of a path are corrupt.
    pub path_compromised: f64,
    /// Packets that a mix holds on average, of those that clients send.
    pub occupancy: f64,
    /// From written to received, at the wish's quantile.
    pub latency_s: f64,
    /// The mean of it.
    pub latency_mean_s: f64,
    /// What a user sends and receives, in kB (1,000 bytes) a second.
    pub bandwidth_kb_s: f64,
}

impl Figures {
    /// Of a design and what is around it.
    pub(super) fn of(design: &Design, wish: &Wish, latencies: &mut Latencies) -> Self {
        let rate_per_s = f64::from(wish.users) * design.sent_per_s();
        let delay_s = f64::from(design.delay_ms_mean) / 1000.0;
        let occupancy = rate_per_s * delay_s / f64::from(design.mixes_per_layer);
        let packet_entropy_bits = entropy_with_corrupt_bits(design, wish.corrupt, rate_per_s * delay_s);
        let latency = latencies.of(design, wish);
        Self {
            anonymity_bits: packet_entropy_bits.min(f64::from(wish.users).log2()),
            packet_entropy_bits,
            path_compromised: path_compromised(design, wish.corrupt),
            occupancy,
            latency_s: latency.quantile_s,
            latency_mean_s: latency.mean_s,
            bandwidth_kb_s: (design.sent_per_s() + design.received_per_s()) * FRAME_BYTES / 1000.0,
        }
    }
}

/// How long messages take by a design.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    quantile_s: f64,
    mean_s: f64,
}

/// Latencies that were computed: neither users nor the widths of layers nor drops change them.
#[derive(Debug, Default)]
pub(super) struct Latencies(BTreeMap<[u32; 5], Latency>);

impl Latencies {
    /// Of a design. The quantile, the contacts and the links of the wish must be the same at all calls.
    fn of(&mut self, design: &Design, wish: &Wish) -> Latency {
        let key = [
            design.delay_ms_mean,
            design.layers,
            design.payload_interval_ms_mean,
            design.loop_interval_ms_mean,
            design.downlink_interval_ms_mean,
        ];
        *self.0.entry(key).or_insert_with(|| {
            let stages = way(design, wish);
            Latency { quantile_s: stages.quantile_s(wish.latency_quantile), mean_s: stages.mean_s() }
        })
    }
}

/// What a message waits for, from written to received.
fn way(design: &Design, wish: &Wish) -> Stages {
    let slot_s = f64::from(design.payload_interval_ms_mean) / 1000.0;
    let delay_s = f64::from(design.delay_ms_mean) / 1000.0;
    // Poisson arrivals at frames with exponential gaps: the queue M/M/1, where a stay is exponential.
    let downlink_s = 1.0 / (design.received_per_s() - design.awaited_per_s());
    let hops = design.hops() as usize;
    let mut stages = Stages::polling(slot_s, wish.contacts);
    stages.add(slot_s, 1);
    // There and, for the question, there again; back the entry does not hold it but for the downlink.
    stages.add(delay_s, 2 * hops + hops - 1);
    stages.add(downlink_s, 1);
    stages.add_fixed(WAYS * f64::from(design.hops() + 1) * wish.link_ms_mean / 1000.0);
    stages
}
