//! Makes questions about what really happened, and the same about decoys.
//!
//! A decoy's question looks like a target's, but none of its candidates has to do with it, and one of them is declared right:
//! whoever names that one more often than by guessing has learned how questions are made, or which candidates are
//! right often, and nothing about the target.

use std::collections::{BTreeMap, HashSet};

use super::sample::{sample, shuffle};
use super::trips::{Trip, Trips};
use crate::adversary::{Interference, Kind, Question};
use crate::experiment::AttackPlan;
use crate::observer::PacketKind;
use crate::party::{Layout, Party};
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::Recording;

/// The most candidates of a question, also where a plan asks for all.
const CANDIDATES_MAX: usize = 10_000;
/// Where fewer passages are plausible, so many next in time are taken for each candidate: without delay there would be none
/// to be taken for another, and nothing to ask.
const AROUND_PER_CANDIDATE: usize = 4;
/// How often a client that has nothing to do with a user is looked for, per candidate.
const TRIES_MAX: usize = 20;

/// A question and what is right.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) question: Question,
    /// The right candidate, or the one that was declared right.
    pub(super) right: usize,
    pub(super) is_decoy: bool,
}

/// Makes questions about one run.
pub(super) struct Asker<'a> {
    recording: &'a Recording,
    layout: &'a Layout,
    window: (SimTime, SimTime),
    trips: Trips,
    targets: usize,
    candidates: usize,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        recording: &'a Recording,
        layout: &'a Layout,
        window: (SimTime, SimTime),
        plan: &AttackPlan,
    ) -> Self {
        Self {
            recording,
            layout,
            window,
            trips: Trips::of(recording, layout, window),
            targets: plan.targets as usize,
            candidates: match plan.candidates as usize {
                0 => CANDIDATES_MAX,
                some => some.min(CANDIDATES_MAX),
            },
        }
    }

    /// Questions of one kind. An adversary that isolates a packet is asked about that one alone.
    pub(super) fn ask(
        &self,
        kind: Kind,
        interference: Option<&Interference>,
        draws: &mut Draws,
    ) -> Vec<Asked> {
        match kind {
            Kind::Exit => self.exits(&self.chosen(interference, draws), draws),
            Kind::Sender => self.senders(&self.chosen(interference, draws), draws),
            Kind::Order => self.orders(draws),
            Kind::Contact => self.contacts(draws),
        }
    }

    fn chosen(&self, interference: Option<&Interference>, draws: &mut Draws) -> Vec<Trip> {
        let Some(Interference::Isolate { mix, client, from, .. }) = interference else {
            let numbers = sample(draws, self.trips.all.len(), self.targets);
            return numbers.iter().filter_map(|number| self.trips.all.get(*number)).copied().collect();
        };
        let mut makers: HashSet<u64> = HashSet::new();
        for (wire, fact) in self.recording.wires.iter().zip(&self.recording.facts) {
            if wire.from == *client && fact.kind != PacketKind::Injected {
                makers.insert(fact.packet);
            }
            let passes = wire.to == *mix && wire.arrived >= *from && wire.arrived != SimTime::NEVER;
            if passes && makers.contains(&fact.packet) {
                // Whatever it was: the adversary cannot choose a packet with a message.
                let trips = self.trips.all.iter().chain(&self.trips.cover);
                return trips.filter(|trip| trip.packet == fact.packet).copied().collect();
            }
        }
        Vec::new()
    }

    /// How many passages there have to be around a packet to choose candidates from.
    const fn around(&self) -> usize {
        AROUND_PER_CANDIDATE * if self.candidates < CANDIDATES_MAX { self.candidates } else { 1 }
    }

    fn exits(&self, chosen: &[Trip], draws: &mut Draws) -> Vec<Asked> {
        let mut asked = Vec::new();
        for trip in chosen {
            let exits = self.trips.exits_after(trip.first.sent, self.around()).iter();
            // Another copy of the same message is neither right nor uninvolved.
            let is_copy = |message: Option<u32>| message.is_some() && message == trip.message;
            let others: Vec<_> =
                exits.filter(|(_, message)| !is_copy(*message)).map(|(wire, _)| wire.id).collect();
            let question = |candidates| Question::Exit { wire: trip.first.id, candidates };
            asked.extend(pair(trip.last.id, &others, self.candidates, draws, question));
        }
        asked
    }

    fn senders(&self, chosen: &[Trip], draws: &mut Draws) -> Vec<Asked> {
        let mut asked = Vec::new();
        for trip in chosen {
            let senders =
                self.trips.uplinks_before(trip.last.sent, self.around()).iter().map(|wire| wire.from);
            let mut others: Vec<Party> = senders.collect();
            others.sort_unstable();
            others.dedup();
            let question = |candidates| Question::Sender { wire: trip.last.id, candidates };
            asked.extend(pair(trip.first.from, &others, self.candidates, draws, question));
        }
        asked
    }

    /// Each about a packet and the next from a payload slot of the same client, which is the closed form's case: what others
    /// sent seconds apart keeps its order nearly always, and to say so is to know nothing.
    fn orders(&self, draws: &mut Draws) -> Vec<Asked> {
        let trips = self.trips.all.iter().chain(&self.trips.cover);
        let mut payload: Vec<&Trip> = trips.filter(|trip| trip.is_payload).collect();
        payload.sort_unstable_by_key(|trip| (trip.first.from, trip.first.id));
        // Copies of one message are not two, and what is sent at once has no order.
        let is_pair = |(one, two): &(&Trip, &Trip)| {
            one.first.from == two.first.from
                && one.first.sent < two.first.sent
                && (two.message.is_none() || two.message != one.message)
        };
        let next = payload.iter().skip(1).copied();
        let pairs: Vec<(&Trip, &Trip)> = payload.iter().copied().zip(next).filter(is_pair).collect();
        let mut asked = Vec::new();
        for number in sample(draws, pairs.len(), self.targets) {
            let Some((one, two)) = pairs.get(number) else { continue };
            let question = Question::Order { first: one.first.id, second: two.first.id };
            let came = |trip: &Trip| (trip.last.arrived, trip.last.id);
            let right = usize::from(came(one) > came(two));
            asked.push(Asked { question: question.clone(), right, is_decoy: false });
            // The order of a pair that has nothing to do with this one, told from its end, is a fair coin.
            asked.push(Asked { question, right: draws.below(2) as usize, is_decoy: true });
        }
        asked
    }

    fn contacts(&self, draws: &mut Draws) -> Vec<Asked> {
        let mut written: BTreeMap<Party, Vec<Party>> = BTreeMap::new();
        let mut involved: BTreeMap<Party, HashSet<Party>> = BTreeMap::new();
        for message in &self.recording.messages {
            let in_window = message.released >= self.window.0 && message.released <= self.window.1;
            if in_window && message.sender != message.recipient {
                written.entry(message.sender).or_default().push(message.recipient);
                involved.entry(message.sender).or_default().insert(message.recipient);
                involved.entry(message.recipient).or_default().insert(message.sender);
            }
        }
        let users: Vec<Party> = written.keys().copied().collect();
        let quiet: Vec<Party> = (0..self.layout.clients())
            .map(Party)
            .filter(|client| !involved.contains_key(client))
            .take(CANDIDATES_MAX)
            .collect();
        let nobody = HashSet::new();
        let mut asked = Vec::new();
        for (turn, number) in sample(draws, users.len(), self.targets).into_iter().enumerate() {
            let Some(user) = users.get(number).copied() else { continue };
            // A contact as often as messages go to it. The decoy is somebody else who has nothing to do with it, every second
            // one of those who take no part at all: who is written to by many is as likely to be right there.
            let Some(contact) = written.get(&user).and_then(|list| pick(list, draws)).copied() else {
                continue;
            };
            let related = |client| involved.get(&client).unwrap_or(&nobody);
            if let Some(others) = self.strangers(user, contact, related(user), draws) {
                asked.push(contact_question(user, contact, others, draws, false));
            }
            let unrelated = self.strangers(contact, user, related(contact), draws);
            let subject = match pick(&quiet, draws) {
                Some(client) if turn % 2 == 0 => Some(*client),
                _ => unrelated.and_then(|clients| clients.first().copied()),
            };
            if let Some(subject) = subject
                && let Some(others) = self.strangers(subject, contact, related(subject), draws)
            {
                asked.push(contact_question(subject, contact, others, draws, true));
            }
        }
        asked
    }

    /// Clients that have nothing to do with a user; `None` if there is none.
    fn strangers(
        &self,
        user: Party,
        right: Party,
        related: &HashSet<Party>,
        draws: &mut Draws,
    ) -> Option<Vec<Party>> {
        let clients = self.layout.clients();
        let wanted = self.candidates.saturating_sub(1);
        let numbers = sample(draws, clients as usize, wanted.saturating_mul(TRIES_MAX));
        let all = numbers.into_iter().filter_map(|number| u32::try_from(number).ok()).map(Party);
        let others: Vec<Party> = all
            .filter(|other| *other != user && *other != right && !related.contains(other))
            .take(wanted)
            .collect();
        (!others.is_empty()).then_some(others)
    }
}

fn pick<'t, T>(things: &'t [T], draws: &mut Draws) -> Option<&'t T> {
    things.get(draws.below(u32::try_from(things.len()).unwrap_or(u32::MAX)) as usize)
}

fn contact_question(
    user: Party,
    contact: Party,
    others: Vec<Party>,
    draws: &mut Draws,
    is_decoy: bool,
) -> Asked {
    let (candidates, right) = mixed(contact, others, draws);
    Asked { question: Question::Contact { user, candidates }, right, is_decoy }
}

/// Puts the right candidate among the others, and says where.
fn mixed<T: Copy + PartialEq>(right: T, mut candidates: Vec<T>, draws: &mut Draws) -> (Vec<T>, usize) {
    candidates.push(right);
    shuffle(draws, &mut candidates);
    let place = candidates.iter().position(|candidate| *candidate == right).unwrap_or(0);
    (candidates, place)
}

/// A question about a target with the true candidate, and one without it in which another is declared right. None where
/// there is nobody to be taken for another.
fn pair<T: Copy + PartialEq>(
    truth: T,
    plausible: &[T],
    candidates: usize,
    draws: &mut Draws,
    question: impl Fn(Vec<T>) -> Question,
) -> Vec<Asked> {
    let others: Vec<T> = plausible.iter().filter(|other| **other != truth).copied().collect();
    let mut asked = Vec::new();
    let mut add = |right: T, others: Vec<T>, draws: &mut Draws, is_decoy: bool| {
        let (candidates, right) = mixed(right, others, draws);
        asked.push(Asked { question: question(candidates), right, is_decoy });
    };
    let choose = |draws: &mut Draws, count: usize| -> Vec<T> {
        let numbers = sample(draws, others.len(), count);
        numbers.iter().filter_map(|number| others.get(*number)).copied().collect()
    };
    let beside = choose(draws, candidates.saturating_sub(1));
    if !beside.is_empty() {
        add(truth, beside, draws, false);
    }
    let mut decoys = choose(draws, candidates);
    if decoys.len() > 1
        && let Some(declared) = decoys.pop()
    {
        add(declared, decoys, draws, true);
    }
    asked
}
