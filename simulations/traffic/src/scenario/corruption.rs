//! Who belongs to the adversary.

use serde::{Deserialize, Serialize};

use super::refusal::{ScenarioRefusal, within};
use crate::party::Layout;

/// The most nodes that can be named.
const NAMED_MAX: usize = 10_000;

/// Which nodes are corrupt: those named, and a share of the mixes at random.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Corruption {
    /// The share of all mixes, entries included, that is corrupt; so many as come nearest, drawn anew each run.
    pub mixes_fraction: f64,
    /// Nodes by name: `mix-0-1` (layer, place; layer 0 are the entries where there are any), `mailbox-0`.
    pub nodes: Vec<String>,
}

impl Corruption {
    pub(super) fn validate(&self, layout: &Layout) -> Result<(), ScenarioRefusal> {
        within("corruption.mixes_fraction", self.mixes_fraction, 0.0..=1.0)?;
        within("the number of corruption.nodes", self.nodes.len(), 0..=NAMED_MAX)?;
        for name in &self.nodes {
            let known = layout.by_name(name).filter(|party| !layout.is_client(*party));
            if known.is_none() || name == "tor" {
                return Err(ScenarioRefusal::new(
                    "corruption.nodes",
                    name,
                    "names of nodes, such as mix-0-1 (layer, place) or mailbox-0",
                ));
            }
        }
        Ok(())
    }
}
