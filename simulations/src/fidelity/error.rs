//! Why both could not be run.

use sotto_client::core::EngineError;
use sotto_traffic::scenario::ScenarioRefusal;

use crate::vnet::VnetError;

/// A comparison that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum FidelityError {
    /// The virtual network has no such thing, or the scenario is none.
    #[error("the production cores cannot run this scenario: {0}")]
    Scenario(#[from] ScenarioRefusal),
    /// The virtual network could not be founded.
    #[error("the virtual network: {0}")]
    Network(#[from] VnetError),
    /// A client refused.
    #[error("a client of the virtual network refused: {0}")]
    Engine(#[from] EngineError),
    /// Two clients did not become contacts.
    #[error(
        "{0} and {1} did not become contacts within {2} s of virtual time; a cover class with more slots would help"
    )]
    NotAcquainted(String, String, u64),
    /// The traffic model refused.
    #[error("the traffic model: {0}")]
    Model(String),
}

impl FidelityError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Scenario(_) => "fidelity-scenario",
            Self::Network(_) => "fidelity-network",
            Self::Engine(_) => "fidelity-engine",
            Self::NotAcquainted(..) => "fidelity-not-acquainted",
            Self::Model(_) => "fidelity-model",
        }
    }
}
