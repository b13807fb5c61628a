//! From a scenario of the model to a virtual network; what that cannot do is refused with its field.

use std::fmt;
use std::time::Duration;

use sotto_protocol::directory::{CoverClass, LAYERS, Params};
use sotto_traffic::random::Seed;
use sotto_traffic::scenario::{
    Behaviour, ClientClass, Contacts, Delivery, Latency, Mailboxes, Mixing, Network, Notice, Online, Route,
    Scenario, ScenarioRefusal, Topology, Writing,
};

use crate::vnet::{Faults, VnetPlan};

/// The most clients: cryptography is slow.
const CLIENTS_MAX: u32 = 32;
/// The longest time, warming up included, in seconds: within it keys and layers do not change.
const SPAN_S_MAX: f64 = 3000.0;
/// Delays are held up to so many times their mean: beyond are less than 1 in 10^21.
const DELAY_MAX_TIMES: u32 = 50;
/// The longest delay that parameters of a network can have, in milliseconds.
const DELAY_MS_MAX: u32 = 600_000;
/// An epoch of the virtual network, in seconds.
const EPOCH_S: u32 = 7 * 24 * 3600;

/// The scenario of [`super::compare`]: two entries, three layers of two mixes, two mailboxes, four clients who write to one another in pairs.
#[must_use]
pub fn small() -> Scenario {
    Scenario {
        network: Network { mix_loop_interval_ms_mean: 10_000.0, ..Network::default() },
        mixing: Mixing::Poisson { delay_ms_mean: 200.0 },
        latency: Latency::Fixed { ms: 1.0 },
        mailboxes: Mailboxes::default(),
        clients: vec![ClientClass {
            count: 4,
            payload_interval_ms_mean: 500.0,
            loop_interval_ms_mean: 2500.0,
            drop_interval_ms_mean: 2500.0,
            downlink_interval_ms_mean: 250.0,
            ..ClientClass::default()
        }],
        behaviour: Behaviour {
            writing: Writing::Poisson { per_day_mean: 2000.0 },
            contacts: Contacts::Pairs,
            receipts: true,
        },
        duration_s: 600.0,
        warmup_s: 30.0,
        ..Scenario::default()
    }
}

/// The virtual network that a scenario asks for.
///
/// # Errors
/// [`ScenarioRefusal`] with the field that it cannot follow.
pub fn vnet_plan(scenario: &Scenario, seed: Seed) -> Result<VnetPlan, ScenarioRefusal> {
    scenario.validate()?;
    let network = &scenario.network;
    require(network.route == Route::Mix, "network.route", format_args!("{:?}", network.route), "mix")?;
    require(
        network.topology == Topology::Stratified,
        "network.topology",
        format_args!("{:?}", network.topology),
        "stratified",
    )?;
    require(network.delivery == Delivery::Mailbox, "network.delivery", "direct", "mailbox")?;
    require(network.entries > 0, "network.entries", 0, "1 or more")?;
    require(network.layers == u32::from(LAYERS), "network.layers", network.layers, LAYERS)?;
    let Mixing::Poisson { delay_ms_mean } = scenario.mixing else {
        return Err(refusal("mixing.strategy", "another", "poisson"));
    };
    let Latency::Fixed { ms } = scenario.latency else {
        return Err(refusal(
            "latency.kind",
            "another",
            "fixed: links of the virtual network do not keep the order",
        ));
    };
    require(scenario.mailboxes.notice == Notice::Polling, "mailboxes.notice.kind", "digest", "polling")?;
    let [class] = scenario.clients.as_slice() else {
        return Err(refusal("clients", scenario.clients.len(), "one class"));
    };
    require(class.online == Online::Always, "clients[0].online.kind", "another", "always")?;
    let is_allowed = class.count % 2 == 0 && class.count <= CLIENTS_MAX;
    require(is_allowed, "clients[0].count", class.count, format_args!("an even number up to {CLIENTS_MAX}"))?;
    require(scenario.behaviour.contacts == Contacts::Pairs, "behaviour.contacts.kind", "another", "pairs")?;
    let span_s = scenario.duration_s + scenario.warmup_s;
    require(span_s <= SPAN_S_MAX, "duration_s and warmup_s", span_s, format_args!("{SPAN_S_MAX} together"))?;

    let delay_ms_mean = whole_ms("mixing.delay_ms_mean", delay_ms_mean)?;
    let params = Params {
        delay_ms_mean,
        delay_ms_max: delay_ms_mean.saturating_mul(DELAY_MAX_TIMES).clamp(1, DELAY_MS_MAX),
        epoch_s: EPOCH_S,
        grace_s: EPOCH_S,
        mix_loop_interval_ms_mean: whole_ms(
            "network.mix_loop_interval_ms_mean",
            network.mix_loop_interval_ms_mean,
        )?,
        link_dummy_interval_ms_mean: whole_ms(
            "network.link_dummy_interval_ms_mean",
            network.link_dummy_interval_ms_mean,
        )?,
        replicas: u8::try_from(scenario.mailboxes.replicas).unwrap_or(u8::MAX),
        classes: vec![CoverClass {
            name: "standard".to_owned(),
            payload_interval_ms_mean: whole_ms(
                "clients[0].payload_interval_ms_mean",
                class.payload_interval_ms_mean,
            )?,
            loop_interval_ms_mean: whole_ms("clients[0].loop_interval_ms_mean", class.loop_interval_ms_mean)?,
            drop_interval_ms_mean: whole_ms("clients[0].drop_interval_ms_mean", class.drop_interval_ms_mean)?,
            downlink_interval_ms_mean: whole_ms(
                "clients[0].downlink_interval_ms_mean",
                class.downlink_interval_ms_mean,
            )?,
        }],
    };
    params
        .validate()
        .map_err(|error| refusal("the scenario's rates", &error, "what a network can agree on"))?;
    let latency = Duration::from_secs_f64(ms / 1000.0);
    Ok(VnetPlan {
        seed: seed.as_u64(),
        entries: network.entries as usize,
        mixes: (network.layers * network.mixes_per_layer) as usize,
        mailboxes: scenario.mailboxes.count as usize,
        params,
        faults: Faults { latency_min: latency, latency_max: latency, ..Faults::NONE },
    })
}

/// Parameters of a network are whole milliseconds.
fn whole_ms(field: &str, ms: f64) -> Result<u32, ScenarioRefusal> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is compared")]
    let whole = ms as u32;
    #[expect(clippy::float_cmp, reason = "is it a whole number")]
    let is_whole = f64::from(whole) == ms;
    require(is_whole && whole > 0, field, ms, "a whole number of milliseconds, 1 or more")?;
    Ok(whole)
}

fn require(
    holds: bool,
    field: &str,
    found: impl fmt::Display + Copy,
    allowed: impl fmt::Display + Copy,
) -> Result<(), ScenarioRefusal> {
    if holds { Ok(()) } else { Err(refusal(field, found, allowed)) }
}

fn refusal(
    field: &str,
    found: impl fmt::Display + Copy,
    allowed: impl fmt::Display + Copy,
) -> ScenarioRefusal {
    ScenarioRefusal { field: field.to_owned(), found: found.to_string(), allowed: allowed.to_string() }
}
