//! A scenario by the traffic model.

use sotto_traffic::engine::record;
use sotto_traffic::random::Seed;
use sotto_traffic::scenario::Scenario;

use super::error::FidelityError;
use super::observed::Observed;

/// Runs a scenario so often by the traffic model and takes the samples of all runs.
///
/// Clients are there `before_s` seconds before time 0, as in the cores, where they have to become contacts first: the decoys
/// that a client asks for become more for hours.
///
/// # Errors
/// [`FidelityError::Model`].
pub fn model(scenario: &Scenario, before_s: f64, runs: u64, seed: Seed) -> Result<Observed, FidelityError> {
    let earlier = Scenario { warmup_s: scenario.warmup_s + before_s, ..scenario.clone() };
    let mut all = Observed::default();
    for run in 0..runs {
        let recorded = record(&earlier, seed.replication(run), None)
            .map_err(|error| FidelityError::Model(error.to_string()))?;
        all.add(Observed::of(&recorded.recording, &recorded.layout, &earlier));
    }
    Ok(all)
}
