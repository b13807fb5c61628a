//! Timing of the two ends: what left a client, and what came out so much later as the delays of all mixes take.
//!
//! It watches the edges alone. The time between is a sum of L exponential delays and the links, with a known density; each
//! packet that came out has been sent by one of those that went in before, in proportion to that density (Danezis, "The traffic
//! analysis of continuous-time mixes", PET 2004). On the route `tor` there are no delays, and Tor's own latency is what is
//! uncertain. Not here: what mixes between show, which is `exact-tracing`.

use super::transit::Transit;
use super::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View, Wire};

/// The most passages that are weighed for one candidate.
const PASSAGES_MAX: usize = 20_000;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndTiming;

impl Adversary for EndTiming {
    fn name(&self) -> &'static str {
        "end-timing"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit, Kind::Sender]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        let ends = Ends::of(view);
        questions
            .iter()
            .map(|question| {
                let weights = match question {
                    Question::Exit { wire, candidates } => ends.exits(*wire, candidates),
                    Question::Sender { wire, candidates } => ends.senders(*wire, candidates),
                    Question::Contact { .. } | Question::Order { .. } => None,
                };
                weights.map_or_else(|| Answer::nothing(question.candidates()), Answer::from_weights)
            })
            .collect()
    }
}

/// What is known of both ends.
struct Ends<'v> {
    view: &'v View<'v>,
    transit: Transit,
    /// What clients sent, in the order of arrival.
    uplinks: Vec<(SimTime, Party)>,
}

impl<'v> Ends<'v> {
    fn of(view: &'v View<'v>) -> Self {
        let is_uplink = |wire: &&Wire| view.layout.is_client(wire.from) && wire.arrived != SimTime::NEVER;
        let mut uplinks: Vec<(SimTime, Party)> =
            view.wires.iter().filter(is_uplink).map(|wire| (wire.arrived, wire.from)).collect();
        uplinks.sort_unstable();
        Self { view, transit: Transit::of(view), uplinks }
    }

    /// Each client packet that may have come out at this time, with its density.
    fn before(&self, out: SimTime) -> impl Iterator<Item = (Party, f64)> + '_ {
        let (shortest, longest) = self.transit.span();
        let start = self.uplinks.partition_point(|(at, _)| *at < out.since(longest));
        let end = self.uplinks.partition_point(|(at, _)| *at <= out.since(shortest));
        let near = self.uplinks.get(start..end).unwrap_or(&[]).iter().rev().take(PASSAGES_MAX);
        near.map(move |(at, client)| (*client, self.transit.density(out.since(*at).as_secs_f64())))
    }

    fn exits(&self, wire: WireId, candidates: &[WireId]) -> Option<Vec<f64>> {
        let entered = self.view.wire(wire)?.arrived;
        let weight = |exit: &WireId| {
            let out = self.view.wire(*exit)?.sent;
            if out < entered {
                return None;
            }
            let all: f64 = self.before(out).map(|(_, density)| density).sum();
            let own = self.transit.density(out.since(entered).as_secs_f64());
            (all > 0.0).then(|| own / all)
        };
        Some(candidates.iter().map(|exit| weight(exit).unwrap_or(0.0)).collect())
    }

    fn senders(&self, wire: WireId, candidates: &[Party]) -> Option<Vec<f64>> {
        let out = self.view.wire(wire)?.sent;
        let mut weights = vec![0.0; candidates.len()];
        let places: std::collections::HashMap<Party, usize> =
            candidates.iter().enumerate().map(|(place, client)| (*client, place)).collect();
        for (client, density) in self.before(out) {
            if let Some(weight) = places.get(&client).and_then(|place| weights.get_mut(*place)) {
                *weight += density;
            }
        }
        Some(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::{guesses, scored};
    use crate::toy::Toy;

    #[test]
    fn without_delay_times_fit_exactly() {
        let played = Toy { delay_ms: 0.0, ..Toy::default() }.play();
        for (kind, tally) in &scored(&played, &EndTiming, &[]).kinds {
            assert!(tally.trials > 100 && tally.success() > 0.99, "{kind:?} {}", tally.success());
            guesses(tally);
        }
    }

    #[test]
    fn few_packets_can_be_told_apart_and_many_cannot() {
        let quiet = Toy { gap_ms: 10_000.0, duration_s: 300.0, ..Toy::default() }.play();
        let busy =
            Toy { clients: 50, gap_ms: 50.0, delay_ms: 3000.0, duration_s: 25.0, ..Toy::default() }.play();
        let (few, many) = (scored(&quiet, &EndTiming, &[]), scored(&busy, &EndTiming, &[]));
        for (kind, tally) in &few.kinds {
            assert!(tally.advantage() > 0.3, "{kind:?} {}", tally.advantage());
            assert!(many.kinds[kind].trials >= 200);
            assert!(many.kinds[kind].advantage() < 0.2, "{kind:?} {}", many.kinds[kind].advantage());
        }
    }
}
