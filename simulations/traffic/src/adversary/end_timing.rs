//! Timing of the two ends: what left a client, and what came out so much later as the delays of all mixes take.
//!
//! It watches the edges alone. The time between is a sum of L exponential delays and the links, with a known density; each
//! packet that came out has been sent by one of those that went in before, in proportion to that density (Danezis, "The traffic
//! analysis of continuous-time mixes", PET 2004). On the route `tor` there are no delays, and Tor's own latency is what is
//! uncertain. Not here: what mixes between show, which is `exact-tracing`.

use std::collections::HashMap;

use super::transit::Transit;
use super::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View, Wire};

/// The most passages that are weighed for one exit; of more, equally many are left out everywhere.
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
    uplinks: Vec<SimTime>,
    /// The same by client.
    of_client: HashMap<Party, Vec<SimTime>>,
}

impl<'v> Ends<'v> {
    fn of(view: &'v View<'v>) -> Self {
        let is_uplink = |wire: &&Wire| view.layout.is_client(wire.from) && wire.arrived != SimTime::NEVER;
        let mut uplinks = Vec::new();
        let mut of_client: HashMap<Party, Vec<SimTime>> = HashMap::new();
        for wire in view.wires.iter().filter(is_uplink) {
            uplinks.push(wire.arrived);
            of_client.entry(wire.from).or_default().push(wire.arrived);
        }
        uplinks.sort_unstable();
        of_client.values_mut().for_each(|times| times.sort_unstable());
        Self { view, transit: Transit::of(view), uplinks, of_client }
    }

    /// The densities at this time of the packets that arrived at these: the sum.
    fn sum(&self, arrived: &[SimTime], out: SimTime) -> f64 {
        let (shortest, longest) = self.transit.span();
        let start = arrived.partition_point(|at| *at < out.since(longest));
        let end = arrived.partition_point(|at| *at <= out.since(shortest));
        let near = arrived.get(start..end).unwrap_or(&[]);
        let step = near.len().div_ceil(PASSAGES_MAX).max(1);
        let density = |at: &SimTime| self.transit.density(out.since(*at).as_secs_f64());
        near.iter().step_by(step).map(density).sum::<f64>() * number(step)
    }

    fn exits(&self, wire: WireId, candidates: &[WireId]) -> Option<Vec<f64>> {
        let entered = self.view.wire(wire)?.arrived;
        let weight = |exit: &WireId| {
            let out = self.view.wire(*exit)?.sent;
            if out < entered {
                return None;
            }
            let own = self.transit.density(out.since(entered).as_secs_f64());
            // It is one of all, even if the sum left it out.
            let all = self.sum(&self.uplinks, out).max(own);
            (all > 0.0).then(|| own / all)
        };
        Some(candidates.iter().map(|exit| weight(exit).unwrap_or(0.0)).collect())
    }

    fn senders(&self, wire: WireId, candidates: &[Party]) -> Option<Vec<f64>> {
        let out = self.view.wire(wire)?.sent;
        let weight = |client| self.of_client.get(client).map_or(0.0, |times| self.sum(times, out));
        Some(candidates.iter().map(weight).collect())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of passages are far below 2^52")]
const fn number(count: usize) -> f64 {
    count as f64
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

    #[test]
    fn a_sender_counts_however_many_sent_after_it() {
        let toy = Toy { delay_ms: 300.0, ..Toy::default() };
        let mut played = toy.play();
        let mix = played.layout.mix(0, 0);
        let wire = |id: u32, from, to, sent: f64| {
            let (sent, arrived) = (SimTime::from_secs_f64(sent), SimTime::from_secs_f64(sent + 0.01));
            Wire { id: WireId(id.into()), sent, arrived, from, to }
        };
        // One packet of client 0, many of client 1 behind it, and one that comes out 0.9 s after the first.
        let many = 2 * u32::try_from(PASSAGES_MAX).unwrap();
        let mut wires = vec![wire(0, Party(0), mix, 1.0)];
        wires.extend((1..=many).map(|id| wire(id, Party(1), mix, 1.0 + f64::from(id) * 1e-5)));
        let exit = wire(many + 1, played.layout.mix(2, 0), Party(3), 1.9);
        wires.push(exit);
        played.recording.wires = wires;
        played.recording.facts.clear();
        let window = (SimTime::ZERO, SimTime::from_secs_f64(3.0));
        let view = View::of(&played.recording, &played.layout, &played.scenario, Sight::Edges, &[], window);
        let ends = Ends::of(&view);
        let weights = ends.senders(exit.id, &[Party(0), Party(1), Party(2)]).unwrap();
        assert!(weights[0] > 0.0 && weights[1] > 1000.0 * weights[0], "{weights:?}");
        assert!(weights[2].abs() < f64::MIN_POSITIVE);
        // What is left out is made up for.
        let all = ends.sum(&ends.uplinks, exit.sent);
        assert!((all / (weights[0] + weights[1]) - 1.0).abs() < 0.01, "{all} {weights:?}");
        let apart: f64 =
            ends.uplinks.iter().map(|at| ends.transit.density(exit.sent.since(*at).as_secs_f64())).sum();
        assert!((all / apart - 1.0).abs() < 0.01, "{all} {apart}");
    }
}
