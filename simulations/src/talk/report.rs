//! What came of a conversation.

use std::collections::BTreeMap;
use std::fmt;

use crate::vnet::Falsehood;

/// Falsehoods that are printed one by one.
const SHOWN_MAX: usize = 20;

/// Figures, and whatever was not as it has to be.
#[derive(Clone, Debug, Default)]
pub struct TalkReport {
    /// How many messages were sent.
    pub messages: usize,
    /// The same by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// How many are there in the end, reactions and the like not counted.
    pub messages_left: usize,
    /// How often a person's program was killed.
    pub people_crashed: u64,
    /// How often a node was killed.
    pub nodes_crashed: u64,
    /// Claimed states that were compared with what happened.
    pub claims: u64,
    /// Boxes that nobody saw leaving. Unless it is 0 the watch was blind.
    pub unseen: u64,
    /// Claims that were not true.
    pub falsehoods: Vec<Falsehood>,
    /// Where the two sides, or the script, differ in the end.
    pub differences: Vec<String>,
    /// What boxes and letters were refused or doubted for, by label.
    pub doubts: BTreeMap<String, u64>,
    /// The virtual time that it took, in seconds.
    pub elapsed_s: f64,
    /// The virtual time from the last message until nothing moved any more, in seconds.
    pub rest_s: f64,
}

impl TalkReport {
    pub(super) fn count_kind(&mut self, kind: &'static str) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    pub(super) fn count_doubt(&mut self, label: &str) {
        *self.doubts.entry(label.to_owned()).or_default() += 1;
    }

    /// Whether everything was as it has to be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.falsehoods.is_empty() && self.differences.is_empty() && self.unseen == 0
    }
}

impl fmt::Display for TalkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} messages {:?}, {} left in the end", self.messages, self.kinds, self.messages_left)?;
        writeln!(
            f,
            "{:.0} s of virtual time, the last {:.0} s of them at rest; {} programs and {} nodes were killed",
            self.elapsed_s, self.rest_s, self.people_crashed, self.nodes_crashed
        )?;
        writeln!(f, "refused or doubted: {:?}", self.doubts)?;
        write!(
            f,
            "{} claims compared, {} untrue; {} differences; {} boxes unseen",
            self.claims,
            self.falsehoods.len(),
            self.differences.len(),
            self.unseen
        )?;
        for falsehood in self.falsehoods.iter().take(SHOWN_MAX) {
            write!(f, "\n{falsehood}")?;
        }
        for difference in &self.differences {
            write!(f, "\n{difference}")?;
        }
        Ok(())
    }
}
