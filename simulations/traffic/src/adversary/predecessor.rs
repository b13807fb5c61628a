//! The predecessor attack: corrupt nodes count, over many messages, with whom a user's packets turn out to be.
//!
//! Wright, Adler, Levine, Shields, "An analysis of the degradation of anonymous protocols", NDSS 2002: a path that is made anew for
//! every message is corrupt as a whole sooner or later, and then again, with the same two ends. In mixes this takes all nodes
//! of a path, since delays leave no timing between the first and the last. With mailboxes the two ends are a box that one client
//! writes and another reads, at a corrupt mailbox. A client that stays with its entry is never named while that is honest, and
//! soon if it is not (guards).

use std::collections::HashMap;

use super::chains::Chains;
use super::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::Party;
use crate::random::Draws;
use crate::view::{Sight, View};

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Predecessor;

impl Adversary for Predecessor {
    fn name(&self) -> &'static str {
        "predecessor"
    }

    fn sight(&self) -> Sight {
        Sight::Corrupt
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        let counts = counts(view);
        questions
            .iter()
            .map(|question| match question {
                Question::Contact { user, candidates } => {
                    let count = |one: Party, other: Party| counts.get(&(one, other)).copied().unwrap_or(0.0);
                    let both = candidates.iter().map(|other| count(*user, *other) + count(*other, *user));
                    Answer::from_weights(both.collect())
                }
                _ => Answer::nothing(question.candidates()),
            })
            .collect()
    }
}

/// How often two clients were the two ends of a path that is known as a whole: from, to.
fn counts(view: &View<'_>) -> HashMap<(Party, Party), f64> {
    let chains = Chains::of(view);
    let maker = |wire: WireId| {
        let first = view.wire(chains.start(wire))?;
        view.layout.is_client(first.from).then_some(first.from)
    };
    let mut counts = HashMap::new();
    for wire in view.wires.iter().filter(|wire| view.layout.is_client(wire.to)) {
        if let Some(from) = maker(wire.id)
            && from != wire.to
        {
            *counts.entry((from, wire.to)).or_insert(0.0) += 1.0;
        }
    }
    let mut writers: HashMap<u64, Party> = HashMap::new();
    for event in &view.boxes {
        let Some(client) = maker(event.wire) else { continue };
        if event.is_write {
            writers.insert(event.name, client);
        } else if let Some(writer) = writers.get(&event.name)
            && *writer != client
        {
            *counts.entry((*writer, client)).or_insert(0.0) += 1.0;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::{guesses, scored};
    use crate::observer::BoxEvent;
    use crate::toy::Toy;

    fn toy() -> Toy {
        Toy { clients: 60, gap_ms: 500.0, duration_s: 60.0, cover: 0.5, ..Toy::default() }
    }

    #[test]
    fn over_many_messages_every_user_is_named_and_with_honest_layers_nobody() {
        let played = toy().play();
        let half: Vec<Party> = (0..3).map(|layer| played.layout.mix(layer, 0)).collect();
        let total = scored(&played, &Predecessor, &half).total();
        assert!(total.trials == 60 && total.advantage() > 0.9, "{}", total.advantage());
        guesses(&total);
        // A whole layer is honest.
        let total = scored(&played, &Predecessor, &half[..2]).total();
        assert!((total.success() - total.baseline()).abs() < 1e-12);
    }

    #[test]
    fn a_guard_saves_those_whose_guard_is_honest() {
        let played = Toy { sticky: true, ..toy() }.play();
        let half: Vec<Party> = (0..3).map(|layer| played.layout.mix(layer, 0)).collect();
        let total = scored(&played, &Predecessor, &half).total();
        // Client 2i has the corrupt guard and 2i + 1 the honest one: a pair is named when the first of them writes.
        assert!(total.success() > 0.9, "{}", total.success());
        let view = |guard| {
            let corrupt = [guard, played.layout.mix(1, 0), played.layout.mix(2, 0)];
            View::of(
                &played.recording,
                &played.layout,
                &played.scenario,
                Sight::Corrupt,
                &corrupt,
                (crate::time::SimTime::ZERO, crate::time::SimTime::NEVER),
            )
        };
        let named = counts(&view(played.layout.mix(0, 0)));
        assert!(!named.is_empty() && named.keys().all(|(from, _)| from.0 % 2 == 0));
    }

    #[test]
    fn a_box_that_one_writes_and_another_reads_joins_them() {
        let played = Toy { mailboxes: 1, ..toy() }.play();
        let mut corrupt: Vec<Party> = (0..6).map(|mix| played.layout.nth_mix(mix)).collect();
        corrupt.push(played.layout.mailbox(0));
        let window = (crate::time::SimTime::ZERO, crate::time::SimTime::NEVER);
        let mut recording = played.recording;
        let last_of = |client: u32| {
            let first = recording.wires.iter().find(|wire| wire.from == Party(client)).unwrap().id;
            let fact = recording.facts[usize::try_from(first.0).unwrap()];
            recording
                .wires
                .iter()
                .rfind(|wire| recording.facts[usize::try_from(wire.id.0).unwrap()].packet == fact.packet)
                .copied()
                .unwrap()
        };
        let events: Vec<BoxEvent> = [(4, true), (9, false)]
            .iter()
            .map(|(client, is_write)| {
                let wire = last_of(*client);
                let (at, mailbox, wire) = (wire.arrived, wire.to, wire.id);
                BoxEvent { at, mailbox, name: 77, is_write: *is_write, found: true, wire }
            })
            .collect();
        recording.boxes = events;
        let view = View::of(&recording, &played.layout, &played.scenario, Sight::Corrupt, &corrupt, window);
        assert_eq!(counts(&view), HashMap::from([((Party(4), Party(9)), 1.0)]));
    }
}
