//! Takes over those mixes that make the most traffic traceable as a whole.
//!
//! It knows the loads of all links, which who runs the wires knows, and from them which ways packets take. It chooses greedily:
//! always the way whose completion gains most traffic for each node that it costs (a maximum coverage by whole sets, for which the
//! best choice is hard to find and greedy ones are near it in practice). Then it answers as `path-compromise` does, with which it
//! is to be compared: the same number of nodes, taken at random.

use std::collections::{BTreeMap, BTreeSet};

use super::path_compromise::chained;
use super::{Adversary, Answer, Kind, Question};
use crate::party::{Layout, Party};
use crate::random::Draws;
use crate::view::{Sight, View};

/// How many ways are drawn from the loads.
const WAYS: usize = 2000;
/// The most mixes of a way that is drawn: beyond it, the loads go in circles.
const HOPS_MAX: usize = 32;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetedCorruption;

impl Adversary for TargetedCorruption {
    fn name(&self) -> &'static str {
        "targeted-corruption"
    }

    fn sight(&self) -> Sight {
        Sight::Corrupt
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit, Kind::Sender]
    }

    fn corrupts(&self, view: &View<'_>, budget: usize, draws: &mut Draws) -> Option<Vec<Party>> {
        Some(greedy(view.layout, &ways(view, draws), budget))
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        chained(view, questions)
    }
}

/// Which `budget` mixes to take so that the most traffic passes them alone. Each route is the mixes that packets pass, with
/// how many do. In the order of choice; fewer only if there are not as many mixes.
#[must_use]
pub fn greedy(layout: &Layout, routes: &[(Vec<Party>, f64)], budget: usize) -> Vec<Party> {
    let mut sets: BTreeMap<BTreeSet<Party>, f64> = BTreeMap::new();
    for (mixes, load) in routes {
        let set: BTreeSet<Party> = mixes.iter().copied().filter(|party| layout.is_mix(*party)).collect();
        if !set.is_empty() {
            *sets.entry(set).or_insert(0.0) += load;
        }
    }
    let mut taken: Vec<Party> = Vec::new();
    loop {
        let has = |party: &Party| taken.contains(party);
        let gain = |more: &[Party]| -> f64 {
            let complete = |set: &BTreeSet<Party>| set.iter().all(|party| has(party) || more.contains(party));
            let open = |set: &BTreeSet<Party>| !set.iter().all(has);
            sets.iter().filter(|(set, _)| open(set) && complete(set)).map(|(_, load)| load).sum()
        };
        let affordable = sets.keys().filter_map(|set| {
            let more: Vec<Party> = set.iter().filter(|party| !has(party)).copied().collect();
            (!more.is_empty() && taken.len() + more.len() <= budget).then_some(more)
        });
        // Ways that lack the same nodes are one choice.
        let choices: BTreeSet<Vec<Party>> = affordable.collect();
        #[expect(clippy::cast_precision_loss, reason = "a way has few nodes")]
        let worth = |more: &Vec<Party>| gain(more) / more.len() as f64;
        let best = choices.iter().map(|more| (worth(more), more)).max_by(|one, other| {
            // The first of equals, so that the choice depends on the loads alone.
            one.0.total_cmp(&other.0).then(other.1.cmp(one.1))
        });
        let Some((_, more)) = best else { break };
        taken.extend(more);
    }
    // What is left of the budget completes nothing alone: those with most load.
    let mut loads: BTreeMap<Party, f64> =
        (0..layout.mixes()).map(|number| (layout.nth_mix(number), 0.0)).collect();
    for (set, load) in &sets {
        for party in set {
            *loads.entry(*party).or_insert(0.0) += load;
        }
    }
    let mut rest: Vec<(Party, f64)> = loads.into_iter().filter(|(party, _)| !taken.contains(party)).collect();
    rest.sort_by(|one, other| other.1.total_cmp(&one.1));
    let missing = budget.saturating_sub(taken.len());
    taken.extend(rest.iter().take(missing).map(|(party, _)| *party));
    taken
}

/// Ways that packets may have taken, drawn in proportion to the loads of links from clients on.
fn ways(view: &View<'_>, draws: &mut Draws) -> Vec<(Vec<Party>, f64)> {
    let layout = view.layout;
    let mut starts: BTreeMap<Party, f64> = BTreeMap::new();
    let mut links: BTreeMap<Party, BTreeMap<Party, f64>> = BTreeMap::new();
    let tor = layout.tor();
    for wire in view.wires.iter() {
        if layout.is_mix(wire.to) && (layout.is_client(wire.from) || wire.from == tor) {
            *starts.entry(wire.to).or_insert(0.0) += 1.0;
        } else if layout.is_mix(wire.from) && wire.to != tor {
            *links.entry(wire.from).or_default().entry(wire.to).or_insert(0.0) += 1.0;
        }
    }
    let has_entries = view.scenario.network.entries > 0;
    let is_entry = |party: Party| {
        has_entries && matches!(layout.role(party), Some(crate::party::Role::Mix { layer: 0, .. }))
    };
    let mut ways = Vec::new();
    for _ in 0..WAYS {
        let mut way = Vec::new();
        let mut at = draw(&starts, draws);
        while let Some(mix) = at.filter(|party| layout.is_mix(*party)) {
            // Behind an entry a way goes up, and one that comes to an entry again goes down to a client.
            if way.len() >= HOPS_MAX || (is_entry(mix) && !way.is_empty()) {
                break;
            }
            let first = way.is_empty();
            way.push(mix);
            at = links.get(&mix).and_then(|to| {
                let up = to.iter().filter(|(party, _)| !(first && is_entry(mix)) || layout.is_mix(**party));
                draw(&up.map(|(party, load)| (*party, *load)).collect(), draws)
            });
        }
        ways.push((way, 1.0));
    }
    ways
}

fn draw(weights: &BTreeMap<Party, f64>, draws: &mut Draws) -> Option<Party> {
    let mut left = draws.unit() * weights.values().sum::<f64>();
    for (party, weight) in weights {
        left -= weight;
        if left <= 0.0 {
            return Some(*party);
        }
    }
    weights.keys().next_back().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::path_compromise::FullPaths;
    use crate::adversary::testing::scored;
    use crate::random::{Purpose, Seed};
    use crate::toy::{Played, Toy};

    fn covered(routes: &[(Vec<Party>, f64)], taken: &[Party]) -> f64 {
        let full = |mixes: &[Party]| mixes.iter().all(|mix| taken.contains(mix));
        routes.iter().filter(|(mixes, _)| full(mixes)).map(|(_, load)| load).sum()
    }

    #[test]
    fn greedy_is_near_the_best_of_all_choices_and_never_below_the_mean() {
        let layout = Layout::new(1, vec![3, 3, 3], 0);
        let mut draws = Seed::new(2).draws(Purpose::Adversary, 0);
        let (mut sum_greedy, mut sum_best) = (0.0, 0.0);
        for _ in 0..40 {
            let routes: Vec<(Vec<Party>, f64)> = (0..12)
                .map(|_| ((0..3).map(|layer| layout.mix(layer, draws.below(3))).collect(), draws.unit()))
                .collect();
            let taken = greedy(&layout, &routes, 5);
            assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 5);
            let all: Vec<f64> = (0_u32..512)
                .filter(|choice| choice.count_ones() == 5)
                .map(|choice| {
                    let taken: Vec<Party> =
                        (0..9).filter(|bit| choice >> bit & 1 == 1).map(|bit| layout.nth_mix(bit)).collect();
                    covered(&routes, &taken)
                })
                .collect();
            let best = all.iter().copied().fold(0.0, f64::max);
            let mean = all.iter().sum::<f64>() / 126.0;
            assert_eq!(all.len(), 126);
            assert!(covered(&routes, &taken) >= mean && covered(&routes, &taken) <= best + 1e-12);
            sum_greedy += covered(&routes, &taken);
            sum_best += best;
        }
        assert!(sum_greedy > 0.9 * sum_best, "{sum_greedy} of {sum_best}");
    }

    #[test]
    fn greedy_completes_a_way_rather_than_taking_what_is_busiest() {
        // The first layer's mix is on every way, but with two nodes only the last one can be had.
        let layout = Layout::new(1, vec![1, 3, 3], 0);
        let way =
            |mixes: &[(u32, u32)]| mixes.iter().map(|(layer, index)| layout.mix(*layer, *index)).collect();
        let routes: Vec<(Vec<Party>, f64)> = vec![
            (way(&[(0, 0), (1, 0), (2, 0)]), 10.0),
            (way(&[(0, 0), (1, 1), (2, 1)]), 9.0),
            (way(&[(1, 2), (2, 2)]), 1.0),
        ];
        assert_eq!(greedy(&layout, &routes, 2), vec![layout.mix(1, 2), layout.mix(2, 2)]);
        assert_eq!(greedy(&layout, &routes, 20).len(), 7);
    }

    fn lopsided() -> Played {
        // Clients stay with their first mix, and all but two of them with the same one of four.
        let mut toy =
            Toy { clients: 40, widths: vec![4, 2, 2], gap_ms: 200.0, sticky: true, ..Toy::default() };
        toy.delay_ms = 1000.0;
        let mut played = toy.play();
        let busy = played.layout.mix(0, 3);
        for wire in &mut played.recording.wires {
            if wire.from.0 > 3 && played.layout.is_client(wire.from) {
                wire.to = busy;
            }
        }
        let senders: Vec<Party> = played.recording.wires.iter().map(|wire| wire.from).collect();
        for (node, incoming, outgoing) in &mut played.recording.forwarded {
            let sender = senders[usize::try_from(incoming.0).unwrap()];
            if sender.0 > 3 && played.layout.is_client(sender) {
                *node = busy;
                played.recording.wires[usize::try_from(outgoing.0).unwrap()].from = busy;
            }
        }
        played
    }

    #[test]
    fn chosen_nodes_trace_more_than_others_and_no_node_traces_nothing() {
        let played = lopsided();
        let other: Vec<Party> = (0..3).map(|layer| played.layout.mix(layer, 0)).collect();
        let score = scored(&played, &TargetedCorruption, &other);
        let random = scored(&played, &super::super::PathCompromise, &other);
        let (chosen, random) = (&score.kinds[&Kind::Sender], &random.kinds[&Kind::Sender]);
        assert!(
            chosen.advantage() > random.advantage() + 0.1,
            "{} {}",
            chosen.advantage(),
            random.advantage()
        );
        let none = scored(&played, &TargetedCorruption, &[]);
        assert!((none.total().success() - none.total().baseline()).abs() < 1e-12);
        // It finds the busy mix by the loads alone.
        let window = (crate::time::SimTime::ZERO, crate::time::SimTime::NEVER);
        let view = View::of(&played.recording, &played.layout, &played.scenario, Sight::Global, &[], window);
        let mut draws = Seed::new(1).draws(Purpose::Adversary, 1);
        let taken = TargetedCorruption.corrupts(&view, 3, &mut draws).unwrap();
        assert!(taken.contains(&played.layout.mix(0, 3)), "{taken:?}");
        let full = FullPaths::of(&played.recording, &played.layout, &taken);
        assert!(full.packets_full * 8 > full.packets, "{full:?}");
    }
}
