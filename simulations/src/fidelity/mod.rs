//! Whether the traffic model tells what the production cores do: one scenario, run by both, compared as distributions.
//!
//! [`cores`] runs it in the virtual network and gives what was seen there in the model's own form, a
//! [`Recording`](sotto_traffic::view::Recording); [`Observed`] takes the same samples from either; [`compare`] tests each
//! for coming from one distribution. Not here: closed forms, which the model is held against elsewhere.

pub mod cores;
mod error;
mod model;
mod observed;
mod plan;
mod tests_of;

pub use error::FidelityError;
pub use model::model;
pub use observed::Observed;
pub use plan::{small, vnet_plan};
pub use tests_of::{Comparison, SIGNIFICANCE, compare_samples};

use sotto_traffic::random::Seed;
use sotto_traffic::scenario::Scenario;

/// How many times the model runs for one run of the cores: its share of the noise is then small.
const MODEL_RUNS: u64 = 8;

/// Runs [`small`] by both and compares them.
///
/// # Errors
/// As [`compare_scenario`].
pub fn compare(seed: Seed) -> Result<Vec<Comparison>, FidelityError> {
    compare_scenario(&small(), &small(), seed)
}

/// Runs the model by one scenario, the cores by another, and compares what both show: the same one, but for a control.
///
/// # Errors
/// [`FidelityError`] if the cores cannot run a scenario or the model refuses one.
pub fn compare_scenario(
    of_model: &Scenario,
    of_cores: &Scenario,
    seed: Seed,
) -> Result<Vec<Comparison>, FidelityError> {
    let cores = cores::run(of_cores, seed.replication(0))?;
    let model = model(of_model, cores.before_s, MODEL_RUNS, seed.replication(1))?;
    Ok(compare_samples(&model, &cores))
}

#[cfg(test)]
mod tests;
