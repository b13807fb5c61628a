//! Clients: their rates and when they are online.

use serde::{Deserialize, Serialize};

use super::refusal::{INTERVAL_MS_MIN, ScenarioRefusal, none_or_within, within};

/// The most clients of all classes.
pub(crate) const CLIENTS_MAX: u32 = 5_000_000;
const INTERVAL_MS: std::ops::RangeInclusive<f64> = INTERVAL_MS_MIN..=86_400_000.0;

/// Clients that keep the same rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientClass {
    /// What it is called in reports.
    pub name: String,
    /// How many.
    pub count: u32,
    /// Mean interval of payload slots, which carry a message where one waits and cover otherwise. 0: no cover; a
    /// message leaves when it is written.
    pub payload_interval_ms_mean: f64,
    /// Mean interval of the client's loops; 0: none.
    pub loop_interval_ms_mean: f64,
    /// Mean interval of drops; 0: none.
    pub drop_interval_ms_mean: f64,
    /// Mean interval of frames from the entry to the client; 0: what comes is handed on at once.
    pub downlink_interval_ms_mean: f64,
    /// When they are online.
    pub online: Online,
}

impl Default for ClientClass {
    fn default() -> Self {
        Self {
            name: "standard".to_owned(),
            count: 100,
            payload_interval_ms_mean: 1000.0,
            loop_interval_ms_mean: 5000.0,
            drop_interval_ms_mean: 5000.0,
            downlink_interval_ms_mean: 500.0,
            online: Online::Always,
        }
    }
}

/// When clients are online. Offline they send and receive nothing, and their users' messages wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Online {
    /// From beginning to end.
    #[default]
    Always,
    /// Times online and offline take turns, both exponential; each client begins as chance has it.
    Alternating {
        /// Mean time online.
        online_s_mean: f64,
        /// Mean time offline.
        offline_s_mean: f64,
    },
    /// So many hours of each day, from an hour that each client draws once; hours of a day are 3,600 s.
    Daily {
        /// How long.
        hours: f64,
    },
}

pub(super) fn validate(classes: &[ClientClass]) -> Result<(), ScenarioRefusal> {
    if classes.is_empty() {
        return Err(ScenarioRefusal::new("clients", "empty", "at least one class"));
    }
    for (index, class) in classes.iter().enumerate() {
        let field = |name: &str| format!("clients[{index}].{name}");
        within(&field("count"), class.count, 1..=CLIENTS_MAX)?;
        none_or_within(&field("payload_interval_ms_mean"), class.payload_interval_ms_mean, INTERVAL_MS)?;
        none_or_within(&field("loop_interval_ms_mean"), class.loop_interval_ms_mean, INTERVAL_MS)?;
        none_or_within(&field("drop_interval_ms_mean"), class.drop_interval_ms_mean, INTERVAL_MS)?;
        none_or_within(&field("downlink_interval_ms_mean"), class.downlink_interval_ms_mean, INTERVAL_MS)?;
        match class.online {
            Online::Always => {}
            Online::Alternating { online_s_mean, offline_s_mean } => {
                within(&field("online.online_s_mean"), online_s_mean, 0.001..=3.2e9)?;
                within(&field("online.offline_s_mean"), offline_s_mean, 0.001..=3.2e9)?;
            }
            Online::Daily { hours } => within(&field("online.hours"), hours, 0.01..=24.0)?,
        }
    }
    let count = classes.iter().map(|class| class.count).fold(0, u32::saturating_add);
    within("the sum of clients[].count", count, 1..=CLIENTS_MAX)
}
