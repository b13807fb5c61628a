//! Perfect matching disclosure: in each round packets are assigned to one another so that all together is likeliest, not one
//! by one (Troncoso, Gierlichs, Preneel, Verbauwhede, "Perfect matching disclosure attacks", PETS 2008).
//!
//! Profiles begin as averages of what comes out beside a sender and are made anew from the assignments. Rounds with a target
//! in them come first, until the work is as much as allowed. Not here: the assignment.

use super::assignment::assign;
use super::dense::Dense;
use super::tables::{Exchange, Tables};
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::random::Draws;
use crate::view::{Sight, View};

/// How often profiles are made anew.
const ITERATIONS: u32 = 4;
/// Stretches of time are no longer than what has so many packets, and batches with more are left out: an assignment takes
/// the cube.
const PACKETS_MAX: usize = 200;
/// The sum of the cubes of the packets of all rounds in each iteration.
const WORK_MAX: f64 = 2e8;
/// How many packets the belief in the first profile is worth beside those assigned.
const BELIEF_PACKETS: f64 = 2.0;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerfectMatching;

impl Adversary for PerfectMatching {
    fn name(&self) -> &'static str {
        "perfect-matching"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let tables = Tables::of(view, questions, PACKETS_MAX, |packets| packets.powi(3), WORK_MAX);
        if tables.exchanges.is_empty() {
            return super::nothing(questions);
        }
        let first = tables.first_profiles();
        let mut profiles = first.clone();
        for _ in 0..ITERATIONS {
            profiles = profiles_of(&tables, &first, &match_all(&tables, &profiles));
        }
        super::answer_contacts(questions, |user, candidates| {
            let row = profiles.row(tables.senders.place(user.0));
            tables.shares(row, candidates)
        })
    }
}

/// How many packets of each sender are assigned to each receiver.
fn match_all(tables: &Tables, profiles: &Dense) -> Dense {
    let mut counts = Dense::zeros(tables.senders.places(), tables.receivers.places());
    for exchange in &tables.exchanges {
        for (sender, receiver) in match_one(exchange, profiles) {
            counts.add(sender, receiver, 1.0);
        }
    }
    counts
}

/// The likeliest assignment of one round: sender and receiver of each packet.
pub(super) fn match_one(exchange: &Exchange, profiles: &Dense) -> Vec<(usize, usize)> {
    let (from, to) = (&exchange.senders, &exchange.receivers);
    let is_turned = from.len() > to.len();
    let (rows, columns) = if is_turned { (to, from) } else { (from, to) };
    let mut costs = Dense::zeros(rows.len(), columns.len());
    for (number, row) in rows.iter().enumerate() {
        for (cost, column) in costs.row_mut(number).iter_mut().zip(columns) {
            let (sender, receiver) = if is_turned { (*column, *row) } else { (*row, *column) };
            *cost = -profiles.at(sender, receiver).max(f64::MIN_POSITIVE).ln();
        }
    }
    let assigned = assign(&costs, rows.len(), columns.len());
    rows.iter()
        .zip(assigned)
        .filter_map(|(row, column)| {
            let column = *columns.get(column)?;
            Some(if is_turned { (column, *row) } else { (*row, column) })
        })
        .collect()
}

/// Profiles from assigned packets; the first profiles count as some packets.
fn profiles_of(tables: &Tables, first: &Dense, counts: &Dense) -> Dense {
    let mut profiles = first.clone();
    for sender in 0..tables.senders.places() {
        if tables.senders.is_crowd(sender) {
            continue;
        }
        let sum: f64 = counts.row(sender).iter().sum();
        for (share, count) in profiles.row_mut(sender).iter_mut().zip(counts.row(sender)) {
            *share = (count + BELIEF_PACKETS * *share) / (sum + BELIEF_PACKETS);
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::super::rounds::{Counting, Rounds};
    use super::super::statistical::profile;
    use super::super::synthetic::{Batches, Continuous, question, success};
    use super::*;
    use crate::party::Party;
    use crate::random::{Purpose, Seed};

    /// Of the target's packets, how many are traced to their recipient: by assignments, and one by one to the likeliest of the
    /// round by the profile of statistical disclosure.
    fn traced(batches: &Batches, seed: u64) -> (f64, f64) {
        let run = batches.run(seed);
        let view = run.view();
        let everybody: Vec<Party> = (0..batches.clients).map(Party).collect();
        let users: Vec<Question> = everybody
            .iter()
            .map(|user| Question::Contact { user: *user, candidates: everybody.clone() })
            .collect();
        let tables = Tables::of(&view, &users, PACKETS_MAX, |packets| packets.powi(3), WORK_MAX);
        let first = tables.first_profiles();
        let mut profiles = first.clone();
        for _ in 0..ITERATIONS {
            profiles = profiles_of(&tables, &first, &match_all(&tables, &profiles));
        }
        let alone = profile(&Rounds::of(&view, Counting::Whole), Party(0), &everybody);
        let truth = batches.truth(&mut Seed::new(seed).draws(Purpose::Writing, 0));
        let (mut together, mut single, mut packets) = (0.0, 0.0, 0.0);
        for exchange in &tables.exchanges {
            let Some((_, right)) = truth[exchange.round as usize].iter().find(|packet| packet.0 == 0) else {
                continue;
            };
            packets += 1.0;
            let assigned = match_one(exchange, &profiles);
            together += f64::from(u8::from(assigned.contains(&(0, *right as usize))));
            let likeliest =
                exchange.receivers.iter().copied().max_by(|a, b| alone[*a].total_cmp(&alone[*b])).unwrap();
            single += f64::from(u8::from(likeliest == *right as usize));
        }
        (together / packets, single / packets)
    }

    #[test]
    fn packets_are_traced_better_together_than_one_by_one() {
        let batches =
            Batches { clients: 30, rounds: 300, contacts: 6, others_contacts: 3, ..Batches::default() };
        let sums = (0..6).map(|seed| traced(&batches, seed)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let (together, single) = (sums.0 / 6.0, sums.1 / 6.0);
        println!("assigned {together:.3}, one by one {single:.3}");
        assert!(together > single + 0.03, "{together} {single}");
    }

    #[test]
    fn rounds_are_shortened_until_they_can_be_assigned() {
        // A stretch of four deviations would have 320 packets.
        let busy =
            Continuous { duration_s: 60.0, interval_s: 0.2, others_interval_s: 0.5, ..Continuous::default() };
        let run = busy.run(5);
        let (question, right) = question(1, 2..busy.clients, &mut Seed::new(5).draws(Purpose::Targets, 0));
        let questions = [question];
        let tables = Tables::of(&run.view(), &questions, PACKETS_MAX, |packets| packets.powi(3), WORK_MAX);
        assert!(tables.exchanges.len() > 10, "{}", tables.exchanges.len());
        let mut draws = Seed::new(5).draws(Purpose::Adversary, 0);
        let answers = PerfectMatching.answer(&run.view(), &questions, &mut draws);
        let weights = answers[0].weights();
        assert!(weights.iter().all(|weight| *weight <= weights[right]), "{right} {weights:?}");
    }

    #[test]
    fn without_a_round_nothing_is_claimed() {
        let batches = Batches { batch: 201, rounds: 3, ..Batches::default() };
        let (question, _) = batches.question(&mut Seed::new(5).draws(Purpose::Targets, 0));
        let mut draws = Seed::new(5).draws(Purpose::Adversary, 0);
        let answers =
            PerfectMatching.answer(&batches.run(5).view(), std::slice::from_ref(&question), &mut draws);
        assert_eq!(answers[0].weights(), Answer::nothing(question.candidates()).weights());
    }

    #[test]
    fn contacts_are_found_and_decoys_are_not() {
        let batches = Batches { rounds: 150, others_contacts: 3, ..Batches::default() };
        let (found, decoy) = (
            success(&PerfectMatching, &batches, 20),
            success(&PerfectMatching, &Batches { contacts: 0, ..batches }, 60),
        );
        println!("found {found:.3}, decoy {decoy:.3}");
        assert!(found > 0.9, "{found}");
        assert!(decoy < 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt(), "{decoy}");
    }
}
