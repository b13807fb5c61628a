//! The scoreboard: asks adversaries questions whose answers it knows, and says what the answers are worth.
//!
//! The only code beside the instruments that sees a [`Recording`]'s facts; an adversary gets a [`View`]. The candidates of a
//! question about a packet are those that were there within the shortest and longest time that any packet took, or next to that. Not
//! here: intervals over replications, which results are put together from.

mod calibration;
mod interval;
mod questions;
mod sample;
mod score;
#[cfg(test)]
mod tests;
mod trips;

pub use score::{Score, Tally, worst};

use std::collections::BTreeMap;

use questions::{Asked, Asker};

use crate::adversary::{Adversary, Answer, Interference, Kind, Question};
use crate::experiment::AttackPlan;
use crate::party::{Layout, Party};
use crate::random::{Purpose, Seed};
use crate::scenario::Scenario;
use crate::time::SimTime;
use crate::view::{Recording, Sight, View};

/// The adversary's coins for what it does to the network, which nodes it takes, and its answers.
const COINS_INTERFERENCE: u64 = 0;
const COINS_CORRUPTION: u64 = 1;
const COINS_ANSWERS: u64 = 2;
/// The draws for the order in which questions are asked; those for the kinds come after it.
const TARGETS_ORDER: u64 = 0;

/// What an adversary does to the network in the run of this seed: to be done in the run of which [`ask`] is asked. `watched` is
/// the run without it, which is the same until it begins.
#[must_use]
pub fn interference(
    adversary: &dyn Adversary,
    watched: &Recording,
    layout: &Layout,
    scenario: &Scenario,
    seed: Seed,
) -> Option<Interference> {
    let view = View::of(watched, layout, scenario, Sight::Global, &[], window_of(scenario));
    adversary.interference(&view, &mut seed.draws(Purpose::Adversary, COINS_INTERFERENCE))
}

fn window_of(scenario: &Scenario) -> (SimTime, SimTime) {
    let start = SimTime::from_secs_f64(scenario.warmup_s);
    (start, start + SimTime::from_secs_f64(scenario.duration_s))
}

/// Asks an adversary about a run: questions of each kind that it answers, about `plan.targets` targets with as many decoys.
/// `corrupt` are the nodes that the scenario gives to the adversary. Kinds of which nothing happened have no trials.
#[must_use]
pub fn ask(
    recording: &Recording,
    layout: &Layout,
    scenario: &Scenario,
    corrupt: &[Party],
    adversary: &dyn Adversary,
    plan: &AttackPlan,
    seed: Seed,
) -> Score {
    let window = window_of(scenario);
    let coins = |number| seed.draws(Purpose::Adversary, number);

    let loads = View::of(recording, layout, scenario, Sight::Global, &[], window);
    let taken = adversary.corrupts(&loads, corrupt.len(), &mut coins(COINS_CORRUPTION));
    // Before it interfered the run was the one that it watched.
    let active = adversary.interference(&loads, &mut coins(COINS_INTERFERENCE));
    drop(loads);
    let corrupt = taken.as_deref().unwrap_or(corrupt);

    let asker = Asker::new(recording, layout, scenario, window, plan);
    let mut asked: Vec<Asked> = Vec::new();
    for kind in adversary.asks() {
        let mut draws = seed.draws(Purpose::Targets, TARGETS_ORDER + 1 + *kind as u64);
        asked.extend(asker.ask(*kind, active.as_ref(), &mut draws));
    }
    // Targets and decoys cannot be told by their place.
    sample::shuffle(&mut seed.draws(Purpose::Targets, TARGETS_ORDER), &mut asked);
    let questions: Vec<Question> = asked.iter().map(|asked| asked.question.clone()).collect();

    let view = View::of(recording, layout, scenario, adversary.sight(), corrupt, window);
    let answers = adversary.answer(&view, &questions, &mut coins(COINS_ANSWERS));
    let mut kinds: BTreeMap<Kind, Tally> = BTreeMap::new();
    for (number, asked) in asked.iter().enumerate() {
        // Who does not answer, or not about these candidates, guesses.
        let count = asked.question.candidates();
        let guess = Answer::nothing(count);
        let answer = answers.get(number).filter(|answer| answer.weights().len() == count).unwrap_or(&guess);
        let tally = kinds.entry(asked.question.kind()).or_default();
        if asked.is_decoy {
            tally.decoy(answer, asked.right);
        } else {
            tally.target(answer, asked.right);
        }
    }
    Score { adversary: adversary.name().to_owned(), kinds }
}
