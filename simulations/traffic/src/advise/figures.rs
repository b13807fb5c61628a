//! What a design gives, by the closed forms.
//!
//! The assumptions are those that keep the figures on the safe side or that the defaults of a [`Scenario`] make true:
//! traced packets are hidden among what clients send, not among replies; a message waits for no other message; its recipient
//! is online and asks about contacts and decoys in turn in all slots.
//!
//! [`Scenario`]: crate::scenario::Scenario

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, Poisson};

use super::design::Design;
use super::forms::{entropy_bits, path_compromised};
use super::stages::{Stages, quantile_s};
use super::wish::Wish;

/// A frame on the wire: 2,400 bytes and 22 of its TLS record.
const FRAME_BYTES: f64 = 2422.0;
/// Mailboxes that have a box, as by default.
const REPLICAS: f64 = 2.0;
/// The most decoys that a client asks for.
const DECOYS_MAX: f64 = 32.0;
/// The middles of as many equally likely ranges of the number of people whom recipients ask about.
const SHARES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];
/// The mean time for which a client asks for a decoy.
const DECOY_LIFE_S: f64 = 7200.0;
/// Standard deviations of the questions without an answer that are hardly ever exceeded.
const DECOYS_SPREAD: f64 = 5.0;

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
    /// Of a design and what is around it; `None` if traffic is too thin for the closed form of the entropy.
    pub(super) fn of(design: &Design, wish: &Wish, latencies: &mut Latencies) -> Option<Self> {
        let rate_per_s = f64::from(wish.users) * design.sent_per_s();
        let delay_s = f64::from(design.delay_ms_mean) / 1000.0;
        let occupancy = rate_per_s * delay_s / f64::from(design.mixes_per_layer);
        // Found before the latency, which is most of the work.
        let packet_entropy_bits = entropy_bits(design, wish.corrupt, rate_per_s).ok()?;
        let latency = latencies.of(design, wish);
        Some(Self {
            anonymity_bits: packet_entropy_bits.min(f64::from(wish.users).log2()),
            packet_entropy_bits,
            path_compromised: path_compromised(design, wish.corrupt).ok()?,
            occupancy,
            latency_s: latency.quantile_s,
            latency_mean_s: latency.mean_s,
            bandwidth_kb_s: (design.sent_per_s() + design.received_per_s()) * FRAME_BYTES / 1000.0,
        })
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
            let ways = ways(design, wish);
            let number = f64::from(u32::try_from(ways.len()).unwrap_or(u32::MAX));
            let mean_s = ways.iter().map(Stages::mean_s).sum::<f64>() / number;
            Latency { quantile_s: quantile_s(&ways, wish.latency_quantile), mean_s }
        })
    }
}

/// What messages wait for, from written to received, by how many people their recipients ask about: each is as likely.
fn ways(design: &Design, wish: &Wish) -> Vec<Stages> {
    // The sender is one of those who have the recipient among their contacts. How many others there are follows the law of
    // Poisson.
    let others = Poisson::new(f64::from(wish.contacts));
    SHARES
        .iter()
        .map(|share| {
            let others =
                others.as_ref().map_or(u64::from(wish.contacts), |others| others.inverse_cdf(*share));
            let others = u32::try_from(others).unwrap_or(u32::MAX);
            way(design, wish, f64::from(wish.contacts) + 1.0 + f64::from(others))
        })
        .collect()
}

/// What a message waits for if its recipient asks about so many people.
fn way(design: &Design, wish: &Wish, people: f64) -> Stages {
    let slot_s = f64::from(design.payload_interval_ms_mean) / 1000.0;
    let delay_s = f64::from(design.delay_ms_mean) / 1000.0;
    // Poisson arrivals at frames with exponential gaps: the queue M/M/1, where a stay is exponential.
    let downlink_s = 1.0 / (design.received_per_s() - design.awaited_per_s());
    let hops = design.hops();
    let links_s = 2.0 * f64::from(hops + 1) * wish.link_ms_mean / 1000.0;
    // Back, the entry does not hold it but for the downlink.
    let ways_s = f64::from(2 * hops - 1) * delay_s + links_s;
    let busy = design.awaited_per_s() / design.received_per_s();
    let answers = busy / (slot_s * design.awaited_per_s());
    let needed = unanswered_max(ways_s / slot_s, answers / (1.0 - busy + answers), slot_s) / REPLICAS;
    let way_variance_s2 = f64::from(hops) * delay_s * delay_s;
    let asked = Questions::of(slot_s, people, needed, ways_s + downlink_s, way_variance_s2);
    let mut stages = Stages::polling(asked.interval_s / f64::from(asked.phases), asked.phases);
    // The mailbox that is asked has it by the first write, or by the second.
    stages.add(slot_s, 1);
    stages.add(slot_s / 2.0, 1);
    stages.add(delay_s, 2 * hops as usize - 1);
    stages.add(downlink_s, 1);
    stages.add_fixed(links_s);
    stages
}

/// How many questions are without an answer at the most, about once in the life of a decoy, where `mixed` are in the mixes on
/// average and answers that wait for the downlink go on with the chance `more`: Poisson and geometric. The bound is
/// Chernoff's where the queue makes the tail, E more^(n - X) for the Poisson variable X, or some standard deviations.
fn unanswered_max(mixed: f64, more: f64, slot_s: f64) -> f64 {
    let rare = (DECOY_LIFE_S / slot_s).ln().max(0.0);
    let by_queue = (mixed * (1.0 / more - 1.0) + rare) / -more.ln();
    let queued = more / (1.0 - more);
    let by_mixes = mixed + queued + DECOYS_SPREAD * (mixed + queued + queued * queued).sqrt();
    by_queue.min(by_mixes)
}

/// The questions for one contact's next box, as they come to mailboxes.
struct Questions {
    /// Mean time from one to the next.
    interval_s: f64,
    /// How regular they are: as every so-manieth event of a Poisson process.
    phases: u32,
}

impl Questions {
    /// Slots `slot_s` apart, so many people to ask about, so many people and decoys that there is always one to ask about, the
    /// round trip of a question, and the variance of its way.
    fn of(slot_s: f64, people: f64, needed: f64, round_trip_s: f64, way_variance_s2: f64) -> Self {
        let turns = people + (needed - people).clamp(0.0, DECOYS_MAX);
        // With too few to ask for, a box is asked for again as soon as an answer has come.
        let interval_s = (turns * slot_s).max(round_trip_s / REPLICAS);
        // Slots make gaps irregular, and so do the ways of two questions, which may overtake one another.
        let variance = interval_s * interval_s / turns + 2.0 * way_variance_s2;
        let phases = (interval_s * interval_s / variance).clamp(1.0, turns).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and some thousand"
        )]
        let phases = phases as u32;
        Self { interval_s, phases }
    }
}
