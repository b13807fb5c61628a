//! Rows of results: what was set, what was measured, and what makes a row repeatable.
//!
//! A measure has a name of parts with dots, the unit last:
//!
//! | name | what |
//! |---|---|
//! | `messages.written`, `.released`, `.stored`, `.received` | counts after warming up |
//! | `latency_ms.mean`, `.q05` to `.q95` in steps of 5, `.q99` | from written to received |
//! | `traffic.up_bytes_per_user_day`, `.down_bytes_per_user_day`, `traffic.packets_per_message` | what it costs |
//! | `entropy_bits.shannon`, `.min`, `.guessing`, `anonymity_set` | means over traced messages |
//! | `attack.NAME.trials`, `.hits`, `.success`, `.baseline`, `.advantage`, `.decoy_hits`, `.decoy_success`, `.calibration` | one adversary |
//! | `attack.NAME.success_low`, `.success_high`, `.top10`, `.rank_mean`, `.brier` | the interval of 95 % of its success; how near its other answers are |
//! | `attack.NAME.disclosed`, `.disclosed_after_s`, `.disclosed_packets` | of the users who write most, the share of whom a contact is known at the end; how long and how many of their packets that took |
//! | `attack.NAME.KIND.success`, `.baseline`, `.advantage`, `.decoy_success` | the same of one kind of question: `sender`, `exit`, `contact`, `order` |
//! | `entropy_bits.packet`, `.packet_error`, `.traced`, `.asked` | the same of packets instead of clients, its standard error, how many were traced to where they came from, of how many |
//! | `ways.ended`, `ways.compromised`, `ways.first_compromised_s` | ways of packets with messages; the share with corrupt mixes only; when the first was |
//! | `mixes.held_mean`, `mixes.forwarded_per_s` | packets in a Poisson mix and what it forwards, means over mixes |
//! | `latency_ms.variance` | the variance of the latency, in ms² |
//! | `unlinkability.epsilon`, `.excluded` | of two possible senders: the logarithm of the ratio of their weights that 5 % of the trials exceed; the share of trials in which one is excluded |
//! | `model.events`, `model.in_flight_max` | what the run took |
//! | `downlink.load_max` | what comes for a client's shaped downlink beside what it carries, at the class where it is most, from the scenario |
//! | `worst.advantage` | the largest advantage of all in questions about `sender`, `exit` and `contact`; not there if none was asked |
//! | `theory.NAME.expected`, `.measured`, `.tolerance` | a closed form beside its measure |
//! | `valid` | 1 if every closed form is within its tolerance, else 0; not there if none applies |
//!
//! An advantage is (success - reference) / (1 - baseline). The reference is the baseline, or `decoy_success` where the interval of
//! 95 % (Clopper, Pearson 1934) of it in this run lies above the baseline.
//!
//! Not here: intervals over replications, tables, plots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Numbers by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Measures(pub BTreeMap<String, f64>);

impl Measures {
    /// Notes a number; one that is not finite is left out, as nothing was measured.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        if value.is_finite() {
            self.0.insert(name.into(), value);
        }
    }

    /// A number.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// What a parameter of a sweep is at a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
}

/// One replication at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The point of the sweep, from 0.
    pub point: u32,
    /// The replication, from 0.
    pub replication: u32,
    /// The seed of this run.
    pub seed: u64,
    /// SHA-256 of the scenario and attacks in canonical form, in hexadecimal: rows of equal hash and seed are equal.
    pub config_hash: String,
    /// The version of the program.
    pub version: String,
    /// What the sweep set, by the keys of the plan.
    pub settings: BTreeMap<String, Setting>,
    /// What was measured.
    pub measures: Measures,
}

/// All rows of a plan, by point and replication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The plan's name.
    pub name: String,
    /// The question that it asks, in words.
    pub question: String,
    /// The rows.
    pub rows: Vec<Row>,
}
