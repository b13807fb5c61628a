//! Least squares disclosure: the profiles that explain best what everybody receives (Pérez-González, Troncoso, "Understanding
//! statistical disclosure: a least squares approach", PETS 2012), without negative shares, and with packets spread over the
//! rounds in which they may come out (Oya, Troncoso, Pérez-González, "Do dummies pay off?", PETS 2014).
//!
//! A receiver's packets in a round are the sum over senders of their packets times the share that goes to it. The busiest
//! senders and those asked about have shares of their own; the rest are one sender. Not here: the solver.

use std::collections::BTreeMap;

use super::dense::Dense;
use super::nonnegative::solve;
use super::profiled::Profiled;
use super::rounds::{Counting, Rounds};
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::view::{Sight, View};

/// Senders with shares of their own. Memory grows with its square; time with that times receivers and sweeps.
const SENDERS_MAX: usize = 256;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastSquares;

impl Adversary for LeastSquares {
    fn name(&self) -> &'static str {
        "least-squares"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let rounds = Rounds::of(view, Counting::Spread);
        let users = questions.iter().filter_map(|question| match question {
            Question::Contact { user, .. } => Some(*user),
            _ => None,
        });
        let mut equations = Equations::of(&rounds, users);
        super::answer_contacts(questions, |user, candidates| {
            candidates.iter().map(|candidate| equations.share(&rounds, user, *candidate)).collect()
        })
    }
}

/// The normal equations, and the profiles found.
pub(super) struct Equations {
    senders: Profiled,
    gram: Dense,
    /// By receiver: the share of each sender's packets that goes to it.
    solved: BTreeMap<Party, Vec<f64>>,
}

impl Equations {
    pub(super) fn of(rounds: &Rounds, users: impl Iterator<Item = Party>) -> Self {
        let senders = Profiled::choose(users, &rounds.of_sender.sums(), SENDERS_MAX);
        let places = senders.places();
        let mut gram = Dense::zeros(places, places);
        for round in 0..rounds.count() {
            let sent = by_place(&senders, rounds.inputs.row(round));
            for (one, many) in &sent {
                for (other, more) in &sent {
                    gram.add(*one, *other, many * more);
                }
            }
        }
        Self { senders, gram, solved: BTreeMap::new() }
    }

    /// The share of a sender's packets that goes to a receiver.
    pub(super) fn share(&mut self, rounds: &Rounds, user: Party, receiver: Party) -> f64 {
        let shares = self.solved.entry(receiver).or_insert_with(|| {
            let mut right = vec![0.0; self.senders.places()];
            for (round, received) in rounds.of_receiver.row(receiver.index()) {
                for (client, sent) in rounds.inputs.row(*round as usize) {
                    if let Some(sum) = right.get_mut(self.senders.place(*client)) {
                        *sum += sent * received;
                    }
                }
            }
            solve(&self.gram, &right, Vec::new())
        });
        shares.get(self.senders.place(user.0)).copied().unwrap_or(0.0)
    }
}

fn by_place(senders: &Profiled, row: &[(u32, f64)]) -> BTreeMap<usize, f64> {
    let mut sums = BTreeMap::new();
    for (client, sent) in row {
        *sums.entry(senders.place(*client)).or_insert(0.0) += sent;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::statistical::profile;
    use super::super::synthetic::{Batches, Continuous, Run, success};
    use super::*;

    /// The mean squared error of the target's profile of least squares and of statistical disclosure.
    fn errors(batches: &Batches, trials: u32) -> (f64, f64) {
        let everybody: Vec<Party> = (1..batches.clients).map(Party).collect();
        let target = |party: &Party| {
            if party.0 <= batches.contacts { 1.0 / f64::from(batches.contacts) } else { 0.0 }
        };
        let error = |shares: Vec<f64>| -> f64 {
            shares.iter().zip(&everybody).map(|(share, party)| (share - target(party)).powi(2)).sum()
        };
        let (mut squares, mut statistical) = (0.0, 0.0);
        for seed in 0..trials {
            let run: Run = batches.run(u64::from(seed) + 900);
            let rounds = Rounds::of(&run.view(), Counting::Whole);
            let mut equations = Equations::of(&rounds, std::iter::once(Party(0)));
            squares +=
                error(everybody.iter().map(|party| equations.share(&rounds, Party(0), *party)).collect());
            statistical += error(profile(&rounds, Party(0), &everybody));
        }
        (squares / f64::from(trials), statistical / f64::from(trials))
    }

    #[test]
    fn the_error_falls_with_the_rounds_and_is_below_that_of_statistical_disclosure() {
        // Somebody else sends whenever the target does: only who explains all senders at once can tell them apart.
        let batches = |rounds| Batches {
            rounds,
            clients: 40,
            others_contacts: 3,
            companion: 0.8,
            ..Batches::default()
        };
        let (few, _) = errors(&batches(500), 12);
        let (many, statistical) = errors(&batches(2000), 12);
        println!("500 rounds {few:.5}, 2000 rounds {many:.5}, sda {statistical:.5}");
        assert!((2.5..7.0).contains(&(few / many)), "four times the rounds: {few} to {many}");
        assert!(many < 0.5 * statistical, "{many} {statistical}");
    }

    #[test]
    fn contacts_are_found_and_decoys_are_not() {
        let batches = Batches { rounds: 250, others_contacts: 3, ..Batches::default() };
        let (found, decoy) = (
            success(&LeastSquares, &batches, 20),
            success(&LeastSquares, &Batches { contacts: 0, ..batches }, 60),
        );
        println!("found {found:.3}, decoy {decoy:.3}");
        assert!(found > 0.95, "{found}");
        assert!(decoy < 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt(), "{decoy}");
    }

    #[test]
    fn a_poisson_mix_is_no_hindrance_without_cover_and_a_constant_rate_is() {
        let plain = Continuous::default();
        let covered = Continuous { real_share: 0.0, ..plain };
        let (open, hidden) = (plain.success(&LeastSquares, 15), covered.success(&LeastSquares, 40));
        println!("open {open:.3}, covered {hidden:.3}");
        assert!(open > 0.9, "{open}");
        assert!(hidden < 0.05 + 4.0 * (0.05 * 0.95 / 40.0_f64).sqrt(), "{hidden}");
    }
}
