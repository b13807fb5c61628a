//! Why a scenario is refused.

use std::ops::RangeInclusive;

/// A field that cannot be what it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {found}; allowed: {allowed}")]
pub struct ScenarioRefusal {
    /// The field, as in a plan: `network.layers`, `clients[0].count`.
    pub field: String,
    /// What it is.
    pub found: String,
    /// What it may be.
    pub allowed: String,
}

impl ScenarioRefusal {
    pub(crate) fn new(
        field: impl Into<String>,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), found: found.into(), allowed: allowed.into() }
    }
}

/// Requires a number to be in a range; NaN is in none.
pub(crate) fn within<T: PartialOrd + ToString + Copy>(
    field: &str,
    found: T,
    allowed: RangeInclusive<T>,
) -> Result<(), ScenarioRefusal> {
    if allowed.contains(&found) {
        return Ok(());
    }
    let range = format!("{} to {}", allowed.start().to_string(), allowed.end().to_string());
    Err(ScenarioRefusal::new(field, found.to_string(), range))
}
