//! What a mix does with the packets that it holds.

use serde::{Deserialize, Serialize};

use super::refusal::{ScenarioRefusal, within};

/// The longest delay or interval.
const MS_MAX: f64 = 86_400_000.0;
/// The largest batch or pool.
const PACKETS_MAX: u32 = 10_000_000;

/// The way of mixing, the same at every mix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mixing {
    /// Each packet is held for a time of its own, exponential, drawn by its sender (Kesdogan, Egner, Büschkes 1998;
    /// Loopix). A mean of 0 holds nothing back.
    Poisson {
        /// Mean delay at a hop.
        delay_ms_mean: f64,
    },
    /// When so many are there, all leave in random order (Chaum 1981).
    Threshold {
        /// Packets in a batch.
        packets: u32,
    },
    /// At each interval all leave in random order.
    Timed {
        /// The interval.
        interval_ms: f64,
    },
    /// At each interval a random choice leaves: of n packets, `fraction` of those beyond `keep`, rounded down (timed
    /// dynamic pool; Serjantov, Dingledine, Syverson 2002, section 5). `fraction` 1 is the timed pool of constant size.
    Pool {
        /// The interval.
        interval_ms: f64,
        /// How many stay at least.
        keep: u32,
        /// Of those beyond, the share that leaves.
        fraction: f64,
    },
}

impl Default for Mixing {
    fn default() -> Self {
        Self::Poisson { delay_ms_mean: 200.0 }
    }
}

impl Mixing {
    pub(super) fn validate(&self) -> Result<(), ScenarioRefusal> {
        match *self {
            Self::Poisson { delay_ms_mean } => within("mixing.delay_ms_mean", delay_ms_mean, 0.0..=MS_MAX),
            Self::Threshold { packets } => within("mixing.packets", packets, 1..=PACKETS_MAX),
            Self::Timed { interval_ms } => within("mixing.interval_ms", interval_ms, 0.001..=MS_MAX),
            Self::Pool { interval_ms, keep, fraction } => {
                within("mixing.interval_ms", interval_ms, 0.001..=MS_MAX)?;
                within("mixing.keep", keep, 0..=PACKETS_MAX)?;
                within("mixing.fraction", fraction, 0.001..=1.0)
            }
        }
    }
}
