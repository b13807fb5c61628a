//! How long an adversary has to watch until it knows a contact for good.
//!
//! Measured for the attacks of many rounds that are cheap enough to be carried out for many beginnings of a run.

use std::collections::BTreeMap;

use super::AttackPlan;
use crate::adversary::disclosure::rounds_to_disclosure;
use crate::adversary::{Adversary, Question};
use crate::engine::Recorded;
use crate::party::Party;
use crate::random::{Purpose, Seed};
use crate::results::Measures;
use crate::scenario::Scenario;
use crate::view::View;

/// The attacks of which it is measured.
const ATTACKS: [&str; 3] = ["sda", "sda-normalised", "intersection"];
/// Users of which it is measured in each run.
const USERS: usize = 3;
/// Runs with more passages are left out: each takes two dozen attacks.
const PASSAGES_MAX: usize = 2_000_000;
/// Who draws candidates here.
const CANDIDATES: u64 = 1 << 33;

/// Notes `attack.NAME.disclosed`, the share of users of whom one contact is known at the end of the run, and of those
/// `.disclosed_after_s` and `.disclosed_packets`, the means of time and of the user's packets until then. The users are those who
/// write most, the contact of each is the one that they write to most.
pub(super) fn note(
    scenario: &Scenario,
    run: &Recorded,
    adversary: &dyn Adversary,
    plan: &AttackPlan,
    seed: Seed,
    measures: &mut Measures,
) {
    let Recorded { recording, layout, corrupt, window, .. } = run;
    if !ATTACKS.contains(&adversary.name()) || recording.wires.len() > PASSAGES_MAX {
        return;
    }
    let mut counts: BTreeMap<Party, BTreeMap<Party, usize>> = BTreeMap::new();
    for message in &recording.messages {
        if message.released >= window.0 && message.released <= window.1 && message.sender != message.recipient
        {
            *counts.entry(message.sender).or_default().entry(message.recipient).or_default() += 1;
        }
    }
    let mut users: Vec<(usize, Party, Party)> = counts
        .iter()
        .filter_map(|(user, contacts)| {
            let (contact, _) = contacts.iter().max_by_key(|(_, count)| **count)?;
            Some((contacts.values().sum(), *user, *contact))
        })
        .collect();
    users.sort_unstable_by(|one, other| other.cmp(one));
    users.truncate(USERS);
    if users.is_empty() {
        return;
    }
    let view = View::of(recording, layout, scenario, adversary.sight(), corrupt, *window);
    let mut draws = seed.draws(Purpose::Targets, CANDIDATES);
    let mut asked = Vec::new();
    for (_, user, contact) in &users {
        let strangers = |party: &Party| {
            *party != *user && counts.get(user).is_none_or(|contacts| !contacts.contains_key(party))
        };
        let mut others: Vec<Party> = (0..layout.clients()).map(Party).filter(strangers).collect();
        let wanted = if plan.candidates == 0 { others.len() } else { plan.candidates as usize - 1 };
        while others.len() > wanted {
            let place = draws.below(u32::try_from(others.len()).unwrap_or(u32::MAX)) as usize;
            others.swap_remove(place);
        }
        let right = others.len();
        others.push(*contact);
        asked.push((Question::Contact { user: *user, candidates: others }, right));
    }
    let known: Vec<_> =
        rounds_to_disclosure(adversary, &view, &asked, &mut draws).into_iter().flatten().collect();
    let name = |measure: &str| format!("attack.{}.{measure}", adversary.name());
    let share = number(known.len()) / number(users.len());
    measures.set(name("disclosed"), share);
    let mean = |sum: f64| sum / number(known.len());
    measures.set(
        name("disclosed_after_s"),
        mean(known.iter().map(|disclosure| disclosure.after.as_secs_f64()).sum()),
    );
    measures.set(
        name("disclosed_packets"),
        mean(known.iter().map(|disclosure| number(disclosure.packets)).sum()),
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn number(count: usize) -> f64 {
    count as f64
}
