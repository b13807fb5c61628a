//! What users do: when they write, and to whom.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::refusal::{ScenarioRefusal, within};

/// The most messages that a user writes a day.
const PER_DAY_MAX: f64 = 86_400_000.0;

/// What users do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// When they write.
    pub writing: Writing,
    /// To whom.
    pub contacts: Contacts,
    /// Whether clients that have payload slots tell the senders of messages that they have come, as those of Sotto do: in
    /// boxes like those of messages, but in slots that nothing else needs. Messages straight to recipients have none.
    pub receipts: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { writing: Writing::default(), contacts: Contacts::default(), receipts: true }
    }
}

/// When users write. With [`Writing::EdgeList`] the file also says to whom, and contacts are not drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Writing {
    /// At times that do not depend on one another.
    Poisson {
        /// Mean messages of a user a day of 86,400 s.
        per_day_mean: f64,
    },
    /// The same with a rate that goes up and down over the day: mean times 1 + `swing` cos(2 pi (hour - `peak_hour`) / 24).
    Diurnal {
        /// Mean messages of a user a day.
        per_day_mean: f64,
        /// The hour with most messages, 0 to 24.
        peak_hour: f64,
        /// How far it goes up and down, 0 to 1.
        swing: f64,
    },
    /// Bursts at times that do not depend on one another; each has a geometric number of messages to one contact, with
    /// exponential gaps.
    Bursty {
        /// Mean bursts of a user a day.
        bursts_per_day_mean: f64,
        /// Mean messages of a burst, at least 1.
        messages_mean: f64,
        /// Mean gap between the messages of a burst.
        gap_s_mean: f64,
    },
    /// From a file with lines `src dst unixtime`, in the order of time, as collections of real traces have them. Users are
    /// numbered as they appear; `#` and `%` begin comments. The first line is time 0.
    EdgeList {
        /// The file.
        file: PathBuf,
    },
}

impl Default for Writing {
    fn default() -> Self {
        Self::Poisson { per_day_mean: 50.0 }
    }
}

/// Whom users write to. Each user draws a list of contacts once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Contacts {
    /// So many, each as often as the others.
    Uniform {
        /// Contacts of a user.
        count: u32,
    },
    /// So many, the k-th with a weight of 1/k^exponent.
    Zipf {
        /// Contacts of a user.
        count: u32,
        /// The exponent.
        exponent: f64,
    },
    /// Users 2i and 2i+1 write to one another and to nobody else.
    Pairs,
}

impl Default for Contacts {
    fn default() -> Self {
        Self::Uniform { count: 5 }
    }
}

impl Behaviour {
    pub(super) fn validate(&self, clients: u32) -> Result<(), ScenarioRefusal> {
        match self.writing {
            Writing::Poisson { per_day_mean } => {
                within("behaviour.writing.per_day_mean", per_day_mean, 0.0..=PER_DAY_MAX)?;
            }
            Writing::Diurnal { per_day_mean, peak_hour, swing } => {
                within("behaviour.writing.per_day_mean", per_day_mean, 0.0..=PER_DAY_MAX)?;
                within("behaviour.writing.peak_hour", peak_hour, 0.0..=24.0)?;
                within("behaviour.writing.swing", swing, 0.0..=1.0)?;
            }
            Writing::Bursty { bursts_per_day_mean, messages_mean, gap_s_mean } => {
                within("behaviour.writing.bursts_per_day_mean", bursts_per_day_mean, 0.0..=PER_DAY_MAX)?;
                within("behaviour.writing.messages_mean", messages_mean, 1.0..=1e6)?;
                within("behaviour.writing.gap_s_mean", gap_s_mean, 0.0..=86_400.0)?;
            }
            // Read, and refused with its line, when the run is prepared.
            Writing::EdgeList { .. } => {}
        }
        let others = clients.saturating_sub(1);
        match self.contacts {
            Contacts::Uniform { count } => within("behaviour.contacts.count", count, 1..=others.max(1)),
            Contacts::Zipf { count, exponent } => {
                within("behaviour.contacts.count", count, 1..=others.max(1))?;
                within("behaviour.contacts.exponent", exponent, 0.0..=10.0)
            }
            Contacts::Pairs => Ok(()),
        }
    }
}
