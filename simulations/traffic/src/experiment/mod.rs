//! One run of one scenario, with everything measured that was asked for.
//!
//! Not here: how runs are planned, shared out and put together.

mod disclosure;
mod traffic;

pub use traffic::TrafficExperiment;

use serde::{Deserialize, Serialize};

use crate::random::Seed;
use crate::results::Measures;
use crate::scenario::Scenario;

/// An attack, as a plan asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackPlan {
    /// The adversary's name.
    pub name: String,
    /// How many packets, users or pairs it is asked about in each run; as many decoys stand beside them.
    #[serde(default = "default_targets")]
    pub targets: u32,
    /// How many candidates each question has, the right one included; 0: all there are.
    #[serde(default = "default_candidates")]
    pub candidates: u32,
}

const fn default_targets() -> u32 {
    100
}

const fn default_candidates() -> u32 {
    50
}

/// Why a run gave nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ExperimentFailure(pub String);

/// What runs: the traffic model, or the production cores in virtual time.
pub trait Experiment: Sync {
    /// One replication.
    ///
    /// # Errors
    /// What of the scenario cannot be run, or an attack that does not exist.
    fn replicate(
        &self,
        scenario: &Scenario,
        attacks: &[AttackPlan],
        seed: Seed,
    ) -> Result<Measures, ExperimentFailure>;
}
