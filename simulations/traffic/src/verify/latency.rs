//! How long messages are on their way: mean, a quantile, and the wait for a slot.

use super::networks::written;
use super::{Check, CheckNotRun, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::Simulation;
use crate::metrics::Meter;
use crate::random::Seed;
use crate::scenario::{Scenario, Writing};
use crate::theory::latency::{MixLatency, slot_wait_ms};

const HOPS: u32 = 4;
const DELAY_MS: f64 = 200.0;
/// Five links of 10 ms.
const LINKS_MS: f64 = 50.0;
const DURATION_S: f64 = 300.0;
/// What a quantile of [`crate::metrics::LogHistogram`] may be off, and a little for its steps.
const QUANTILE_OFF: f64 = 0.006;
const SLOT_MS: f64 = 1000.0;
const WRITTEN_PER_S: f64 = 0.4;

pub(super) fn checks() -> Vec<Check> {
    let check = Check {
        name: "latency-mean",
        form: "the latency through L Poisson mixes has the mean L m + links",
        source: "Kesdogan, Egner, Bueschkes 1998, section 3 (Erlang)",
        scenario: "4 layers of 2 mixes, mean delay 0.2 s, links of 10 ms, 100 users, 300 s",
        allowance: "2 V / T, V the variance: long ways that begin at the window's end are not seen to end",
        sense: Sense::Equal,
        run: |seed| {
            let way = way()?;
            let sample =
                replicate(seed, REPLICATIONS, |seed| Ok(meter(&scenario(), seed)?.latency_ms().mean()))?;
            let allowed = 2.0 * way.variance_ms2() / (DURATION_S * 1e3);
            Ok(Outcome { expected: way.mean_ms(), sample, allowed })
        },
    };
    [
        check,
        Check {
            name: "latency-q95",
            form: "the 95 % quantile of the latency is that of Erlang(L, m) plus links",
            allowance: "0.6 % of the quantile, for the steps of the histogram",
            run: |seed| {
                let expected = way()?.quantile_ms(0.95)?;
                let sample =
                    replicate(seed, REPLICATIONS, |seed| Ok(meter(&scenario(), seed)?.latency_ms().quantile(0.95)))?;
                Ok(Outcome { expected, sample, allowed: QUANTILE_OFF * expected })
            },
            ..check
        },
        Check {
            name: "latency-slots",
            form: "messages that wait for Poisson slots wait 1/(a - w) more, a slots and w messages per second",
            source: "Kleinrock 1975, section 3.2 (M/M/1)",
            scenario: "the same with a slot each second and 0.4 messages per second and user",
            run: |seed| {
                let (way, wait) = (way()?, slot_wait_ms(SLOT_MS, WRITTEN_PER_S)?);
                let sample = replicate(seed, REPLICATIONS, |seed| Ok(meter(&slotted(), seed)?.latency_ms().mean()))?;
                let allowed = 2.0 * (way.variance_ms2() + wait * wait) / (DURATION_S * 1e3);
                Ok(Outcome { expected: way.mean_ms() + wait, sample, allowed })
            },
            ..check
        },
    ]
    .to_vec()
}

fn way() -> Result<MixLatency, CheckNotRun> {
    Ok(MixLatency::new(HOPS, DELAY_MS, LINKS_MS)?)
}

fn scenario() -> Scenario {
    Scenario { duration_s: DURATION_S, ..written(HOPS, 2, DELAY_MS, 100) }
}

fn slotted() -> Scenario {
    let mut scenario = scenario();
    scenario.behaviour.writing = Writing::Poisson { per_day_mean: WRITTEN_PER_S * 86_400.0 };
    for class in &mut scenario.clients {
        class.payload_interval_ms_mean = SLOT_MS;
    }
    scenario.warmup_s = 60.0;
    scenario
}

fn meter(scenario: &Scenario, seed: Seed) -> Result<Meter, CheckNotRun> {
    let simulation = Simulation::new(scenario, seed)?;
    let mut meter = Meter::new(scenario, simulation.corrupt());
    simulation.run(&mut meter);
    Ok(meter)
}
