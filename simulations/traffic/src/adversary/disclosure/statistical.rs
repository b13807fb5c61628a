//! Statistical disclosure: who receives more when the target sends?
//!
//! - `sda`: the average of what comes out in the target's rounds, less a background that is taken as uniform (Danezis,
//!   "Statistical disclosure attacks", 2003).
//! - `sda-normalised`: target and background are estimated together, receiver by receiver, by weighted least squares, and
//!   packets are spread over the rounds in which they may come out (Mathewson, Dingledine 2004, estimate the background
//!   from rounds without the target; Danezis, Díaz, Troncoso 2007 normalise per round).
//! - `sda-two-sided`: the same, with the evidence of what comes back to the target when a candidate sends (Danezis, Díaz,
//!   Troncoso, "Two-sided statistical disclosure attack", 2007). The paper guesses for each message whether it is a reply;
//!   here both directions are weighed and their evidence is put together.
//!
//! A question costs the target's rounds and, for each candidate, the rounds of the two. Not here: attacks that explain all
//! senders at once.

use super::evidence::{Estimate, factors_ln, weights};
use super::rounds::{Counting, Rounds};
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::view::{Sight, View};

/// Receivers are taken to differ at least by this squared coefficient of variation.
const SPREAD_MIN: f64 = 0.01;

/// With a uniform background.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatisticalDisclosure;

/// With an estimated background.
#[derive(Clone, Copy, Debug, Default)]
pub struct NormalisedDisclosure;

/// With an estimated background and replies.
#[derive(Clone, Copy, Debug, Default)]
pub struct TwoSidedDisclosure;

impl Adversary for StatisticalDisclosure {
    fn name(&self) -> &'static str {
        "sda"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let rounds = Rounds::of(view, Counting::Whole);
        super::answer_contacts(questions, |user, candidates| profile(&rounds, user, candidates))
    }
}

impl Adversary for NormalisedDisclosure {
    fn name(&self) -> &'static str {
        "sda-normalised"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let rounds = Rounds::of(view, Counting::Spread);
        let background = Background::of(&rounds);
        super::answer_contacts(questions, |user, candidates| {
            weights(&factors_ln(&background.shares(&rounds, user, candidates)))
        })
    }
}

impl Adversary for TwoSidedDisclosure {
    fn name(&self) -> &'static str {
        "sda-two-sided"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let rounds = Rounds::of(view, Counting::Spread);
        let background = Background::of(&rounds);
        super::answer_contacts(questions, |user, candidates| {
            let there = factors_ln(&background.shares(&rounds, user, candidates));
            let back: Vec<Estimate> = candidates
                .iter()
                .flat_map(|candidate| background.shares(&rounds, *candidate, &[user]))
                .collect();
            let both: Vec<f64> =
                there.iter().zip(factors_ln(&back)).map(|(there, back)| there + back).collect();
            weights(&both)
        })
    }
}

/// The target's profile by the formula of 2003: v = b O - (b - 1) u for a batch of b, of which O is the average output and u
/// the uniform background. Negative shares are kept.
pub(super) fn profile(rounds: &Rounds, user: Party, candidates: &[Party]) -> Vec<f64> {
    let mine = rounds.of_sender.row(user.index());
    let total = |round: u32| rounds.totals.get(round as usize).copied().unwrap_or(0.0);
    let seen: f64 = mine.iter().filter(|(round, _)| total(*round) > 0.0).map(|(_, count)| count).sum();
    if seen <= 0.0 {
        return vec![0.0; candidates.len()];
    }
    let batch = mine.iter().map(|(round, count)| count * total(*round)).sum::<f64>() / seen;
    let uniform = 1.0 / super::number(rounds.of_receiver.rows().max(1));
    candidates
        .iter()
        .map(|candidate| {
            let output: f64 = joint(mine, rounds.of_receiver.row(candidate.index()))
                .map(|(round, count, received)| count * received / total(round))
                .sum();
            batch * output / seen - (batch - 1.0) * uniform
        })
        .collect()
}

/// What rows of the same order have in common: place, both numbers. Costs the length of the shorter row times the
/// logarithm of the other's.
pub(super) fn joint<'a>(
    one: &'a [(u32, f64)],
    other: &'a [(u32, f64)],
) -> impl Iterator<Item = (u32, f64, f64)> + 'a {
    let is_swapped = other.len() < one.len();
    let (short, long) = if is_swapped { (other, one) } else { (one, other) };
    short.iter().filter_map(move |(place, value)| {
        let at = long.binary_search_by_key(place, |entry| entry.0).ok()?;
        let found = long.get(at)?.1;
        Some(if is_swapped { (*place, found, *value) } else { (*place, *value, found) })
    })
}

/// What does not depend on the target: how much everybody receives, and how unequal that is.
pub(super) struct Background {
    packets: f64,
    received: Vec<f64>,
    /// The weight of the belief that a receiver is like the others, in packets.
    belief: f64,
}

impl Background {
    pub(super) fn of(rounds: &Rounds) -> Self {
        let received = rounds.of_receiver.sums();
        let clients = super::number(received.len().max(1));
        let packets: f64 = received.iter().sum();
        let mean = packets / clients;
        let variance = received.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / clients;
        // How far shares differ beyond chance: their squared coefficient of variation.
        let spread =
            if mean > 0.0 { ((variance - mean) / (mean * mean)).max(SPREAD_MIN) } else { SPREAD_MIN };
        Self { packets, received, belief: clients / spread }
    }

    /// How many of the target's packets go to each candidate. In a round with T packets, a of them the target's, a candidate
    /// receives v a + q (T - a) in the mean; v and q by least squares with weights 1/T, as counts have a variance in
    /// proportion to T. The background q is drawn towards that of the others as far as receivers are alike.
    pub(super) fn shares(&self, rounds: &Rounds, user: Party, candidates: &[Party]) -> Vec<Estimate> {
        let mine = rounds.of_sender.row(user.index());
        let total = |round: u32| rounds.totals.get(round as usize).copied().unwrap_or(0.0);
        let (sum, squares) = mine
            .iter()
            .filter(|(round, _)| total(*round) > 0.0)
            .fold((0.0, 0.0), |(sum, squares), (round, a)| (sum + a, squares + a * a / total(*round)));
        let mixed = sum - squares;
        let others = self.packets - 2.0 * sum + squares + self.belief;
        let determinant = squares * others - mixed * mixed;
        let usual = self.belief / super::number(self.received.len().max(1));
        candidates
            .iter()
            .map(|candidate| {
                if determinant <= 1e-9 * squares * others {
                    return Estimate::default();
                }
                let received = self.received.get(candidate.index()).copied().unwrap_or(0.0);
                let with: f64 = joint(mine, rounds.of_receiver.row(candidate.index()))
                    .map(|(round, a, count)| a * count / total(round))
                    .sum();
                let without = received - with + usual;
                let value = (others * with - mixed * without) / determinant;
                let background = (squares * without - mixed * with) / determinant;
                // Half a packet keeps the error of who received nothing from being zero.
                let rate = background.max(0.5 / (self.packets + 1.0));
                Estimate { value, deviation: (rate * others / determinant).sqrt() }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Batches, Continuous, success};
    use super::*;

    /// Danezis 2003, section 3.3: so many rounds until the contacts stand out from the noise of the target's own choice and
    /// of the others, by `confidence` standard deviations.
    fn rounds_needed(contacts: f64, clients: f64, batch: f64, confidence: f64) -> f64 {
        let own = ((contacts - 1.0) / contacts.powi(2)).sqrt();
        let others = ((clients - 1.0) / clients.powi(2) * (batch - 1.0)).sqrt();
        (contacts * confidence * (own + others)).powi(2)
    }

    #[test]
    fn contacts_stand_out_after_the_rounds_of_theory_and_not_long_before() {
        let needed = rounds_needed(4.0, 60.0, 10.0, 2.0);
        let batches = |rounds| Batches { clients: 60, batch: 10, contacts: 4, rounds, ..Batches::default() };
        let enough = batches(super::super::rounds::floor(4.0 * needed));
        let few = batches(2);
        for adversary in [&StatisticalDisclosure as &dyn Adversary, &NormalisedDisclosure] {
            let (late, early) = (success(adversary, &enough, 40), success(adversary, &few, 40));
            println!("{}: {needed:.0} needed, late {late:.3}, early {early:.3}", adversary.name());
            assert!(late > 0.9, "{}: {late}", adversary.name());
            assert!(early < 0.5, "{}: {early}", adversary.name());
        }
    }

    #[test]
    fn an_estimated_background_sees_past_a_popular_receiver() {
        let batches = Batches { rounds: 250, popular: 0.4, ..Batches::default() };
        let (plain, normalised) =
            (success(&StatisticalDisclosure, &batches, 60), success(&NormalisedDisclosure, &batches, 60));
        println!("sda {plain:.3}, sda-normalised {normalised:.3}");
        assert!(normalised > 0.9 && normalised > plain, "{normalised} {plain}");
    }

    #[test]
    fn replies_help() {
        let batches = Batches { contacts: 6, rounds: 40, silent: 0.7, replies: 0.9, ..Batches::default() };
        let (one, two) =
            (success(&NormalisedDisclosure, &batches, 400), success(&TwoSidedDisclosure, &batches, 400));
        println!("one-sided {one:.3}, two-sided {two:.3}");
        assert!(two > one + 0.03, "{two} {one}");
    }

    #[test]
    fn who_is_not_involved_is_not_named() {
        // The target's packets go to anybody: every candidate is a decoy.
        let batches = Batches { rounds: 300, contacts: 0, ..Batches::default() };
        for adversary in super::super::all().iter().filter(|adversary| adversary.name().starts_with("sda")) {
            let named = success(adversary.as_ref(), &batches, 100);
            println!("{}: {named:.3}", adversary.name());
            assert!(named < 0.05 + 4.0 * (0.05 * 0.95 / 100.0_f64).sqrt(), "{}: {named}", adversary.name());
        }
    }

    #[test]
    fn a_poisson_mix_is_no_hindrance_without_cover_and_a_constant_rate_is() {
        let plain = Continuous::default();
        let covered = Continuous { real_share: 0.0, ..plain };
        for adversary in [&StatisticalDisclosure as &dyn Adversary, &NormalisedDisclosure] {
            let (open, hidden) = (plain.success(adversary, 30), covered.success(adversary, 60));
            println!("{}: open {open:.3}, covered {hidden:.3}", adversary.name());
            assert!(open > 0.8, "{}: {open}", adversary.name());
            assert!(hidden < 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt(), "{}: {hidden}", adversary.name());
        }
    }
}
