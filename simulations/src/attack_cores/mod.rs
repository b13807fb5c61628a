//! Attacks that only bytes can answer, on the production cores in virtual time: tagging and replay.
//!
//! The traffic model has no cryptography, so it cannot say whether a changed packet is noticed or a repeated one refused. Here
//! both are done to real packets between real nodes, and the nodes' books say what became of them. Both are expected to
//! fail; what a corrupt last hop learns from a damaged payload is counted apart. Beside each stands a control without the
//! protection, in which the same code has to succeed. Not here: attacks that need packets' times alone.

mod replay;
mod spy;
mod tagging;
mod toy;

pub use replay::{ReplayWhen, replay, replay_when};
pub use tagging::{Region, tagging, tagging_in};
pub use toy::{ToyLayers, tagging_a_toy};

use std::collections::BTreeMap;

use serde::Serialize;

use crate::vnet::VirtualNetwork;

/// What came of one attack.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreAttack {
    /// The attack and its variant: `tagging.payload.links`, `replay.after-restart`.
    pub name: String,
    /// Packets that were attacked and of which the end is known.
    pub trials: u64,
    /// Of those, the ones where the adversary had what it wanted: the right packet pointed at, or a repeated one passed on.
    pub hits: u64,
    /// The share of hits that guessing has.
    pub baseline: f64,
    /// Hits when the same is asked about packets that nobody touched; as many are asked about.
    pub decoy_hits: u64,
    /// Attacked packets that were used at their destination, or repeated ones that were passed on, as if nothing had
    /// happened.
    pub survived: u64,
    /// Why nodes dropped packets meanwhile, by label: without an attack they drop none.
    pub dropped: BTreeMap<String, u64>,
}

impl CoreAttack {
    /// The share of trials that hit; 0 without trials.
    #[must_use]
    pub fn success(&self) -> f64 {
        share(self.hits, self.trials)
    }

    /// By how much that is better than guessing.
    #[must_use]
    pub fn advantage(&self) -> f64 {
        self.success() - self.baseline
    }
}

/// What all nodes dropped so far, by label.
fn dropped(net: &VirtualNetwork) -> BTreeMap<String, u64> {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    for (_, ledger) in net.ledgers() {
        for (label, count) in ledger.dropped {
            *sum.entry(label).or_default() += count;
        }
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
