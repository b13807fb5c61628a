//! Intersection: who is there whenever the target sends? (Berthold, Langos, "Dummy traffic against long term intersection
//! attacks", PET 2002; Kesdogan, Agrawal, Penz, "Limits of anonymity in open environments", IH 2002.)
//!
//! Strictly, everybody drops out who receives nothing, or is offline, in a round of the target: [`survivors`]. That fails at
//! the first message for a second contact; so the answer weighs how much likelier the misses and hits of a candidate are if
//! some share of the target's rounds is for it than if none is. Hits are being online, and receiving something while online.
//!
//! A question costs, for each candidate, the rounds of the two and the candidate's times online. Not here: how much is
//! received, which is statistical disclosure.

use std::collections::BTreeMap;

use super::evidence::weights;
use super::rounds::{Counting, Rounds};
use super::statistical::joint;
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View};

/// How often a contact's hit is missed: at the borders of rounds.
const MISS: f64 = 0.02;
/// Shares of the target's rounds that a contact may have, all taken to be as likely.
const SHARES: [f64; 5] = [1.0, 0.5, 0.25, 0.125, 0.0625];

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intersection;

impl Adversary for Intersection {
    fn name(&self) -> &'static str {
        "intersection"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let rounds = Rounds::of(view, Counting::Whole);
        let times = Times::of(view);
        let mean =
            super::number(rounds.outputs.sums().len().max(1)) * f64::from(view.layout.clients().max(1));
        let received: usize = (0..rounds.count()).map(|round| rounds.outputs.row(round).len()).sum();
        let usual = super::number(received) / mean;
        super::answer_contacts(questions, |user, candidates| {
            let logarithms: Vec<f64> = candidates
                .iter()
                .map(|candidate| evidence_ln(&rounds, &times, usual, user, *candidate))
                .collect();
            weights(&logarithms)
        })
    }
}

/// Who received something in every round in which a packet of the target came out, in ascending order; everybody if
/// there was no such round. The target itself is not among them.
#[must_use]
pub fn survivors(view: &View<'_>, user: Party) -> Vec<Party> {
    let rounds = Rounds::of(view, Counting::Whole);
    let mine = rounds.of_sender.row(user.index());
    (0..view.layout.clients())
        .map(Party)
        .filter(|client| *client != user)
        .filter(|client| joint(mine, rounds.of_receiver.row(client.index())).count() == mine.len())
        .collect()
}

/// How much likelier what was seen is if a candidate is a contact of the target.
fn evidence_ln(rounds: &Rounds, times: &Times, usual: f64, user: Party, candidate: Party) -> f64 {
    let mine = rounds.of_sender.row(user.index());
    let theirs = rounds.of_receiver.row(candidate.index());
    let ranges = times.ranges(candidate, &rounds.ends);
    let with: usize = ranges.iter().map(|range| inside(mine, *range)).sum();
    let online: usize = ranges.iter().map(|(first, last)| (last - first) as usize).sum();
    let presence = Hits { with, of: mine.len(), without: online - with, rest: rounds.count() - mine.len() };
    let heard = joint(mine, theirs).filter(|(round, _, _)| is_inside(&ranges, *round)).count();
    let all: usize = ranges.iter().map(|range| inside(theirs, *range)).sum();
    let reception = Hits { with: heard, of: with, without: all - heard, rest: online - with };
    let usual_online = super::number(online) / super::number(rounds.count().max(1));
    presence.evidence_ln(usual_online) + reception.evidence_ln(usual)
}

/// How often a candidate was there: in `with` of `of` rounds with the target, in `without` of the `rest`.
struct Hits {
    with: usize,
    of: usize,
    without: usize,
    rest: usize,
}

impl Hits {
    /// The logarithm of the ratio of likelihoods, over all shares. `usual` is how often one is there, worth two rounds.
    fn evidence_ln(&self, usual: f64) -> f64 {
        let [with, of, without, rest] = [self.with, self.of, self.without, self.rest].map(super::number);
        let chance = ((without + 2.0 * usual) / (rest + 2.0)).clamp(1e-6, 1.0 - 1e-6);
        let ratios = SHARES.map(|share| {
            let hit = share * (1.0 - MISS) + (1.0 - share) * chance;
            with * (hit / chance).ln() + (of - with) * ((1.0 - hit) / (1.0 - chance)).ln()
        });
        let largest = ratios.into_iter().fold(f64::NEG_INFINITY, f64::max);
        largest
            + ratios
                .iter()
                .map(|ratio| (ratio - largest).exp() / super::number(SHARES.len()))
                .sum::<f64>()
                .ln()
    }
}

/// When clients are online.
struct Times {
    by_client: BTreeMap<Party, Vec<(SimTime, SimTime)>>,
    is_known: bool,
}

impl Times {
    fn of(view: &View<'_>) -> Self {
        let mut by_client: BTreeMap<Party, Vec<(SimTime, SimTime)>> = BTreeMap::new();
        for presence in &view.presence {
            by_client.entry(presence.client).or_default().push((presence.from, presence.until));
        }
        by_client.values_mut().for_each(|times| times.sort_unstable());
        Self { is_known: !by_client.is_empty(), by_client }
    }

    /// The rounds in which a client is online at the end, as ranges without their ends; all if nothing is known of anybody.
    fn ranges(&self, client: Party, ends: &[SimTime]) -> Vec<(u32, u32)> {
        let number = |round: usize| u32::try_from(round).unwrap_or(u32::MAX);
        if !self.is_known {
            return vec![(0, number(ends.len()))];
        }
        self.by_client
            .get(&client)
            .into_iter()
            .flatten()
            .map(|(from, until)| {
                let first = ends.partition_point(|end| end < from);
                (number(first), number(ends.partition_point(|end| end < until).max(first)))
            })
            .collect()
    }
}

fn inside(row: &[(u32, f64)], (first, last): (u32, u32)) -> usize {
    row.partition_point(|entry| entry.0 < last) - row.partition_point(|entry| entry.0 < first)
}

fn is_inside(ranges: &[(u32, u32)], round: u32) -> bool {
    let after = ranges.partition_point(|range| range.0 <= round);
    after.checked_sub(1).and_then(|place| ranges.get(place)).is_some_and(|range| round < range.1)
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Batches, Continuous, Run, question, success};
    use super::*;
    use crate::random::{Purpose, Seed};
    use crate::view::Presence;

    #[test]
    fn so_many_survive_as_theory_says_and_at_last_the_contact_alone() {
        // Somebody uninvolved receives one of the nine other packets with probability p: p^t survive t rounds.
        let p = 1.0 - (1.0 - 1.0 / 49.0_f64).powi(9);
        for (rounds, seeds) in [(1, 60), (2, 60), (3, 60)] {
            let batches = Batches { rounds, contacts: 1, silent: 0.0, ..Batches::default() };
            let left: usize =
                (0..seeds).map(|seed| survivors(&batches.run(seed).view(), Party(0)).len() - 1).sum();
            let expected = 48.0 * p.powi(i32::try_from(rounds).unwrap());
            let mean = f64::from(u32::try_from(left).unwrap()) / 60.0;
            println!("{rounds} rounds: {mean:.3} left besides the contact, theory {expected:.3}");
            assert!((mean - expected).abs() < 5.0 * (expected / 60.0).sqrt(), "{mean} {expected}");
        }
        for seed in 0..20 {
            let batches = Batches { rounds: 20, contacts: 1, silent: 0.0, ..Batches::default() };
            assert_eq!(survivors(&batches.run(seed).view(), Party(0)), [Party(1)]);
        }
    }

    #[test]
    fn several_contacts_are_found_too_and_decoys_are_not() {
        let batches = Batches { rounds: 400, silent: 0.5, ..Batches::default() };
        let (found, decoy) = (
            success(&Intersection, &batches, 30),
            success(&Intersection, &Batches { contacts: 0, ..batches }, 100),
        );
        println!("found {found:.3}, decoy {decoy:.3}");
        assert!(found > 0.9, "{found}");
        assert!(decoy < 0.05 + 4.0 * (0.05 * 0.95 / 100.0_f64).sqrt(), "{decoy}");
    }

    #[test]
    fn a_constant_rate_hides_the_contact() {
        let covered = Continuous { real_share: 0.0, ..Continuous::default() };
        let hidden = covered.success(&Intersection, 60);
        println!("covered {hidden:.3}");
        assert!(hidden < 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt(), "{hidden}");
    }

    /// Everybody is online in a round with probability 0.6; client 1, if it is a contact, always when the target sends.
    fn with_presence(batches: &Batches, seed: u64, is_contact: bool) -> Run {
        let mut run = batches.run(seed);
        let mut draws = Seed::new(seed).draws(Purpose::Online, 0);
        let truth = batches.truth(&mut Seed::new(seed).draws(Purpose::Writing, 0));
        for (second, packets) in (0_u32..).zip(&truth) {
            let is_target_sending = packets.iter().any(|packet| packet.0 == 0);
            for client in 0..batches.clients {
                let is_chosen = draws.unit() < 0.6;
                if is_chosen || (client == 1 && is_contact && is_target_sending) {
                    let at = |offset: f64| SimTime::from_secs_f64(f64::from(second) + offset);
                    run.recording.presence.push(Presence {
                        client: Party(client),
                        from: at(0.0),
                        until: at(0.9),
                    });
                }
            }
        }
        run
    }

    #[test]
    fn times_online_tell_when_receiving_does_not() {
        let batches = Batches { rounds: 100, contacts: 0, silent: 0.6, ..Batches::default() };
        let mut hits = [0.0, 0.0];
        for (place, is_contact) in [true, false].into_iter().enumerate() {
            for seed in 0..30 {
                let run = with_presence(&batches, seed, is_contact);
                let mut draws = Seed::new(seed).draws(Purpose::Targets, 0);
                let (question, right) = question(1, 2..50, &mut draws);
                let answers = Intersection.answer(&run.view(), &[question], &mut draws);
                let weights = answers[0].weights();
                let best = weights.iter().copied().fold(0.0, f64::max);
                hits[place] += f64::from(u8::from(weights[right] >= best)) / 30.0;
            }
        }
        println!("contact {:.3}, decoy {:.3}", hits[0], hits[1]);
        assert!(hits[0] > 0.85, "{}", hits[0]);
        assert!(hits[1] < 0.05 + 4.0 * (0.05 * 0.95 / 30.0_f64).sqrt(), "{}", hits[1]);
    }
}
