//! How often every mix of a message's way is corrupt.

use super::networks::written;
use super::{Check, CheckNotRun, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::Simulation;
use crate::metrics::Meter;
use crate::random::Seed;
use crate::scenario::{Scenario, Topology};
use crate::theory::corruption;

const DELAY_MS: f64 = 10.0;
/// Runs with corrupt mixes drawn anew: who is corrupt varies more than who is hit.
const DRAWN_REPLICATIONS: u32 = 2_000;

pub(super) fn checks() -> Vec<Check> {
    let check = Check {
        name: "ways-named",
        form: "all mixes of a way are corrupt with the product of the layers' corrupt shares",
        source: "Diaz, Halpin, Kiayias 2021, section 4",
        scenario: "layers of 4 mixes of which 3, 2 and 2 are corrupt; 100 users, 300 s",
        allowance: "nothing",
        sense: Sense::Equal,
        run: named,
    };
    [
        check,
        Check {
            name: "ways-drawn",
            form: "with B of N mixes corrupt at random: the product over i < L of (B-i)/(N-i)",
            source: "Dingledine et al. 2001, section 2 (drawing without replacement)",
            scenario: "3 layers of 2 mixes, 4 of 6 corrupt, drawn anew in each of 2,000 short runs",
            run: |seed| drawn(seed, Topology::Stratified, DRAWN_REPLICATIONS, 8.0),
            ..check
        },
        Check {
            name: "ways-drawn-free-route",
            form: "the same in a network of free routes over different mixes",
            source: "Dingledine et al. 2001, section 2 (drawing without replacement)",
            scenario: "6 mixes, ways over 3 of them, 4 of 6 corrupt; 100 users, 300 s",
            run: |seed| drawn(seed, Topology::FreeRoute, REPLICATIONS, 300.0),
            ..check
        },
    ]
    .to_vec()
}

fn named(seed: Seed) -> Result<Outcome, CheckNotRun> {
    let mut scenario = Scenario { duration_s: 300.0, ..written(3, 4, DELAY_MS, 100) };
    scenario.corruption.nodes = ["mix-0-0", "mix-0-1", "mix-0-2", "mix-1-1", "mix-1-3", "mix-2-0", "mix-2-3"]
        .map(str::to_owned)
        .to_vec();
    let expected = corruption::all_layers(&[0.75, 0.5, 0.5])?;
    Ok(Outcome { expected, sample: compromised(seed, REPLICATIONS, &scenario)?, allowed: 0.0 })
}

fn drawn(seed: Seed, topology: Topology, replications: u32, duration_s: f64) -> Result<Outcome, CheckNotRun> {
    let mut scenario = Scenario { duration_s, warmup_s: 1.0, ..written(3, 2, DELAY_MS, 100) };
    scenario.network.topology = topology;
    scenario.corruption.mixes_fraction = 4.0 / 6.0;
    let expected = corruption::without_replacement(4, 6, 3)?;
    Ok(Outcome { expected, sample: compromised(seed, replications, &scenario)?, allowed: 0.0 })
}

fn compromised(seed: Seed, replications: u32, scenario: &Scenario) -> Result<Vec<f64>, CheckNotRun> {
    replicate(seed, replications, |seed| {
        let simulation = Simulation::new(scenario, seed)?;
        let mut meter = Meter::new(scenario, simulation.corrupt());
        simulation.run(&mut meter);
        Ok(meter.measures().get("ways.compromised"))
    })
}
