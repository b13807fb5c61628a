//! A scenario by the traffic model.

use sotto_traffic::random::Seed;
use sotto_traffic::scenario::Scenario;

use super::error::FidelityError;
use super::observed::Observed;

/// Runs a scenario by the traffic model and takes the samples.
///
/// # Errors
/// [`FidelityError::Model`].
pub fn model(scenario: &Scenario, seed: Seed) -> Result<Observed, FidelityError> {
    let _ = (scenario, seed);
    Err(FidelityError::Model("no engine".to_owned()))
}
