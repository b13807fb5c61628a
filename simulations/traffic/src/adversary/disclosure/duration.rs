//! How long until an attack knows a contact for good.
//!
//! Not here: how long it should take by theory.

use crate::adversary::{Adversary, Question};
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

/// The shortest beginning of a view after which the answer is right and stays so: the candidate in this place weighs more than
/// all others. `None` if it is not right at the end. The attack is carried out 24 times.
#[must_use]
pub fn rounds_to_disclosure(
    adversary: &dyn Adversary,
    view: &View<'_>,
    question: &Question,
    right: usize,
    draws: &mut Draws,
) -> Option<Disclosure> {
    let user: Party = match question {
        Question::Contact { user, .. } => *user,
        _ => return None,
    };
    let length_s = view.window.1.since(view.window.0).as_secs_f64();
    let mut known = None;
    for shorter in 0..PREFIXES {
        let after = SimTime::from_secs_f64(length_s / FACTOR.powi(shorter));
        let part = beginning(view, after);
        let answers = adversary.answer(&part, std::slice::from_ref(question), draws);
        let is_right = answers.first().is_some_and(|answer| {
            let mine = answer.weights().get(right).copied().unwrap_or(0.0);
            let others = answer.weights().iter().enumerate().filter(|(place, _)| *place != right);
            others.fold(0.0, |most: f64, (_, weight)| most.max(*weight)) < mine
        });
        if !is_right {
            break;
        }
        let packets = part.wires.iter().filter(|wire| wire.from == user).count();
        known = Some(Disclosure { after, packets });
    }
    known
}

/// What was seen up to a time after the beginning.
fn beginning<'a>(view: &View<'a>, after: SimTime) -> View<'a> {
    let end = view.window.0 + after;
    let mut part = view.clone();
    part.window.1 = end;
    part.wires.retain(|wire| wire.sent <= end);
    part.boxes.retain(|event| event.at <= end);
    part.presence.retain(|presence| presence.from <= end);
    for presence in &mut part.presence {
        presence.until = presence.until.min(end);
    }
    part
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
                rounds_to_disclosure(adversary, &run.view(), &question, right, &mut draws).unwrap().packets
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
        let known = rounds_to_disclosure(&StatisticalDisclosure, &run.view(), &question, wrong, &mut draws);
        assert_eq!(known, None);
    }
}
