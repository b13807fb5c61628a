//! Follows probability mass through all mixes, forward to where packets come out and backward to who sent them.
//!
//! The strongest passive attack on single packets for a mix that keeps its packets in an exchangeable order: see
//! [`tracer`](crate::tracer). Backward it follows the passage in question through reversed time, which by the symmetry of
//! matchings gives the same as following every candidate's packets forward, at the cost of one target. Packets that the
//! adversary made and what its mixes forwarded are known to it. Where mixes make packets of their own it uses the mean delay and
//! the rates of those packets, and of how the network works only where a packet's last passage can begin.

use std::collections::BTreeMap;

use super::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::{Party, Role};
use crate::random::Draws;
use crate::scenario::Delivery;
use crate::tracer::{Direction, Exit, replay};
use crate::view::{Sight, View};

/// How many questions one pass over the view answers: mass for each at every mix and passage.
const TARGETS_PER_PASS: usize = 256;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactTracing;

impl Adversary for ExactTracing {
    fn name(&self) -> &'static str {
        "exact-tracing"
    }

    fn sight(&self) -> Sight {
        Sight::Global
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit, Kind::Sender]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        traced(view, questions)
    }
}

/// Answers to questions for exits and senders by the mass that comes out at the candidates; others are left open.
pub(super) fn traced(view: &View<'_>, questions: &[Question]) -> Vec<Answer> {
    let mut answers: Vec<Answer> =
        questions.iter().map(|question| Answer::nothing(question.candidates())).collect();
    for direction in [Direction::Forward, Direction::Backward] {
        // A target and its decoy ask of the same passage.
        let mut asked: BTreeMap<WireId, Vec<usize>> = BTreeMap::new();
        for (number, question) in questions.iter().enumerate() {
            match (question, direction) {
                (Question::Exit { wire, .. }, Direction::Forward)
                | (Question::Sender { wire, .. }, Direction::Backward) => {
                    asked.entry(*wire).or_default().push(number);
                }
                _ => {}
            }
        }
        let wires: Vec<WireId> = asked.keys().copied().collect();
        for pass in wires.chunks(TARGETS_PER_PASS) {
            let tracer = replay(view, direction, pass);
            for (target, wire) in pass.iter().enumerate() {
                for number in asked.get(wire).into_iter().flatten() {
                    if let (Some(question), Some(answer)) = (questions.get(*number), answers.get_mut(*number))
                    {
                        *answer = weighed(question, tracer.exits(target), view);
                    }
                }
            }
        }
    }
    answers
}

fn weighed(question: &Question, exits: &[Exit], view: &View<'_>) -> Answer {
    let layout = view.layout;
    let network = &view.scenario.network;
    // Straight to recipients packets come from the last mixes; what an entry hands to a client is its own loop or a dummy.
    let is_by_entry = |wire: &WireId| {
        network.delivery == Delivery::Direct
            && network.entries > 0
            && view
                .wire(*wire)
                .is_some_and(|wire| matches!(layout.role(wire.from), Some(Role::Mix { layer: 0, .. })))
    };
    match question {
        Question::Exit { wire, candidates } => {
            // What comes out at a client is its own loop, or, with mailboxes, an answer: no other client's packet ends there.
            let sender = view.wire(*wire).map(|wire| wire.from);
            let is_of_another = |wire: &WireId| {
                network.delivery == Delivery::Mailbox
                    && view
                        .wire(*wire)
                        .is_some_and(|wire| layout.is_client(wire.to) && Some(wire.to) != sender)
            };
            // Forward, exits are in the order of sending.
            let mass = |wire: &WireId| {
                if is_by_entry(wire) || is_of_another(wire) {
                    return 0.0;
                }
                let place = exits.binary_search_by_key(wire, |exit| exit.wire).ok();
                place.and_then(|place| exits.get(place)).map_or(0.0, |exit| exit.mass)
            };
            Answer::from_weights(candidates.iter().map(mass).collect())
        }
        Question::Sender { candidates, .. } => {
            let mut masses = vec![0.0; layout.parties() as usize];
            for exit in exits {
                if let Some(mass) = masses.get_mut(exit.party.index()) {
                    *mass += exit.mass;
                }
            }
            let mass = |client: &Party| masses.get(client.index()).copied().unwrap_or(0.0);
            Answer::from_weights(candidates.iter().map(mass).collect())
        }
        Question::Contact { .. } | Question::Order { .. } => Answer::nothing(question.candidates()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::{guesses, scored};
    use crate::toy::Toy;

    #[test]
    fn without_delay_every_packet_is_found() {
        let played = Toy { delay_ms: 0.0, ..Toy::default() }.play();
        let score = scored(&played, &ExactTracing, &[]);
        for (kind, tally) in &score.kinds {
            assert!(tally.trials > 100 && tally.success() > 0.99, "{kind:?} {}", tally.success());
            assert!(tally.advantage() > 0.95, "{kind:?} {}", tally.advantage());
        }
    }

    #[test]
    fn with_long_delays_it_guesses_and_knows_that_it_does() {
        let toy = Toy { clients: 25, gap_ms: 50.0, delay_ms: 3000.0, duration_s: 25.0, ..Toy::default() };
        let score = scored(&toy.play(), &ExactTracing, &[]);
        for (kind, tally) in &score.kinds {
            assert!(tally.trials >= 200, "{kind:?}");
            // The shape of the delay tells the middle of the window from its ends; hardly more.
            assert!(tally.advantage() < 0.2, "{kind:?} {}", tally.advantage());
            assert!(tally.calibration() < 0.01, "{kind:?} {}", tally.calibration());
        }
    }

    #[test]
    fn it_knows_how_sure_it_can_be() {
        let played = Toy { delay_ms: 60.0, ..Toy::default() }.play();
        let score = scored(&played, &ExactTracing, &[]);
        for (kind, tally) in &score.kinds {
            assert!(tally.advantage() > 0.15 && tally.success() < 0.95, "{kind:?} {}", tally.success());
            assert!(tally.calibration() < 0.01, "{kind:?} {}", tally.calibration());
            guesses(tally);
        }
    }

    #[test]
    fn corrupt_mixes_are_no_mixes() {
        let toy = Toy { clients: 50, gap_ms: 50.0, delay_ms: 1000.0, duration_s: 15.0, ..Toy::default() };
        let played = toy.play();
        let all: Vec<Party> = (0..6).map(|mix| played.layout.nth_mix(mix)).collect();
        assert!(scored(&played, &ExactTracing, &all).total().success() > 0.999);
    }

    #[test]
    fn clients_that_come_and_go_do_not_blind_it() {
        use crate::adversary::EndTiming;
        use crate::scenario::{Online, Scenario};

        let mut scenario = Scenario { duration_s: 60.0, warmup_s: 10.0, ..Scenario::default() };
        scenario.network.entries = 0;
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        scenario.mixing = crate::scenario::Mixing::Poisson { delay_ms_mean: 20.0 };
        scenario.behaviour.writing = crate::scenario::Writing::Poisson { per_day_mean: 20_000.0 };
        let class = scenario.clients.first_mut().unwrap();
        class.count = 20;
        class.downlink_interval_ms_mean = 0.0;
        class.online = Online::Alternating { online_s_mean: 5.0, offline_s_mean: 5.0 };
        let run = crate::engine::record(&scenario, crate::random::Seed::new(1), None).unwrap();
        let (layout, recording) = (run.layout, run.recording);
        let played = crate::toy::Played { layout, scenario, recording };
        let (exact, ends) = (scored(&played, &ExactTracing, &[]), scored(&played, &EndTiming, &[]));
        for (kind, tally) in &exact.kinds {
            let other = ends.kinds.get(kind).unwrap();
            assert!(tally.trials >= 100, "{kind:?}: {}", tally.trials);
            // Two rates of 100 trials differ by 0.07 by chance.
            let (exact, ends) = (tally.success(), other.success());
            assert!(exact > ends - 0.15 && ends > 0.4, "{kind:?}: {exact} {ends}");
        }
    }
}
