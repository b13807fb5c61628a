//! What runs behind every command: the traffic model, and the attacks that there are.

use sotto_traffic::adversary;
use sotto_traffic::experiment::TrafficExperiment;

/// The names that an attack of a plan can have.
pub(super) fn attacks() -> Vec<&'static str> {
    adversary::all().iter().map(|adversary| adversary.name()).collect()
}

/// What runs.
pub(super) const fn experiment() -> TrafficExperiment {
    TrafficExperiment
}
