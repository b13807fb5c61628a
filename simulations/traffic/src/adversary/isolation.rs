//! The n-1 or trickle attack: lets one packet into a mix among packets of its own, and takes what comes out that is not its own
//! (Serjantov, Dingledine, Syverson, "From a trickle to a flood", IH 2002).
//!
//! It blocks everything else at one mix, so that the packet is alone there: with a network of one layer it is found for
//! certain, behind more layers only as far as those do not mix it again. What was in a mix of exponential delays before
//! leaves while it waits; a batch is filled with the adversary's packets. It follows the target as `exact-tracing` does, its own
//! packets left out.
//!
//! What sees it: the mixes' own loops. A mix whose arrivals are blocked gets none of its loops back and sees the loss within
//! a few intervals of loops; neighbours lose the loops that pass through it. The attack is not stopped by that here, and
//! its packet may come out before anybody looks; it cannot be repeated unseen.
//!
//! It needs a client that sends to the mix. With entries, each client stays with one. So it watches first who sends to
//! which, and strikes at both ends of a passage that it saw: who sends often is more likely to send again before the run ends.
//! Where it saw none, or Tor is between, it chooses by chance, and may have isolated nothing, and there is nothing to ask.

use super::exact_tracing::traced;
use super::{Adversary, Answer, Interference, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View, Wire};

/// Which part of the time it only watches.
const WATCHING: f64 = 0.25;
/// Its own packets per second.
const FLOOD_PER_S: f64 = 50.0;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Isolation;

impl Adversary for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }

    fn sight(&self) -> Sight {
        Sight::Global
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Exit]
    }

    fn interference(&self, watched: &View<'_>, draws: &mut Draws) -> Option<Interference> {
        let layout = watched.layout;
        let width = layout.layers().first().copied().filter(|width| *width > 0)?;
        let (start, end) = watched.window;
        let from = start + SimTime::from_secs_f64(WATCHING * end.since(start).as_secs_f64());
        let is_uplink =
            |wire: &&Wire| wire.arrived < from && layout.is_client(wire.from) && layout.is_mix(wire.to);
        let uplinks: Vec<(Party, Party)> =
            watched.wires.iter().filter(is_uplink).map(|wire| (wire.to, wire.from)).collect();
        let chosen = draws.below(u32::try_from(uplinks.len()).unwrap_or(u32::MAX));
        let (mix, client) = uplinks
            .get(chosen as usize)
            .copied()
            .unwrap_or_else(|| (layout.mix(0, draws.below(width)), Party(draws.below(layout.clients()))));
        Some(Interference::Isolate { mix, client, from, flood_per_s: FLOOD_PER_S })
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        traced(view, questions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::ExactTracing;
    use crate::engine::record;
    use crate::experiment::AttackPlan;
    use crate::observer::PacketKind;
    use crate::random::Seed;
    use crate::scenario::{ClientClass, Contacts, Delivery, Mixing, Scenario, Writing};
    use crate::scoreboard::{Tally, ask, interference};

    /// Clients write every few seconds, and nothing else is sent.
    fn scenario(layers: u32, clients: u32, delay_ms_mean: f64) -> Scenario {
        let mut scenario = Scenario::default();
        scenario.network.entries = 0;
        scenario.network.layers = layers;
        scenario.network.mixes_per_layer = 1;
        scenario.network.delivery = Delivery::Direct;
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        scenario.mixing = Mixing::Poisson { delay_ms_mean };
        scenario.clients = vec![ClientClass {
            count: clients,
            payload_interval_ms_mean: 0.0,
            loop_interval_ms_mean: 0.0,
            drop_interval_ms_mean: 0.0,
            downlink_interval_ms_mean: 0.0,
            ..ClientClass::default()
        }];
        scenario.behaviour.writing = Writing::Poisson { per_day_mean: 86_400.0 / 8.0 };
        scenario.behaviour.contacts = Contacts::Uniform { count: 5 };
        scenario.warmup_s = 10.0;
        scenario.duration_s = 140.0;
        scenario
    }

    fn struck(adversary: &dyn Adversary, scenario: &Scenario, seed: Seed) -> Option<Interference> {
        let watched = record(scenario, seed, None).unwrap();
        interference(adversary, &watched.recording, &watched.layout, scenario, seed)
    }

    #[test]
    fn it_strikes_where_its_target_sends_whatever_the_length_of_the_run() {
        for duration_s in [12.0, 100.0] {
            let mut scenario = Scenario { duration_s, ..Scenario::default() };
            scenario.network.entries = 4;
            scenario.clients[0].count = 40;
            scenario.mixing = Mixing::Poisson { delay_ms_mean: 20.0 };
            let tally = reached(&Isolation, &scenario);
            // Of 40 runs: a target may be a loop, which ends where it began.
            assert!(tally.trials >= 25, "{duration_s} s: {} trials", tally.trials);
        }
    }

    /// What an adversary reaches in many runs, each with its interference.
    fn reached(adversary: &dyn Adversary, scenario: &Scenario) -> Tally {
        let mut sum = Tally::default();
        for seed in (0..40).map(Seed::new) {
            let active = struck(adversary, scenario, seed);
            let run = record(scenario, seed, active.as_ref()).unwrap();
            let plan = AttackPlan { name: adversary.name().into(), targets: 1, candidates: 0 };
            let score = ask(&run.recording, &run.layout, scenario, &[], adversary, &plan, seed);
            if let Some(tally) = score.kinds.get(&Kind::Exit) {
                sum.absorb(tally);
            }
        }
        sum
    }

    #[test]
    fn alone_in_the_only_mix_a_packet_is_found() {
        let scenario = scenario(1, 30, 1000.0);
        let (alone, among) = (reached(&Isolation, &scenario), reached(&ExactTracing, &scenario));
        assert!(alone.trials >= 30 && alone.success() > 0.7, "{} of {}", alone.hits, alone.trials);
        assert!(alone.success() > among.success() + 0.25, "{} of {}", among.hits, among.trials);
    }

    #[test]
    fn mixes_behind_the_isolated_one_hide_a_packet_again() {
        // What others send through the other mixes of the layer hides it behind.
        let mut scenario = scenario(3, 200, 3000.0);
        scenario.network.mixes_per_layer = 2;
        let tally = reached(&Isolation, &scenario);
        assert!(tally.trials >= 20 && tally.success() < 0.2, "{} of {}", tally.hits, tally.trials);
        assert!(tally.baseline() < 0.02, "{}", tally.baseline());
    }

    #[test]
    fn the_mix_sees_that_none_of_its_loops_comes_back() {
        let mut scenario = scenario(3, 10, 100.0);
        scenario.network.mix_loop_interval_ms_mean = 100.0;
        let seed = Seed::new(3);
        let active = struck(&Isolation, &scenario, seed).unwrap();
        let Interference::Isolate { mix, client, from, .. } = active.clone() else { panic!() };
        let run = record(&scenario, seed, Some(&active)).unwrap();
        let passages = || run.recording.wires.iter().zip(&run.recording.facts);
        let let_in = passages()
            .find(|(wire, _)| {
                wire.from == client
                    && wire.to == mix
                    && wire.arrived >= from
                    && wire.arrived != SimTime::NEVER
            })
            .map(|(wire, _)| wire.arrived)
            .unwrap();
        let loops = |into: bool, start: SimTime, end: SimTime| {
            passages()
                .filter(|(wire, fact)| {
                    fact.kind == PacketKind::MixLoop && (if into { wire.to } else { wire.from }) == mix
                })
                .filter(|(wire, _)| {
                    let at = if into { wire.arrived } else { wire.sent };
                    at >= start && at < end
                })
                .count()
        };
        let span = let_in.since(from);
        assert!(loops(false, from, let_in) > 10, "{span:?}");
        assert_eq!(loops(true, from, let_in), 0);
        assert!(loops(true, from - span, from) > 10);
    }
}
