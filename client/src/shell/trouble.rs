//! What stands in the way of the network right now, for `status` to tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Failure;
use crate::core::Route;

/// The part of the network that has a trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    /// The way into Tor.
    Tor,
    /// Fetching the consensus.
    Consensus,
    /// The session with the entry of a route.
    Session(Route),
    /// The circuits of the route `tor`.
    Circuit,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Tor => "tor",
            Self::Consensus => "consensus",
            Self::Session(_) => "session",
            Self::Circuit => "circuit",
        }
    }

    const fn route(self) -> Option<Route> {
        match self {
            Self::Session(route) => Some(route),
            Self::Circuit => Some(Route::Tor),
            Self::Tor | Self::Consensus => None,
        }
    }
}

/// The last failure of each part that has not worked since. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(Arc<Mutex<BTreeMap<Part, Failure>>>);

impl Troubles {
    /// This part failed.
    pub(super) fn set(&self, part: Part, label: &str, text: &str) {
        tracing::debug!(part = part.name(), label, "trouble");
        self.lock().insert(part, Failure::new(label, text));
    }

    /// This part works.
    pub(super) fn clear(&self, part: Part) {
        self.lock().remove(&part);
    }

    /// `[{part, route, label, text}]`; `route` is null where the part belongs to none.
    pub(super) fn to_json(&self) -> Value {
        let row = |(part, failure): (&Part, &Failure)| {
            let Failure { label, text } = failure;
            json!({ "part": part.name(), "route": part.route(), "label": label, "text": text })
        };
        self.lock().iter().map(row).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Part, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_last_failure_until_it_works() {
        let troubles = Troubles::default();
        troubles.set(Part::Session(Route::Mix), "unreachable", "one");
        troubles.set(Part::Session(Route::Mix), "silent", "two");
        troubles.set(Part::Session(Route::TorMix), "silent", "four");
        troubles.clear(Part::Session(Route::TorMix));
        troubles.set(Part::Consensus, "link-version", "three");
        troubles.clear(Part::Consensus);
        troubles.set(Part::Tor, "tor-offline", "five");
        assert_eq!(
            troubles.to_json(),
            json!([
                { "part": "tor", "route": null, "label": "tor-offline", "text": "five" },
                { "part": "session", "route": "mix", "label": "silent", "text": "two" },
            ])
        );
    }
}
