//! The networks that checks simulate: small, and with nothing in them that the form at hand does not know.

use crate::scenario::{
    Behaviour, ClientClass, Contacts, Delivery, Latency, Mixing, Network, Scenario, Writing,
};

/// Clients that send cover at the times of Poisson processes, in all `packets_per_s`, straight to one another; layers of
/// mixes; links of 10 ms.
pub(super) fn covered(layers: u32, width: u32, mixing: Mixing, packets_per_s: u32) -> Scenario {
    Scenario {
        network: Network {
            delivery: Delivery::Direct,
            entries: 0,
            layers,
            mixes_per_layer: width,
            mix_loop_interval_ms_mean: 0.0,
            link_dummy_interval_ms_mean: 0.0,
            ..Network::default()
        },
        mixing,
        latency: Latency::Fixed { ms: 10.0 },
        clients: vec![ClientClass {
            count: packets_per_s.max(10),
            payload_interval_ms_mean: 1000.0 * f64::from(packets_per_s.max(10)) / f64::from(packets_per_s),
            loop_interval_ms_mean: 0.0,
            drop_interval_ms_mean: 0.0,
            downlink_interval_ms_mean: 0.0,
            ..ClientClass::default()
        }],
        behaviour: Behaviour {
            writing: Writing::Poisson { per_day_mean: 0.0 },
            contacts: Contacts::Uniform { count: 5 },
            ..Behaviour::default()
        },
        ..Scenario::default()
    }
}

/// The same with messages and no cover: each of `clients` writes one in ten seconds, and it leaves at once.
pub(super) fn written(layers: u32, width: u32, delay_ms_mean: f64, clients: u32) -> Scenario {
    let mut scenario = covered(layers, width, Mixing::Poisson { delay_ms_mean }, clients);
    scenario.behaviour.writing = Writing::Poisson { per_day_mean: 8_640.0 };
    for class in &mut scenario.clients {
        class.count = clients;
        class.payload_interval_ms_mean = 0.0;
    }
    scenario
}
