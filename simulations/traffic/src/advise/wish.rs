//! What somebody wants of a network, and what they can give for it.

use serde::{Deserialize, Serialize};

use super::AdviceRefusal;
use crate::scenario::ScenarioRefusal;

/// The most users.
const USERS_MAX: u32 = 1_000_000_000;
/// The most mixes of a network.
const MIXES_MAX: u32 = 1024;

/// How many of the mixes, entries included, belong to the adversary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corrupt {
    /// So many of them, wherever chance has put them.
    Count(u32),
    /// Each with this probability, 0 to 1.
    Fraction(f64),
}

/// The limits of a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// Users who are online at the same time.
    pub users: u32,
    /// How long a message may take from written to received, at `latency_quantile`, in seconds.
    pub latency_max_s: f64,
    /// The share of messages that have to be in time, 0.5 to 0.999.
    pub latency_quantile: f64,
    /// What a user may send and receive together, in kB (1,000 bytes) a second.
    pub bandwidth_max_kb_s: f64,
    /// The adversary's mixes; it watches all links in any case.
    pub corrupt: Corrupt,
    /// The least anonymity.
    pub anonymity_min_bits: f64,
    /// The share of each limit of latency and bandwidth that a design leaves free, 0 to 0.9.
    pub margin: f64,
    /// Mixes that operators can run, entries included.
    pub mixes_max: u32,
    /// Layers behind the entries that the proposal must have, as the software has them; 0: any.
    pub layers: u32,
    /// Contacts whom a user writes to. As many others have it among theirs, and it asks about all of them in turn.
    pub contacts: u32,
    /// Mean time on a link, in milliseconds.
    pub link_ms_mean: f64,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            users: 1000,
            latency_max_s: 30.0,
            latency_quantile: 0.95,
            bandwidth_max_kb_s: 10.0,
            corrupt: Corrupt::Count(0),
            anonymity_min_bits: 0.0,
            margin: 0.1,
            mixes_max: 8,
            layers: 3,
            contacts: 5,
            link_ms_mean: 20.0,
        }
    }
}

impl Wish {
    pub(super) fn validate(&self) -> Result<(), AdviceRefusal> {
        let within = crate::scenario::within::<f64>;
        crate::scenario::within("users", self.users, 1..=USERS_MAX)?;
        within("latency_max_s", self.latency_max_s, 0.001..=1e9)?;
        within("latency_quantile", self.latency_quantile, 0.5..=0.999)?;
        within("bandwidth_max_kb_s", self.bandwidth_max_kb_s, 0.001..=1e9)?;
        within("anonymity_min_bits", self.anonymity_min_bits, 0.0..=64.0)?;
        within("margin", self.margin, 0.0..=0.9)?;
        crate::scenario::within("mixes_max", self.mixes_max, 2..=MIXES_MAX)?;
        crate::scenario::within("layers", self.layers, 0..=super::grid::LAYERS_MAX)?;
        crate::scenario::within("contacts", self.contacts, 1..=1000)?;
        within("link_ms_mean", self.link_ms_mean, 0.0..=60_000.0)?;
        match self.corrupt {
            Corrupt::Fraction(fraction) => within("corrupt", fraction, 0.0..=1.0)?,
            Corrupt::Count(count) => {
                crate::scenario::within("corrupt", count, 0..=self.mixes_max).map_err(|refusal| {
                    ScenarioRefusal { allowed: format!("{}, as there are mixes", refusal.allowed), ..refusal }
                })?;
            }
        }
        Ok(())
    }
}
