//! Flow correlation: whose packets come so much later than the user's as delays take, over the whole run.
//!
//! For each pair of a user and a candidate it compares two models of the times at which the candidate gets packets: Poisson at
//! its mean rate, or so that a share of the user's packets comes out at the candidate after a delay of known density, and the
//! rest at a constant rate. The logarithm of the likelihood ratio sums over the flow (as the statistical baselines in Oldenburg,
//! Juarez, Argones Rúa, Diaz, "MixMatch: Flow matching for mixnet traffic", PETS 2024; no neural network). It answers who gets
//! what a user sends where messages are delivered straight; with mailboxes the times at which clients are answered have
//! nothing to do with when somebody writes.

use std::collections::HashMap;

use super::transit::Transit;
use super::{Adversary, Answer, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::scenario::{Delivery, Route, Scenario};
use crate::time::SimTime;
use crate::view::{Sight, View};

/// The most packets of a flow that are compared; the first ones.
const FLOW_MAX: usize = 20_000;
/// Which shares of the user's packets may go to one contact.
const SHARES: [f64; 6] = [0.02, 0.05, 0.1, 0.25, 0.5, 0.95];
/// The rest of a candidate's packets has at least this share of its rate.
const REST_MIN: f64 = 0.02;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowCorrelation;

impl Adversary for FlowCorrelation {
    fn name(&self) -> &'static str {
        "flow-correlation"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        let flows = Flows::of(view);
        questions
            .iter()
            .map(|question| match question {
                Question::Contact { user, candidates } => {
                    let ratios: Vec<f64> =
                        candidates.iter().map(|candidate| flows.log_ratio(*user, *candidate)).collect();
                    let largest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    Answer::from_weights(ratios.iter().map(|ratio| (ratio - largest).exp()).collect())
                }
                _ => Answer::nothing(question.candidates()),
            })
            .collect()
    }
}

/// When each client sends and gets packets.
struct Flows {
    transit: Transit,
    seconds: f64,
    sent: HashMap<Party, Vec<SimTime>>,
    got: HashMap<Party, Vec<SimTime>>,
}

impl Flows {
    fn of(view: &View<'_>) -> Self {
        let (mut sent, mut got): (HashMap<Party, Vec<SimTime>>, HashMap<Party, Vec<SimTime>>) =
            (HashMap::new(), HashMap::new());
        let (mut first, mut last) = (SimTime::NEVER, SimTime::ZERO);
        for wire in view.wires.iter() {
            if view.layout.is_client(wire.from) && wire.arrived != SimTime::NEVER {
                sent.entry(wire.from).or_default().push(wire.arrived);
            } else if view.layout.is_client(wire.to) {
                got.entry(wire.to).or_default().push(wire.sent);
            }
            (first, last) = (first.min(wire.sent), last.max(wire.sent));
        }
        for times in sent.values_mut().chain(got.values_mut()) {
            times.sort_unstable();
            times.truncate(FLOW_MAX);
        }
        let way = Transit::of(view);
        Self {
            transit: frame_wait_s(view.scenario).map_or_else(|| way.clone(), |wait_s| way.then(wait_s)),
            seconds: last.since(first).as_secs_f64(),
            sent,
            got,
        }
    }

    /// The logarithm of the largest likelihood ratio over the shares; 0 says that the candidate's packets do as well without.
    #[expect(clippy::cast_precision_loss, reason = "flows are limited")]
    fn log_ratio(&self, user: Party, candidate: Party) -> f64 {
        let (Some(sent), Some(got)) = (self.sent.get(&user), self.got.get(&candidate)) else { return 0.0 };
        let rate = got.len() as f64 / self.seconds.max(f64::MIN_POSITIVE);
        // What the user's packets add to the rate at each of the candidate's, if all go there.
        let kernel: Vec<f64> = got.iter().map(|out| self.density(sent, *out)).collect();
        let mut best: f64 = 0.0;
        for share in SHARES {
            let rest = (got.len() as f64 - share * sent.len() as f64) / self.seconds;
            if rest < REST_MIN * rate {
                continue;
            }
            best = best.max(kernel.iter().map(|density| ((rest + share * density) / rate).ln()).sum());
        }
        best
    }

    fn density(&self, sent: &[SimTime], out: SimTime) -> f64 {
        let (shortest, longest) = self.transit.span();
        let start = sent.partition_point(|at| *at < out.since(longest));
        let end = sent.partition_point(|at| *at <= out.since(shortest));
        let near = sent.get(start..end).unwrap_or(&[]);
        near.iter().map(|at| self.transit.density(out.since(*at).as_secs_f64())).sum()
    }
}

/// How long packets to clients wait for a frame, where entries send them in frames: a message straight to its recipient is
/// sent by the last mix, and waits for none.
fn frame_wait_s(scenario: &Scenario) -> Option<f64> {
    let network = &scenario.network;
    let is_shaped =
        network.delivery == Delivery::Mailbox && network.entries > 0 && network.route != Route::Tor;
    let frame_ms = scenario.clients.iter().map(|class| class.downlink_interval_ms_mean).fold(0.0, f64::max);
    (is_shaped && frame_ms > 0.0).then_some(frame_ms / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::{guesses, scored};
    use crate::toy::Toy;

    #[test]
    fn without_cover_flows_name_their_receivers() {
        let toy = Toy { clients: 60, gap_ms: 5000.0, duration_s: 600.0, ..Toy::default() };
        let total = scored(&toy.play(), &FlowCorrelation, &[]).total();
        assert!(total.trials >= 50 && total.advantage() > 0.9, "{}", total.advantage());
        guesses(&total);
    }

    #[test]
    fn messages_that_wait_for_no_frame_are_not_expected_later() {
        let toy = Toy { clients: 40, gap_ms: 2000.0, duration_s: 60.0, cover: 0.5, ..Toy::default() };
        let mut played = toy.play();
        let without = scored(&played, &FlowCorrelation, &[]).total();
        played.scenario.clients[0].downlink_interval_ms_mean = 500.0;
        let with = scored(&played, &FlowCorrelation, &[]).total();
        assert!(without.trials > 10);
        assert_eq!(with.success().to_bits(), without.success().to_bits());
        let wait_s = |delivery, entries, route| {
            let mut scenario = Scenario::default();
            scenario.network =
                crate::scenario::Network { delivery, entries, route, ..scenario.network.clone() };
            frame_wait_s(&scenario)
        };
        assert_eq!(wait_s(Delivery::Mailbox, 2, Route::Mix), Some(0.5));
        assert_eq!(wait_s(Delivery::Mailbox, 2, Route::TorMix), Some(0.5));
        assert_eq!(wait_s(Delivery::Mailbox, 2, Route::Tor), None);
        assert_eq!(wait_s(Delivery::Mailbox, 0, Route::Mix), None);
        assert_eq!(wait_s(Delivery::Direct, 2, Route::Mix), None);
    }

    #[test]
    fn flows_of_constant_cover_say_nothing() {
        let toy = Toy {
            clients: 60,
            gap_ms: 200.0,
            delay_ms: 1000.0,
            duration_s: 30.0,
            cover: 0.98,
            ..Toy::default()
        };
        let total = scored(&toy.play(), &FlowCorrelation, &[]).total();
        let deviation = (total.baseline() * (1.0 - total.baseline()) / f64::from(total.trials)).sqrt();
        assert!(total.trials >= 50);
        assert!((total.success() - total.baseline()).abs() < 6.0 * deviation, "{}", total.success());
        guesses(&total);
    }
}
