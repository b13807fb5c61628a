//! Rounds packet by packet, and tables of profiles, for attacks that assign packets to one another.
//!
//! Not here: how they are assigned.

use super::dense::Dense;
use super::profiled::Profiled;
use super::rounds::{Rounds, packets};
use crate::adversary::Question;
use crate::party::Party;
use crate::view::View;

/// Senders with a profile of their own.
const SENDERS_MAX: usize = 1024;
/// Receivers with a column of their own.
const RECEIVERS_MAX: usize = 4096;
/// What no sender's profile is below, as a part of the receiver's share of all packets.
const SHARE_MIN: f64 = 0.05;

/// The packets of one round, by the places of their clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    /// Which round.
    pub(super) round: u32,
    /// Who sends, a place for each packet.
    pub(super) senders: Vec<usize>,
    /// Who receives.
    pub(super) receivers: Vec<usize>,
}

/// Rounds with the clients of whom there are profiles.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) senders: Profiled,
    pub(super) receivers: Profiled,
    pub(super) exchanges: Vec<Exchange>,
    /// Each receiver's share of all packets.
    pub(super) popularity: Vec<f64>,
}

impl Tables {
    /// The rounds of a view with at most so many packets, stretches of time shortened to that, those with somebody asked about first, until the sum of their work
    /// is as much as allowed.
    pub(super) fn of(
        view: &View<'_>,
        questions: &[Question],
        packets_max: usize,
        work: impl Fn(f64) -> f64,
        work_max: f64,
    ) -> Self {
        let rounds = Rounds::fitting(view, packets_max);
        let (users, asked) = asked(questions);
        let senders = Profiled::choose(users.iter().copied(), &rounds.of_sender.sums(), SENDERS_MAX);
        let receivers =
            Profiled::choose(users.iter().chain(&asked).copied(), &rounds.of_receiver.sums(), RECEIVERS_MAX);
        let mut popularity = vec![0.0; receivers.places()];
        let all: f64 = rounds.totals.iter().sum();
        for (client, received) in (0_u32..).zip(rounds.of_receiver.sums()) {
            if let Some(share) = popularity.get_mut(receivers.place(client)) {
                *share += received / all.max(1.0);
            }
        }
        let mut exchanges = Vec::new();
        let mut left = work_max;
        for round in in_order(&rounds, &users) {
            let exchange = Exchange {
                round,
                senders: places(&senders, rounds.inputs.row(round as usize)),
                receivers: places(&receivers, rounds.outputs.row(round as usize)),
            };
            let most = exchange.senders.len().max(exchange.receivers.len());
            if exchange.senders.is_empty() || exchange.receivers.is_empty() || most > packets_max {
                continue;
            }
            left -= work(super::number(most));
            if left < 0.0 {
                break;
            }
            exchanges.push(exchange);
        }
        Self { senders, receivers, exchanges, popularity }
    }

    /// Profiles by averages: of b packets of a round, each receiver's share is b times the average output less b - 1 times its
    /// share of all (Danezis 2003), no less than a part of the latter.
    pub(super) fn first_profiles(&self) -> Dense {
        let mut profiles = Dense::zeros(self.senders.places(), self.receivers.places());
        let mut sent = vec![(0.0, 0.0); self.senders.places()];
        for exchange in &self.exchanges {
            let batch = super::number(exchange.receivers.len());
            for sender in &exchange.senders {
                if let Some((packets, batches)) = sent.get_mut(*sender) {
                    *packets += 1.0;
                    *batches += batch;
                }
                for receiver in &exchange.receivers {
                    profiles.add(*sender, *receiver, 1.0 / batch);
                }
            }
        }
        for (sender, (packets, batches)) in sent.into_iter().enumerate() {
            let batch = if packets > 0.0 { batches / packets } else { 1.0 };
            let row = profiles.row_mut(sender);
            for (share, usual) in row.iter_mut().zip(&self.popularity) {
                let seen = if packets > 0.0 { *share / packets } else { *usual };
                *share = (batch * seen - (batch - 1.0) * usual).max(SHARE_MIN * usual);
            }
            let sum: f64 = row.iter().sum();
            if sum > 0.0 {
                row.iter_mut().for_each(|share| *share /= sum);
            }
        }
        profiles
    }

    /// What a row of a table has for candidates. Who is one of a crowd has nothing.
    pub(super) fn shares(&self, row: &[f64], candidates: &[Party]) -> Vec<f64> {
        candidates
            .iter()
            .map(|candidate| {
                let place = self.receivers.place(candidate.0);
                if self.receivers.is_crowd(place) { 0.0 } else { row.get(place).copied().unwrap_or(0.0) }
            })
            .collect()
    }
}

/// The users and the candidates of questions.
fn asked(questions: &[Question]) -> (Vec<Party>, Vec<Party>) {
    let mut users = Vec::new();
    let mut others = Vec::new();
    for question in questions {
        if let Question::Contact { user, candidates } = question {
            users.push(*user);
            others.extend(candidates);
        }
    }
    (users, others)
}

/// All rounds, those in which one of these sends first.
fn in_order(rounds: &Rounds, users: &[Party]) -> Vec<u32> {
    let mut is_first = vec![false; rounds.count()];
    for (round, _) in users.iter().flat_map(|user| rounds.of_sender.row(user.index())) {
        if let Some(first) = is_first.get_mut(*round as usize) {
            *first = true;
        }
    }
    let number = |wanted: bool| {
        (0_u32..).zip(&is_first).filter(move |(_, first)| **first == wanted).map(|(round, _)| round)
    };
    number(true).chain(number(false)).collect()
}

fn places(profiled: &Profiled, row: &[(u32, f64)]) -> Vec<usize> {
    packets(row).into_iter().map(|client| profiled.place(client)).collect()
}
