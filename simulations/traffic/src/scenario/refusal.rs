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

/// The shortest mean interval of anything that ticks: engines count whole nanoseconds, and a mean of a few of them would not
/// be the one asked for.
pub(crate) const INTERVAL_MS_MIN: f64 = 0.001;

/// Requires a mean interval to be 0, which is none, or in a range.
pub(crate) fn none_or_within(
    field: &str,
    found: f64,
    allowed: RangeInclusive<f64>,
) -> Result<(), ScenarioRefusal> {
    if found == 0.0 || allowed.contains(&found) {
        return Ok(());
    }
    let range = format!("0, or {} to {}", allowed.start(), allowed.end());
    Err(ScenarioRefusal::new(field, found.to_string(), range))
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
