//! How fast the engine is: plain forwarding without an adversary, measured with the caller's clock.
//!
//! Not here: a clock, and what is fast enough.

use std::time::Duration;

use crate::engine::{PrepareError, Simulation};
use crate::observer::Unobserved;
use crate::random::Seed;
use crate::scenario::{Mixing, Scenario, Writing};

/// Clients of the measured network, and how many drops each sends in a second.
const CLIENTS: u32 = 1000;
const DROPS_PER_S: f64 = 10.0;
/// Mixes that each packet passes.
const LAYERS: u32 = 3;
/// Events of a packet: it is made, comes to each mix and leaves it, and comes to its mailbox.
const EVENTS_PER_PACKET: f64 = 2.0 + 2.0 * LAYERS as f64;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ForwardingBench {
    /// Events handled: a process ticks, a packet comes to a node, a packet leaves a mix.
    pub events: u64,
    /// How long that took.
    pub seconds: f64,
    /// Events in a second.
    pub events_per_s: f64,
    /// The most packets under way at once.
    pub in_flight_max: u64,
}

/// The network in which forwarding is measured, for about so many events: clients send drops through three layers of
/// Poisson mixes to mailboxes, and nothing else happens.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "about so many")]
pub fn scenario(events: u64) -> Scenario {
    let mut scenario = Scenario { warmup_s: 0.0, ..Scenario::default() };
    scenario.duration_s = events as f64 / (EVENTS_PER_PACKET * DROPS_PER_S * f64::from(CLIENTS));
    scenario.network.entries = 0;
    scenario.network.layers = LAYERS;
    scenario.network.mix_loop_interval_ms_mean = 0.0;
    scenario.network.link_dummy_interval_ms_mean = 0.0;
    scenario.mixing = Mixing::Poisson { delay_ms_mean: 200.0 };
    scenario.behaviour.writing = Writing::Poisson { per_day_mean: 0.0 };
    for class in &mut scenario.clients {
        class.count = CLIENTS;
        class.payload_interval_ms_mean = 86_400_000.0;
        class.loop_interval_ms_mean = 0.0;
        class.drop_interval_ms_mean = 1000.0 / DROPS_PER_S;
        class.downlink_interval_ms_mean = 0.0;
    }
    scenario
}

/// Forwards packets for about so many events and measures how long it takes by a clock, which gives the time since any
/// beginning.
///
/// # Errors
/// More or fewer events than a run can have.
pub fn forwarding(events: u64, clock: &dyn Fn() -> Duration) -> Result<ForwardingBench, PrepareError> {
    let simulation = Simulation::new(&scenario(events), Seed::new(1))?;
    let start = clock();
    let totals = simulation.run(&mut Unobserved);
    let seconds = clock().saturating_sub(start).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let events_per_s = totals.events as f64 / seconds;
    Ok(ForwardingBench { events: totals.events, seconds, events_per_s, in_flight_max: totals.in_flight_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_events_are_handled_and_timed_by_the_clock_that_was_given() {
        let time = std::cell::Cell::new(0);
        let clock = || Duration::from_secs(time.replace(time.get() + 4));
        let bench = forwarding(400_000, &clock).unwrap();
        // What is under way at the end has events to come: some 6,800 packets with about four each.
        assert!(bench.events.abs_diff(400_000 - 4 * 6800) < 10_000, "{bench:?}");
        assert!((bench.seconds - 4.0).abs() < 1e-9);
        assert!((bench.events_per_s - bench.events as f64 / 4.0).abs() < 1e-6);
        // 10,000 packets in a second are 0.68 s under way.
        assert!(bench.in_flight_max.abs_diff(6800) < 1000, "{bench:?}");
    }
}
