//! Entropies of exact tracing: one Poisson mix, layers of them, corrupt ones, batches and pools.

use super::networks::covered;
use super::{Check, CheckNotRun, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::record;
use crate::metrics::entropies;
use crate::observer::WireId;
use crate::random::Seed;
use crate::scenario::{Mixing, Scenario};
use crate::theory::{OutsideFormula, batches, corruption, layers, recursion};
use crate::view::{Sight, View};

/// Mean delay of Poisson mixes, and the interval of the others.
const SECOND_MS: f64 = 1000.0;
const POISSON: Mixing = Mixing::Poisson { delay_ms_mean: SECOND_MS };
/// How long is watched: 1 in 10^9 packets of three hops enters earlier than 30 mean delays before it leaves.
const DURATION_S: f64 = 40.0;
/// Targets leave in the last seconds.
const TARGETS_S: f64 = 8.0;
const TARGETS: usize = 40;
const ONE_MIX: u32 = 20;
const BATCH: u32 = 16;
const KEEP: u32 = 20;
const FRACTION: f64 = 0.5;
/// Rounding of masses.
const ROUNDING_BITS: f64 = 1e-3;

pub(super) fn checks() -> Vec<Check> {
    let check = Check {
        name: "entropy-recursion",
        form: "the mean of Loopix's recursion H_t in the steady state of one Poisson mix",
        source: "Piotrowska et al. 2017, section 4.1.3",
        scenario: "one mix, 20 packets per second, mean delay 1 s; 40 packets traced back in each run",
        allowance: "0.001 bits, for rounding",
        sense: Sense::Equal,
        run: |seed| {
            outcome(
                seed,
                &covered(1, 1, POISSON, ONE_MIX),
                recursion::steady_bits(f64::from(ONE_MIX)),
                Ok(0.0),
            )
        },
    };
    [
        check,
        Check {
            name: "entropy-limit",
            form: "one Poisson mix: about log2(e rho) bits for rho of 5 and more",
            allowance: "1/(4 rho^2) bits, by which the limit is too high, and rounding",
            run: |seed| {
                let short = layers::shortfall_bits(1, 1, f64::from(ONE_MIX));
                outcome(seed, &covered(1, 1, POISSON, ONE_MIX), recursion::limit_bits(f64::from(ONE_MIX)), short)
            },
            ..check
        },
        Check {
            name: "entropy-one-layer",
            form: "one layer of W mixes: H_1 = log2(e Lambda m / W)",
            source: "Danezis 2004, section 3; Cover and Thomas, table 17.1",
            scenario: "one layer of 3 mixes, 60 packets per second, mean delay 1 s",
            run: |seed| dense(seed, 1, 3, 60),
            ..check
        },
        Check {
            name: "entropy-layers",
            form: "L layers of W mixes: H_L = log2(Lambda m) + (L + ln Gamma(L) + (1-L) psi(L)) / ln 2",
            source: "Danezis 2004, section 3; Cover and Thomas, table 17.1",
            scenario: "3 layers of 2 mixes, 100 packets per second, mean delay 1 s",
            allowance: "0.6 W^2/(Lambda m) bits: on links with few packets weights are less smooth than the density",
            run: |seed| dense(seed, 3, 2, 100),
            ..check
        },
        Check {
            name: "entropy-corrupt",
            form: "a share b corrupt in each layer: the sum of C(L,j) (1-b)^j b^(L-j) H_j",
            source: "by the same sources; see theory::corruption",
            scenario: "3 layers of 4 mixes of which one is corrupt, 200 packets per second, mean delay 1 s",
            allowance: "0.6 W^2/(Lambda m (1-b)^2) bits: honest links have only their part of the packets",
            run: corrupt,
            ..check
        },
        Check {
            name: "entropy-threshold",
            form: "a threshold mix of n packets: log2 n bits",
            source: "Serjantov, Danezis 2002, section 4",
            scenario: "one mix that lets 16 packets go at once, 20 packets per second",
            run: |seed| {
                let scenario = covered(1, 1, Mixing::Threshold { packets: BATCH }, 20);
                outcome(seed, &scenario, batches::threshold_bits(BATCH), Ok(0.0))
            },
            ..check
        },
        Check {
            name: "entropy-timed",
            form: "a timed mix with a Poisson number N of other packets: E log2(1 + N) bits",
            source: "Serjantov, Danezis 2002, section 4",
            scenario: "one mix that empties each second, 12 packets per second",
            run: |seed| {
                let scenario = covered(1, 1, Mixing::Timed { interval_ms: SECOND_MS }, 12);
                outcome(seed, &scenario, batches::timed_bits(12.0), Ok(0.0))
            },
            ..check
        },
        Check {
            name: "entropy-pool",
            form: "a timed dynamic pool: the fixed point of the pool's recursion",
            source: "Serjantov, Danezis 2002, section 4; Serjantov, Dingledine, Syverson 2002, section 5",
            scenario: "one mix that each second lets half of what is beyond 20 go, 20 packets per second",
            run: |seed| {
                let mixing = Mixing::Pool { interval_ms: SECOND_MS, keep: KEEP, fraction: FRACTION };
                outcome(seed, &covered(1, 1, mixing, 20), batches::dynamic_pool_bits(20.0, KEEP, FRACTION), Ok(0.0))
            },
            ..check
        },
    ]
    .to_vec()
}

fn dense(seed: Seed, hops: u32, width: u32, packets_per_s: u32) -> Result<Outcome, CheckNotRun> {
    let held = f64::from(packets_per_s);
    let expected = layers::network_bits(hops, width, held, 1.0);
    let short = layers::shortfall_bits(hops, width, held);
    outcome(seed, &covered(hops, width, POISSON, packets_per_s), expected, short)
}

fn corrupt(seed: Seed) -> Result<Outcome, CheckNotRun> {
    const SHARE: f64 = 0.25;
    let mut scenario = covered(3, 4, POISSON, 200);
    scenario.corruption.nodes = ["mix-0-1", "mix-1-2", "mix-2-0"].map(str::to_owned).to_vec();
    let honest: Result<Vec<f64>, OutsideFormula> =
        (1..=3).map(|hops| layers::network_bits(hops, 4, 200.0, 1.0)).collect();
    let expected = honest.and_then(|bits| corruption::mean_bits(SHARE, &bits));
    let short = layers::shortfall_bits(3, 4, 200.0 * (1.0 - SHARE) * (1.0 - SHARE));
    outcome(seed, &scenario, expected, short)
}

/// The mean Shannon entropy over packets, in each replication.
fn outcome(
    seed: Seed,
    scenario: &Scenario,
    expected: Result<f64, OutsideFormula>,
    allowed: Result<f64, OutsideFormula>,
) -> Result<Outcome, CheckNotRun> {
    let scenario = Scenario { duration_s: DURATION_S, ..scenario.clone() };
    let sample = replicate(seed, REPLICATIONS, |seed| {
        let recorded = record(&scenario, seed, None)?;
        let (layout, window) = (&recorded.layout, recorded.window);
        let view = View::of(&recorded.recording, layout, &scenario, Sight::Global, &recorded.corrupt, window);
        Ok(entropies(&view, &last_exits(&view)).get("entropy_bits.packet"))
    })?;
    Ok(Outcome { expected: expected?, sample, allowed: allowed? + ROUNDING_BITS })
}

/// Passages to clients in the last seconds: each of them, or each so-manieth, so that crowded moments count for what they have.
fn last_exits(view: &View<'_>) -> Vec<WireId> {
    let late: Vec<WireId> = view
        .wires
        .iter()
        .filter(|wire| {
            view.layout.is_client(wire.to) && view.window.1.since(wire.sent).as_secs_f64() < TARGETS_S
        })
        .map(|wire| wire.id)
        .collect();
    let stride = late.len().div_ceil(TARGETS).max(1);
    late.into_iter().step_by(stride).collect()
}
