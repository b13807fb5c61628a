//! What corrupt nodes know together: which passage goes on as which.

use std::collections::HashMap;

use crate::observer::WireId;
use crate::view::View;

/// The links of all corrupt nodes.
#[derive(Debug, Default)]
pub(super) struct Chains {
    after: HashMap<WireId, WireId>,
    before: HashMap<WireId, WireId>,
}

impl Chains {
    pub(super) fn of(view: &View<'_>) -> Self {
        let mut chains = Self::default();
        for (_, incoming, outgoing) in &view.forwarded {
            chains.after.insert(*incoming, *outgoing);
            chains.before.insert(*outgoing, *incoming);
        }
        chains
    }

    /// The last passage of a packet that is known from this one on.
    pub(super) fn end(&self, wire: WireId) -> WireId {
        last(&self.after, wire)
    }

    /// The first passage of a packet that is known from this one back.
    pub(super) fn start(&self, wire: WireId) -> WireId {
        last(&self.before, wire)
    }
}

/// Passages are numbered in the order of sending, so this comes to an end.
fn last(links: &HashMap<WireId, WireId>, mut wire: WireId) -> WireId {
    while let Some(next) = links.get(&wire) {
        wire = *next;
    }
    wire
}
