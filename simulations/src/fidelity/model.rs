//! A scenario by the traffic model.

use sotto_traffic::engine::record;
use sotto_traffic::random::Seed;
use sotto_traffic::scenario::Scenario;

use super::error::FidelityError;
use super::observed::Observed;

/// Runs a scenario by the traffic model and takes the samples.
///
/// # Errors
/// [`FidelityError::Model`].
pub fn model(scenario: &Scenario, seed: Seed) -> Result<Observed, FidelityError> {
    let recorded = record(scenario, seed, None).map_err(|error| FidelityError::Model(error.to_string()))?;
    Ok(Observed::of(&recorded.recording, &recorded.layout, scenario))
}
