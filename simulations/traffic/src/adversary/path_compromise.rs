//! Corrupt nodes that put together what they forwarded.
//!
//! A packet all of whose nodes are corrupt is traced for certain, which happens to the product of the corrupt shares of all
//! layers. Of the others the nodes know where a packet was last or first theirs, and so which candidates it cannot be: those
//! that are traced to another, and those of the wrong time. It watches no link but those of its own nodes.

use std::collections::HashMap;

use super::chains::Chains;
use super::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::{Layout, Party};
use crate::random::Draws;
use crate::view::{Recording, Sight, View};

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathCompromise;

impl Adversary for PathCompromise {
    fn name(&self) -> &'static str {
        "path-compromise"
    }

    fn sight(&self) -> Sight {
        Sight::Corrupt
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit, Kind::Sender]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        chained(view, questions)
    }
}

/// Answers to questions for exits and senders by the chains of corrupt nodes.
pub(super) fn chained(view: &View<'_>, questions: &[Question]) -> Vec<Answer> {
    let chains = Chains::of(view);
    questions
        .iter()
        .map(|question| match question {
            Question::Exit { wire, candidates } => {
                let weigh = |exit: &WireId| exit_weight(view, &chains, *wire, *exit);
                Answer::from_weights(candidates.iter().map(weigh).collect())
            }
            Question::Sender { wire, candidates } => match sender(view, &chains, *wire) {
                Some(known) => Answer::from_weights(
                    candidates.iter().map(|client| if *client == known { 1.0 } else { 0.0 }).collect(),
                ),
                None => Answer::nothing(question.candidates()),
            },
            Question::Contact { .. } | Question::Order { .. } => Answer::nothing(question.candidates()),
        })
        .collect()
}

/// 0 if the passage cannot be the packet's. What is traced from end to end leaves no other candidate.
fn exit_weight(view: &View<'_>, chains: &Chains, wire: WireId, exit: WireId) -> f64 {
    let (end, start) = (chains.end(wire), chains.start(exit));
    if end == exit {
        return 1.0;
    }
    let seen = |wire| view.wire(wire);
    let has_come_out = seen(end).is_some_and(|wire| !view.layout.is_mix(wire.to) && end != exit);
    let is_of_another = seen(start).is_some_and(|wire| view.layout.is_client(wire.from));
    let is_too_early = match (seen(end), seen(start)) {
        (Some(end), Some(start)) => start.sent < end.arrived,
        _ => false,
    };
    if has_come_out || is_of_another || is_too_early { 0.0 } else { 1.0 }
}

fn sender(view: &View<'_>, chains: &Chains, wire: WireId) -> Option<Party> {
    let first = view.wire(chains.start(wire))?;
    view.layout.is_client(first.from).then_some(first.from)
}

/// How much of what was sent passed corrupt nodes alone: the truth, for instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FullPaths {
    /// Packets that clients sent through at least one mix, and that came out.
    pub packets: u64,
    /// Those that passed corrupt mixes alone.
    pub packets_full: u64,
    /// Clients that sent such packets.
    pub users: u64,
    /// Clients of which at least one packet passed corrupt mixes alone.
    pub users_full: u64,
}

impl FullPaths {
    /// Of a recording, if these nodes are corrupt.
    #[must_use]
    pub fn of(recording: &Recording, layout: &Layout, corrupt: &[Party]) -> Self {
        // By passage: who sent the packet, and whether all mixes so far were corrupt.
        let mut under_way: HashMap<WireId, (Party, bool)> = HashMap::new();
        let mut before: HashMap<WireId, WireId> = HashMap::new();
        for (_, incoming, outgoing) in &recording.forwarded {
            before.insert(*outgoing, *incoming);
        }
        let mut users: HashMap<Party, bool> = HashMap::new();
        let mut sum = Self::default();
        for wire in &recording.wires {
            let state = match before.get(&wire.id).and_then(|incoming| under_way.remove(incoming)) {
                Some((sender, full)) => {
                    Some((sender, full && (!layout.is_mix(wire.from) || corrupt.contains(&wire.from))))
                }
                None => layout.is_client(wire.from).then_some((wire.from, true)),
            };
            let Some((sender, full)) = state else { continue };
            if layout.is_mix(wire.to) || wire.to == layout.tor() {
                under_way.insert(wire.id, (sender, full));
            } else if layout.is_mix(wire.from) {
                sum.packets += 1;
                sum.packets_full += u64::from(full);
                *users.entry(sender).or_insert(false) |= full;
            }
        }
        sum.users = users.len() as u64;
        sum.users_full = users.values().filter(|full| **full).count() as u64;
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::{guesses, scored};
    use crate::toy::Toy;

    fn busy() -> Toy {
        Toy { clients: 50, gap_ms: 50.0, delay_ms: 2000.0, duration_s: 10.0, ..Toy::default() }
    }

    #[test]
    fn all_corrupt_is_all_known_and_none_corrupt_is_nothing() {
        let played = busy().play();
        let all: Vec<Party> = (0..6).map(|mix| played.layout.nth_mix(mix)).collect();
        for (kind, tally) in &scored(&played, &PathCompromise, &all).kinds {
            assert!((tally.success() - 1.0).abs() < 1e-12, "{kind:?}");
            guesses(tally);
        }
        for tally in scored(&played, &PathCompromise, &[]).kinds.values() {
            assert!((tally.success() - tally.baseline()).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_traced_is_the_product_of_shares() {
        let toy = busy();
        let played = toy.play();
        // One of two in each of three layers.
        let half: Vec<Party> = (0..3).map(|layer| played.layout.mix(layer, 0)).collect();
        let paths = FullPaths::of(&played.recording, &played.layout, &half);
        let (n, p) = (played.recording.messages.len() as f64, 0.125_f64);
        assert_eq!(paths.packets, played.recording.messages.len() as u64);
        assert!((paths.packets_full as f64 - n * p).abs() < 6.0 * (n * p * (1.0 - p)).sqrt());
        // The attack knows those, and guesses among the rest.
        let tally = &scored(&played, &PathCompromise, &half).kinds[&Kind::Sender];
        let expected = p + (1.0 - p) * tally.baseline();
        let deviation = (expected * (1.0 - expected) / f64::from(tally.trials)).sqrt();
        assert!((tally.success() - expected).abs() < 6.0 * deviation, "{}", tally.success());
    }

    #[test]
    fn with_a_guard_few_users_are_hit_often_and_without_all_sometimes() {
        let paths = |sticky| {
            let played = Toy { sticky, ..busy() }.play();
            let corrupt: Vec<Party> = (0..3).map(|layer| played.layout.mix(layer, 0)).collect();
            FullPaths::of(&played.recording, &played.layout, &corrupt)
        };
        let (fresh, guarded) = (paths(false), paths(true));
        assert_eq!((fresh.users, fresh.users_full), (50, 50));
        assert_eq!((guarded.users, guarded.users_full), (50, 25));
    }
}
