//! How long packets are on a link.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::refusal::{ScenarioRefusal, within};

/// The latency of links. Links keep the order of their packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Fixed {
        /// One way.
        ms: f64,
    },
    /// Each packet draws its own; one that would overtake waits for the one before.
    Uniform {
        /// At least.
        ms_min: f64,
        /// At most.
        ms_max: f64,
    },
    /// From a file of regions: each client and node is in a region by chance, and a link has the latency of its two.
    Matrix {
        /// The file: a square of milliseconds one way, a line for each region, separated by commas; `#` begins a comment.
        file: PathBuf,
    },
}

impl Default for Latency {
    fn default() -> Self {
        Self::Fixed { ms: 20.0 }
    }
}

impl Latency {
    pub(super) fn validate(&self) -> Result<(), ScenarioRefusal> {
        const MS: std::ops::RangeInclusive<f64> = 0.0..=60_000.0;
        match self {
            Self::Fixed { ms } => within("latency.ms", *ms, MS),
            Self::Uniform { ms_min, ms_max } => {
                within("latency.ms_min", *ms_min, MS)?;
                within("latency.ms_max", *ms_max, *ms_min..=*MS.end())
            }
            // Read, and refused with its line, when the run is prepared.
            Self::Matrix { .. } => Ok(()),
        }
    }
}
