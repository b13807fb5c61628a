//! Adversaries: what can be concluded from what can be seen.
//!
//! Each attack is an [`Adversary`]: it gets a [`View`] and a [`Question`], never a fact, and answers with weights. The
//! [scoreboard](crate::scoreboard) asks the questions, knows the truth, and asks the same of uninvolved decoys.

mod chains;
pub mod disclosure;
mod end_timing;
mod exact_tracing;
mod flow_correlation;
mod isolation;
mod path_compromise;
mod predecessor;
mod question;
mod registry;
mod release_time;
mod targeted_corruption;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transit;

pub use end_timing::EndTiming;
pub use exact_tracing::ExactTracing;
pub use flow_correlation::FlowCorrelation;
pub use isolation::Isolation;
pub use path_compromise::{FullPaths, PathCompromise};
pub use predecessor::Predecessor;
pub use question::{Answer, Kind, Question};
pub use registry::{all, by_name};
pub use release_time::ReleaseTime;
pub use targeted_corruption::{TargetedCorruption, greedy};

use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View};

/// What an active adversary does to the network while it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Interference {
    /// The n-1 attack (Serjantov, Dingledine, Syverson 2002): at this mix, at this time, block everything but one packet of
    /// the target client, and send own packets instead at this rate until the packet comes out.
    Isolate {
        /// The mix.
        mix: Party,
        /// The client whose next packet is let through.
        client: Party,
        /// From when.
        from: SimTime,
        /// Own packets per second.
        flood_per_s: f64,
    },
    /// A corrupt mailbox tells some clients a digest without the boxes of its choice (equivocation): the clients with these
    /// numbers see arrivals later, by ordinary polling.
    Equivocate {
        /// The mailbox.
        mailbox: Party,
        /// Who is shown the shortened digest.
        clients: Vec<Party>,
    },
}

/// A way to answer questions from what was seen.
pub trait Adversary: Sync {
    /// Its name in plans and reports, in small letters with hyphens.
    fn name(&self) -> &'static str;

    /// What it has to watch.
    fn sight(&self) -> Sight;

    /// Which questions it answers; it is asked no others.
    fn asks(&self) -> &'static [Kind];

    /// Which nodes it takes over, instead of as many that the scenario makes corrupt; `None` if it makes do with those. It
    /// chooses by the loads of all links, in a view that no node of its own adds to.
    fn corrupts(&self, view: &View<'_>, budget: usize, draws: &mut Draws) -> Option<Vec<Party>> {
        let _ = (view, budget, draws);
        None
    }

    /// What it does to the network, given what it watched: a run of the same seed, of which only what was before its
    /// interference begins may count. `None` for one that only watches.
    fn interference(&self, watched: &View<'_>, draws: &mut Draws) -> Option<Interference> {
        let _ = (watched, draws);
        None
    }

    /// Its answers, one for each question, in their order.
    fn answer(&self, view: &View<'_>, questions: &[Question], draws: &mut Draws) -> Vec<Answer>;
}
