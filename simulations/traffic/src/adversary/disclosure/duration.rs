//! How long until an attack knows a contact for good.
//!
//! Not here: how long it should take by theory.

use crate::adversary::{Adversary, Answer, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::View;

/// So many beginnings of the view are tried, each longer by the same factor.
const PREFIXES: i32 = 24;
/// How much longer each is: the first is about a two-hundredth of the whole.
const FACTOR: f64 = 1.26;

/// From when on an attack is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disclosure {
    /// Watched for so long.
    pub after: SimTime,
    /// The target had sent so many packets.
    pub packets: usize,
}

/// For each question and the place of the candidate that is right: the shortest beginning of a view after which the answer is
/// right and stays so, that candidate weighing more than all others. `None` if it is not right at the end, or no question for a
/// contact. The attack is carried out at most 24 times, for all questions together.
#[must_use]
pub fn rounds_to_disclosure(
    adversary: &dyn Adversary,
    view: &View<'_>,
    asked: &[(Question, usize)],
    draws: &mut Draws,
) -> Vec<Option<Disclosure>> {
    let length_s = view.window.1.since(view.window.0).as_secs_f64();
    let mut known: Vec<Option<Disclosure>> = vec![None; asked.len()];
    // The places in `asked` that are right in all beginnings so far, with their users.
    let mut open: Vec<(usize, Party)> = asked
        .iter()
        .enumerate()
        .filter_map(|(place, (question, _))| match question {
            Question::Contact { user, .. } => Some((place, *user)),
            _ => None,
        })
        .collect();
    for shorter in 0..PREFIXES {
        let after = SimTime::from_secs_f64(length_s / FACTOR.powi(shorter));
        let part = beginning(view, after);
        let questions: Vec<Question> = open
            .iter()
            .filter_map(|(place, _)| asked.get(*place))
            .map(|(question, _)| question.clone())
            .collect();
        let mut answers = adversary.answer(&part, &questions, draws).into_iter();
        open.retain(|(place, user)| {
            let right = asked.get(*place).map_or(0, |(_, right)| *right);
            let is_known = answers.next().is_some_and(|answer| is_right(&answer, right));
            if let Some(known) = known.get_mut(*place).filter(|_| is_known) {
                let packets = part.wires.iter().filter(|wire| wire.from == *user).count();
                *known = Some(Disclosure { after, packets });
            }
            is_known
        });
        if open.is_empty() {
            break;
        }
    }
    known
}

/// Whether the candidate in this place weighs more than all others.
fn is_right(answer: &Answer, right: usize) -> bool {
    let mine = answer.weights().get(right).copied().unwrap_or(0.0);
    let others = answer.weights().iter().enumerate().filter(|(place, _)| *place != right);
    others.fold(0.0, |most: f64, (_, weight)| most.max(*weight)) < mine
}

/// What was seen up to a time after the beginning.
fn beginning<'a>(view: &'a View<'_>, after: SimTime) -> View<'a> {
    let end = view.window.0 + after;
    let passages = view.wires.partition_point(|wire| wire.sent <= end);
    let mut presence = view.presence.clone();
    presence.retain(|presence| presence.from <= end);
    for presence in &mut presence {
        presence.until = presence.until.min(end);
    }
    View {
        layout: view.layout,
        scenario: view.scenario,
        window: (view.window.0, end),
        wires: view.wires.get(..passages).unwrap_or(&[]).into(),
        presence,
        corrupt: view.corrupt.clone(),
        forwarded: view.forwarded.clone(),
        boxes: view.boxes.iter().filter(|event| event.at <= end).copied().collect(),
        own: view.own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::Batches;
    use super::super::{Intersection, StatisticalDisclosure};
    use super::*;
    use crate::random::{Purpose, Seed};

    /// The mean number of the target's packets until an attack knows a contact.
    fn packets_mean(adversary: &dyn Adversary, batches: &Batches) -> f64 {
        let seeds = 8;
        let packets: usize = (0..seeds)
            .map(|seed| {
                let run = batches.run(seed);
                let mut draws = Seed::new(seed).draws(Purpose::Targets, 0);
                let (question, right) = batches.question(&mut draws);
                let known = rounds_to_disclosure(adversary, &run.view(), &[(question, right)], &mut draws);
                known[0].unwrap().packets
            })
            .sum();
        f64::from(u32::try_from(packets).unwrap()) / 8.0
    }

    #[test]
    fn more_contacts_take_longer() {
        let batches = |contacts| Batches { contacts, rounds: 1200, silent: 0.2, ..Batches::default() };
        for adversary in [&StatisticalDisclosure as &dyn Adversary, &Intersection] {
            let (one, five) = (packets_mean(adversary, &batches(1)), packets_mean(adversary, &batches(5)));
            println!("{}: {one:.1} packets for one contact, {five:.1} for five", adversary.name());
            assert!(one * 2.0 < five && five < 960.0, "{}: {one} {five}", adversary.name());
        }
    }

    #[test]
    fn who_is_never_known_has_no_time() {
        let batches = Batches { contacts: 0, rounds: 60, ..Batches::default() };
        let mut draws = Seed::new(1).draws(Purpose::Targets, 0);
        let (question, _) = batches.question(&mut draws);
        let run = batches.run(1);
        let answers = StatisticalDisclosure.answer(&run.view(), std::slice::from_ref(&question), &mut draws);
        let weights = answers[0].weights();
        let wrong = (0..weights.len()).min_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap();
        let known =
            rounds_to_disclosure(&StatisticalDisclosure, &run.view(), &[(question, wrong)], &mut draws);
        assert_eq!(known, [None]);
    }
}
