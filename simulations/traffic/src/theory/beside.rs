//! The closed forms that apply to a scenario, beside what was measured.
//!
//! A form is left out where its condition does not hold or its measure is missing: no comparison is not agreement.

mod conditions;

use serde::{Deserialize, Serialize};

use self::conditions::{Conditions, DAY_S};
use super::{corruption, downlink, latency, layers, occupancy};
use crate::metrics::meter::FRAME_BYTES;
use crate::results::Measures;
use crate::scenario::{Notice, Scenario, Topology, Writing};

/// Standard errors that a measure may be off by chance: 1 in 1,700,000 is, if it is normal.
const ERRORS_MAX: f64 = 5.0;
/// What entropies may be off besides, in bits: targets of one run are not independent.
const ENTROPY_ALLOWED_BITS: f64 = 0.1;
/// A form of the steady state is compared if the window is at least as many mean times long.
const WINDOWS_MIN: f64 = 20.0;
/// The fewest events of which a mean is compared.
const EVENTS_MIN: f64 = 100.0;
/// The fewest traced packets of which a mean entropy is compared: with fewer the standard error itself is not known.
const TARGETS_MIN: f64 = 30.0;
/// Which measure each form is beside.
pub const MEASURES: [(&str, &str); 6] = [
    ("occupancy", "mixes.held_mean"),
    ("latency-ms", "latency_ms.mean"),
    ("up-bytes", "traffic.up_bytes_per_user_day"),
    ("down-bytes", "traffic.down_bytes_per_user_day"),
    ("ways-compromised", "ways.compromised"),
    ("entropy-bits", "entropy_bits.packet"),
];

/// One closed form beside its measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Its name, as in `theory.NAME.expected`.
    pub name: String,
    /// What the form says.
    pub expected: f64,
    /// What was measured.
    pub measured: f64,
    /// By how much they may differ.
    pub tolerance: f64,
}

impl Comparison {
    /// Whether they differ by no more than that.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.measured - self.expected).abs() <= self.tolerance
    }
}

/// All forms that apply, in a fixed order.
///
/// | name | condition |
/// |---|---|
/// | `occupancy` | Poisson mixes; no shaped downlink at entries; 20 mean delays or more |
/// | `latency-ms` | straight to recipients through Poisson mixes over links of one latency; all clients always online; Poisson writing |
/// | `up-bytes` | cover at all clients, which are always online; mixes |
/// | `down-bytes` | mailboxes; a shaped downlink at all clients, always online; no digests |
/// | `stationary` | a shaped downlink with a load of 1 or more, which is refuted: expected is 0, and less than 1 is tolerated |
/// | `ways-compromised` | layers; corrupt nodes by name; entries none, or all, or no entries |
/// | `entropy-bits` | layers without entries, dummies and mix loops, straight to recipients; cover; dense traffic; the same share corrupt in each layer |
#[must_use]
pub fn beside(scenario: &Scenario, measures: &Measures) -> Vec<Comparison> {
    let conditions = Conditions::of(scenario);
    [
        occupancy_beside(&conditions, measures),
        latency_beside(&conditions, measures),
        up_beside(&conditions, measures),
        down_beside(&conditions, measures),
        stationary_beside(scenario),
        ways_beside(&conditions, measures),
        entropy_beside(&conditions, measures),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Notes comparisons as `theory.NAME.expected`, `.measured`, `.tolerance`, and `valid`: 1 if all hold. Where no form applies,
/// nothing is said of validity.
pub fn note(comparisons: &[Comparison], measures: &mut Measures) {
    for comparison in comparisons {
        let name = &comparison.name;
        measures.set(format!("theory.{name}.expected"), comparison.expected);
        measures.set(format!("theory.{name}.measured"), comparison.measured);
        measures.set(format!("theory.{name}.tolerance"), comparison.tolerance);
    }
    if comparisons.is_empty() {
        return;
    }
    measures.set("valid", if comparisons.iter().all(Comparison::holds) { 1.0 } else { 0.0 });
}

fn comparison(name: &str, expected: f64, measured: f64, tolerance: f64) -> Option<Comparison> {
    let all = [expected, measured, tolerance].iter().all(|value| value.is_finite());
    all.then(|| Comparison { name: name.to_owned(), expected, measured, tolerance })
}

/// Little's law over the delays that were drawn. What is held at the ends of the window is counted in part.
fn occupancy_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    let delay_s = of.poisson_delay_s()?;
    let long = of.scenario.duration_s >= WINDOWS_MIN * delay_s;
    if !long || of.has_shaped_downlink() {
        return None;
    }
    let per_s = measures.get("mixes.forwarded_per_s")?;
    let expected = occupancy::mean_packets(per_s, delay_s).ok()?;
    let packets =
        per_s * f64::from(of.scenario.network.widths().iter().sum::<u32>()) * of.scenario.duration_s;
    if packets < EVENTS_MIN {
        return None;
    }
    let tolerance = expected * (ERRORS_MAX / packets.sqrt() + 2.0 * delay_s / of.scenario.duration_s);
    comparison("occupancy", expected, measures.get("mixes.held_mean")?, tolerance)
}

/// Waiting for a slot, Erlang, links. Messages of the window's end are not received: the long ones are missing.
fn latency_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    let (delay_s, link_ms) = (of.poisson_delay_s()?, of.fixed_link_ms()?);
    if !of.is_direct() || !of.is_always_online() || of.has_shaped_downlink() {
        return None;
    }
    let Writing::Poisson { per_day_mean } = of.scenario.behaviour.writing else { return None };
    let hops = of.scenario.network.hops();
    let way = latency::MixLatency::new(hops, delay_s * 1e3, link_ms * f64::from(hops + 1)).ok()?;
    let (mut wait, mut wait_squares, mut hanging, mut clients) = (0.0, 0.0, 1.0_f64, 0.0);
    for class in &of.scenario.clients {
        let count = f64::from(class.count);
        clients += count;
        if class.payload_interval_ms_mean > 0.0 {
            let per_s = per_day_mean / DAY_S;
            let mean = latency::slot_wait_ms(class.payload_interval_ms_mean, per_s).ok()?;
            // A queue forgets its beginning within some times 1/(slots - messages) over its free share.
            let load = per_s * class.payload_interval_ms_mean / 1e3;
            if of.scenario.warmup_s * 1e3 < WINDOWS_MIN * mean / (1.0 - load) {
                return None;
            }
            // Neighbours in a queue wait alike: by so much less do many of them tell.
            hanging = hanging.max(1.0 + 8.0 * load / (1.0 - load).powi(2));
            wait += count * mean;
            wait_squares += count * 2.0 * mean * mean;
        }
    }
    let wait_mean = wait / clients;
    let variance = way.variance_ms2() + wait_squares / clients - wait_mean * wait_mean;
    let expected = way.mean_ms() + wait_mean;
    let received = measures.get("messages.received")?;
    if received < EVENTS_MIN || of.scenario.duration_s * 1e3 < WINDOWS_MIN * expected {
        return None;
    }
    let tolerance =
        ERRORS_MAX * (variance * hanging / received).sqrt() + 2.0 * variance / (of.scenario.duration_s * 1e3);
    comparison("latency-ms", expected, measures.get("latency_ms.mean")?, tolerance)
}

/// Frames of the processes of cover, whether there are messages or not.
fn up_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    if !of.is_always_online() || !of.has_cover() || !of.has_mixes() {
        return None;
    }
    bytes("up-bytes", of.packets_per_s(), of, measures.get("traffic.up_bytes_per_user_day")?)
}

fn down_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    // Straight to recipients packets come from the last mixes, beside the frames of the entry.
    let polls = !of.is_direct() && of.scenario.mailboxes.notice == Notice::Polling;
    let shaped = of.scenario.network.entries > 0
        && of.scenario.clients.iter().all(|class| class.downlink_interval_ms_mean > 0.0);
    if !of.is_always_online() || !shaped || !polls || !of.has_mixes() {
        return None;
    }
    bytes("down-bytes", of.frames_down_per_s(), of, measures.get("traffic.down_bytes_per_user_day")?)
}

/// A queue that grows as long as the run lasts has no steady state to be measured. A load below 1 confirms nothing.
fn stationary_beside(scenario: &Scenario) -> Option<Comparison> {
    let load = downlink::load_max(scenario).filter(|load| *load >= 1.0)?;
    comparison("stationary", 0.0, load, 1.0 - f64::EPSILON)
}

fn bytes(name: &str, per_s: f64, of: &Conditions<'_>, measured: f64) -> Option<Comparison> {
    let packets = per_s * of.scenario.duration_s;
    if packets < EVENTS_MIN {
        return None;
    }
    let expected = per_s * DAY_S * FRAME_BYTES / f64::from(of.scenario.client_count());
    comparison(name, expected, measured, ERRORS_MAX * expected / packets.sqrt())
}

fn ways_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    let shares = of.corrupt_shares()?;
    let fixed_entry = of.scenario.network.entries > 0 && shares.first().is_some_and(|s| *s > 0.0 && *s < 1.0);
    if of.scenario.network.topology != Topology::Stratified || fixed_entry || !of.has_mixes() {
        return None;
    }
    let expected = corruption::all_layers(&shares).ok()?;
    let ended = measures.get("ways.ended")?;
    if ended < EVENTS_MIN {
        return None;
    }
    let tolerance = ERRORS_MAX * ((expected * (1.0 - expected) + 1.0 / ended) / ended).sqrt();
    let none = expected <= 0.0 || expected >= 1.0;
    comparison(
        "ways-compromised",
        expected,
        measures.get("ways.compromised")?,
        if none { 1e-9 } else { tolerance },
    )
}

fn entropy_beside(of: &Conditions<'_>, measures: &Measures) -> Option<Comparison> {
    let network = &of.scenario.network;
    let delay_s = of.poisson_delay_s()?;
    let shares = of.corrupt_shares()?;
    let share = *shares.first()?;
    let alike = shares.iter().all(|other| (other - share).abs() < 1e-9);
    let applies = of.is_direct()
        && network.topology == Topology::Stratified
        && network.entries == 0
        && !of.has_hidden_packets()
        && of.is_always_online()
        && of.has_cover()
        && alike;
    if !applies {
        return None;
    }
    let per_s = of.packets_per_s();
    let honest: Option<Vec<f64>> = (1..=network.layers)
        .map(|layers| layers::network_bits(layers, network.mixes_per_layer, per_s, delay_s).ok())
        .collect();
    let expected = corruption::mean_bits(share, &honest?).ok()?;
    // Honest ways are thinned by the corrupt ones beside them.
    let thinned = per_s * delay_s * (1.0 - share).powi(2);
    let short = layers::shortfall_bits(network.layers, network.mixes_per_layer, thinned).ok()?;
    if measures.get("entropy_bits.traced")? < TARGETS_MIN {
        return None;
    }
    let error = measures.get("entropy_bits.packet_error")?;
    let tolerance = short + ENTROPY_ALLOWED_BITS.max(ERRORS_MAX * error);
    comparison("entropy-bits", expected, measures.get("entropy_bits.packet")?, tolerance)
}

#[cfg(test)]
mod tests;
