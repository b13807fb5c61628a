//! What stands in the way of the network right now, for `status` to tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Failure;

/// The part of the network that has a trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    /// Fetching the consensus.
    Consensus,
    /// The session with the entry.
    Session,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Session => "session",
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

    /// `[{part, label, text}]`.
    pub(super) fn to_json(&self) -> Value {
        let row = |(part, failure): (&Part, &Failure)| json!({ "part": part.name(), "label": failure.label, "text": failure.text });
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
        troubles.set(Part::Session, "unreachable", "one");
        troubles.set(Part::Session, "silent", "two");
        troubles.set(Part::Consensus, "link-version", "three");
        troubles.clear(Part::Consensus);
        assert_eq!(troubles.to_json(), json!([{ "part": "session", "label": "silent", "text": "two" }]));
    }
}
