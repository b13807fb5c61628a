//! The n-1 or trickle attack: lets one packet into a mix among packets of its own, and takes what comes out that is not its own
//! (Serjantov, Dingledine, Syverson, "From a trickle to a flood", IH 2002).
//!
//! It blocks everything else at one mix, so that the packet is alone there: with a network of one layer it is found for
//! certain, behind more layers only as far as those do not mix it again. What was in a mix of exponential delays before
//! leaves while it waits; a batch is filled with the adversary's packets. It follows the target as `exact-tracing` does, its own
//! packets left out.
//!
//! What sees it: the mixes' own loops. A mix whose arrivals are blocked gets none of its loops back and sees the loss within
//! a few intervals of loops; neighbours lose the loops that pass through it. The attack is not stopped by that here, and
//! its packet may come out before anybody looks; it cannot be repeated unseen.

use super::exact_tracing::traced;
use super::{Adversary, Answer, Interference, Kind, Question};
use crate::party::{Layout, Party};
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View};

/// When it begins: after most networks have warmed up, in seconds.
const FROM_S: f64 = 60.0;
/// Its own packets per second.
const FLOOD_PER_S: f64 = 50.0;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Isolation;

impl Adversary for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }

    fn sight(&self) -> Sight {
        Sight::Global
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit]
    }

    fn interference(&self, layout: &Layout, draws: &mut Draws) -> Option<Interference> {
        let width = layout.layers().first().copied().filter(|width| *width > 0)?;
        Some(Interference::Isolate {
            mix: layout.mix(0, draws.below(width)),
            client: Party(draws.below(layout.clients())),
            from: SimTime::from_secs_f64(FROM_S),
            flood_per_s: FLOOD_PER_S,
        })
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        traced(view, questions)
    }
}
