//! What runs behind every command: the traffic model, measured, and the attacks that there are.

use sotto_traffic::adversary;
use sotto_traffic::engine::Simulation;
use sotto_traffic::experiment::{AttackPlan, Experiment, ExperimentFailure};
use sotto_traffic::metrics::Meter;
use sotto_traffic::random::Seed;
use sotto_traffic::results::Measures;
use sotto_traffic::scenario::Scenario;

/// The names that an attack of a plan can have.
pub(super) fn attacks() -> Vec<&'static str> {
    adversary::all().iter().map(|adversary| adversary.name()).collect()
}

/// The model without adversaries: latency, counts and traffic.
pub(super) struct Metered;

impl Experiment for Metered {
    fn replicate(
        &self,
        scenario: &Scenario,
        attacks: &[AttackPlan],
        seed: Seed,
    ) -> Result<Measures, ExperimentFailure> {
        if let Some(attack) = attacks.first() {
            return Err(ExperimentFailure(format!("the attack `{}` is not there", attack.name)));
        }
        let simulation =
            Simulation::new(scenario, seed).map_err(|error| ExperimentFailure(error.to_string()))?;
        let mut meter = Meter::new(scenario, simulation.corrupt());
        simulation.run(&mut meter);
        Ok(meter.measures())
    }
}

/// What runs.
pub(super) const fn experiment() -> Metered {
    Metered
}
