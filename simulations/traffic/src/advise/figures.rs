//! What a design gives, by the closed forms.
//!
//! The assumptions are those that keep the figures on the safe side or that the defaults of a [`Scenario`] make true:
//! traced packets are hidden among what clients send, not among replies; a message waits for no other message; its recipient
//! is online and asks about contacts and decoys in turn in all slots.
//!
//! [`Scenario`]: crate::scenario::Scenario

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::design::Design;
use super::forms::{entropy_bits, path_compromised};
use super::stages::Stages;
use super::wish::Wish;

/// A frame on the wire: 2,400 bytes and 22 of its TLS record.
const FRAME_BYTES: f64 = 2422.0;
/// Mailboxes that have a box, as by default.
const REPLICAS: f64 = 2.0;
/// The most decoys that a client asks for.
const DECOYS_MAX: f64 = 32.0;
/// Standard deviations of the questions without an answer for which there are decoys: each time that there are not enough
/// to ask for, another is made, and lasts.
const DECOYS_SPREAD: f64 = 3.0;

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
    let hops = design.hops();
    let links_s = 2.0 * f64::from(hops + 1) * wish.link_ms_mean / 1000.0;
    // Back, the entry does not hold it but for the downlink.
    let ways_s = f64::from(2 * hops - 1) * delay_s + links_s;
    let asked =
        Questions::of(slot_s, f64::from(asked_about(wish)), ways_s + downlink_s, f64::from(hops), delay_s);
    let mut stages = Stages::polling(asked.interval_s / f64::from(asked.phases), asked.phases);
    // The mailbox that is asked has it by the first write, or by the second.
    stages.add(slot_s, 1);
    stages.add(slot_s / 2.0, 1);
    stages.add(delay_s, 2 * hops as usize - 1);
    stages.add(downlink_s, 1);
    stages.add_fixed(links_s);
    stages
}

/// People whom the recipient of a message asks about: its contacts, those who have it among theirs, who are as many on
/// average, and the sender, who is one of them in any case.
const fn asked_about(wish: &Wish) -> u32 {
    2 * wish.contacts + 1
}

/// The questions for one contact's next box, as they come to mailboxes.
struct Questions {
    /// Mean time from one to the next.
    interval_s: f64,
    /// How regular they are: as every so-manieth event of a Poisson process.
    phases: u32,
}

impl Questions {
    /// Slots `slot_s` apart, so many people to ask about, and the round trip of a question.
    fn of(slot_s: f64, people: f64, round_trip_s: f64, hops: f64, delay_s: f64) -> Self {
        // Questions without an answer: a Poisson variable. Each box is asked for at each of its mailboxes once at a time.
        let unanswered = round_trip_s / slot_s;
        let needed = (unanswered + DECOYS_SPREAD * unanswered.sqrt()) / REPLICAS;
        let turns = people + (needed - people).clamp(0.0, DECOYS_MAX);
        // With too few to ask for, a box is asked for again as soon as an answer has come.
        let interval_s = (turns * slot_s).max(round_trip_s / REPLICAS);
        // Slots make gaps irregular, and so do the ways of two questions, which may overtake one another.
        let variance = interval_s * interval_s / turns + 2.0 * hops * delay_s * delay_s;
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
