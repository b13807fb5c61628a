//! How many packets a Poisson mix holds: mean and variance of the number over time.

use super::networks::covered;
use super::{Check, CheckNotRun, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::{Occupancy, Simulation};
use crate::observer::Unobserved;
use crate::random::Seed;
use crate::scenario::{Mixing, Scenario};
use crate::theory::occupancy;

const PACKETS_PER_S: u32 = 40;
const DELAY_S: f64 = 0.5;
const DURATION_S: f64 = 500.0;

pub(super) fn checks() -> Vec<Check> {
    let check = Check {
        name: "occupancy-mean",
        form: "a Poisson mix holds rho = rate times mean delay packets",
        source: "Kleinrock 1975, section 3.4 (M/M/infinity)",
        scenario: "one mix, 40 packets per second, mean delay 0.5 s, 500 s",
        allowance: "nothing",
        sense: Sense::Equal,
        run: |seed| outcome(seed, 0.0, |occupancy| occupancy.mean),
    };
    [
        check,
        Check {
            name: "occupancy-variance",
            form: "the variance of the number of packets in a Poisson mix is rho, too",
            allowance: "2 rho m / T: an average over a window T misses what varies more slowly",
            run: |seed| outcome(seed, 2.0 * DELAY_S / DURATION_S, |occupancy| occupancy.variance),
            ..check
        },
    ]
    .to_vec()
}

fn scenario() -> Scenario {
    let mixing = Mixing::Poisson { delay_ms_mean: DELAY_S * 1e3 };
    Scenario { duration_s: DURATION_S, ..covered(1, 1, mixing, PACKETS_PER_S) }
}

fn outcome(seed: Seed, allowed_share: f64, of: fn(&Occupancy) -> f64) -> Result<Outcome, CheckNotRun> {
    let expected = occupancy::mean_packets(f64::from(PACKETS_PER_S), DELAY_S)?;
    let sample = replicate(seed, REPLICATIONS, |seed| {
        let totals = Simulation::new(&scenario(), seed)?.run(&mut Unobserved);
        Ok(totals.occupancy.first().map(of))
    })?;
    Ok(Outcome { expected, sample, allowed: allowed_share * expected })
}
