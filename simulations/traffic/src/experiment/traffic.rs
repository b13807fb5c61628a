//! The traffic model as an experiment: one run with its meter, its adversaries, and its closed forms.
//!
//! A run without attacks is measured as it goes, in memory that grows with what is under way. Attacks think about a
//! recording; those that interfere get a run of their own with the same seed.

use super::disclosure;
use super::{AttackPlan, Experiment, ExperimentFailure};
use crate::adversary::{Adversary, by_name};
use crate::engine::{PrepareError, Recorded, Recorder, Simulation, record};
use crate::metrics::{Meter, Traced};
use crate::observer::{PacketKind, WireId};
use crate::party::Party;
use crate::random::{Purpose, Seed};
use crate::results::Measures;
use crate::scenario::{Route, Scenario};
use crate::scoreboard::{self, Score};
use crate::theory;
use crate::tracer::TARGETS_MAX;
use crate::view::{Sight, View};

/// The adversary whose targets entropies are measured of.
const TRACING: &str = "exact-tracing";
/// Who draws the targets of entropies; the scoreboard's draws have small numbers.
const ENTROPY_TARGETS: u64 = 1 << 32;
/// The share of trials in which the epsilon of two senders may be exceeded.
const DELTA: f64 = 0.05;

/// The traffic model.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrafficExperiment;

impl Experiment for TrafficExperiment {
    fn replicate(
        &self,
        scenario: &Scenario,
        attacks: &[AttackPlan],
        seed: Seed,
    ) -> Result<Measures, ExperimentFailure> {
        let adversaries = attacks
            .iter()
            .map(|attack| by_name(&attack.name).map(|adversary| (attack, adversary)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ExperimentFailure("an attack of the plan does not exist".to_owned()))?;
        let simulation = Simulation::new(scenario, seed).map_err(|error| failure(&error))?;
        let (layout, window) = (simulation.layout().clone(), simulation.window());
        let corrupt = simulation.corrupt().to_vec();
        let mut meter = Meter::new(scenario, &corrupt);
        let (totals, recording) = if adversaries.is_empty() {
            (simulation.run(&mut meter), None)
        } else {
            let mut recorder = Recorder::new(&layout, window);
            let totals = simulation.run(&mut (&mut meter, &mut recorder));
            (totals, Some(recorder.finish()))
        };
        let mut measures = meter.measures();
        measures.set("model.events", number(totals.events));
        measures.set("model.in_flight_max", number(totals.in_flight_max));
        if let Some(recording) = recording {
            let run = Recorded { recording, totals, layout, corrupt, window };
            attack(scenario, &adversaries, &run, seed, &mut measures)?;
        }
        measures.set("downlink.load_max", theory::downlink::load_max(scenario).unwrap_or(f64::NAN));
        theory::beside::note(&theory::beside(scenario, &measures), &mut measures);
        Ok(measures)
    }
}

/// Asks every adversary and notes what it reached, and the worst of all.
fn attack(
    scenario: &Scenario,
    adversaries: &[(&AttackPlan, Box<dyn Adversary>)],
    run: &Recorded,
    seed: Seed,
    measures: &mut Measures,
) -> Result<(), ExperimentFailure> {
    let mut scores: Vec<Score> = Vec::with_capacity(adversaries.len());
    for (plan, adversary) in adversaries {
        let adversary = adversary.as_ref();
        let own = scoreboard::interference(adversary, &run.recording, &run.layout, scenario, seed)
            .map(|interference| record(scenario, seed, Some(&interference)).map_err(|error| failure(&error)))
            .transpose()?;
        let run = own.as_ref().unwrap_or(run);
        let Recorded { recording, layout, corrupt, .. } = run;
        let score = scoreboard::ask(recording, layout, scenario, corrupt, adversary, plan, seed);
        score.note(measures);
        if plan.name == TRACING && scenario.network.route != Route::Tor {
            entropies(scenario, run, plan.targets, seed, measures);
        }
        disclosure::note(scenario, run, adversary, plan, seed, measures);
        scores.push(score);
    }
    if let Some((_, advantage)) = scoreboard::worst(&scores) {
        measures.set("worst.advantage", advantage);
    }
    Ok(())
}

/// Entropies of messages on their last passage, and how well two senders can be told apart there.
fn entropies(scenario: &Scenario, run: &Recorded, count: u32, seed: Seed, measures: &mut Measures) {
    let Recorded { recording, layout, corrupt, window, .. } = run;
    let is_last = |party: Party| layout.is_client(party) || layout.is_mailbox(party);
    let mut last: Vec<(WireId, Party)> = recording
        .wires
        .iter()
        .zip(&recording.facts)
        .filter(|(wire, fact)| {
            fact.kind == PacketKind::Message && is_last(wire.to) && wire.arrived <= window.1
        })
        .filter_map(|(wire, fact)| {
            let message = recording.messages.get(fact.message? as usize)?;
            Some((wire.id, message.sender))
        })
        .collect();
    let mut draws = seed.draws(Purpose::Targets, ENTROPY_TARGETS);
    let count = (count as usize).min(last.len()).min(TARGETS_MAX);
    for place in 0..count {
        let rest = u32::try_from(last.len() - place).unwrap_or(u32::MAX);
        last.swap(place, place + draws.below(rest) as usize);
    }
    last.truncate(count);
    let targets: Vec<WireId> = last.iter().map(|(wire, _)| *wire).collect();
    let challenges: Vec<(Party, Party)> = last
        .iter()
        .map(|(_, sender)| {
            let other = draws.below(layout.clients().saturating_sub(1));
            (*sender, Party(if other < sender.0 { other } else { other + 1 }))
        })
        .collect();
    let view = View::of(recording, layout, scenario, Sight::Global, corrupt, *window);
    let traced = Traced::back(&view, &targets);
    measures.0.extend(traced.entropies().0);
    let ratios = traced.ratios(&challenges);
    // Where a sender is excluded in more trials than that, epsilon is infinite, and left out.
    measures.set("unlinkability.epsilon", ratios.epsilon(DELTA).unwrap_or(f64::NAN));
    measures
        .set("unlinkability.excluded", ratios.delta(f64::MAX, 0.95).map_or(f64::NAN, |share| share.estimate));
}

fn failure(error: &PrepareError) -> ExperimentFailure {
    ExperimentFailure(error.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Behaviour, Contacts, Delivery, Mixing, Writing};

    fn small() -> Scenario {
        let mut scenario = Scenario { duration_s: 40.0, warmup_s: 5.0, ..Scenario::default() };
        scenario.network.entries = 0;
        scenario.network.delivery = Delivery::Direct;
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        scenario.clients[0].count = 30;
        scenario.clients[0].loop_interval_ms_mean = 0.0;
        scenario.clients[0].drop_interval_ms_mean = 0.0;
        scenario.clients[0].downlink_interval_ms_mean = 0.0;
        scenario.behaviour = Behaviour {
            writing: Writing::Poisson { per_day_mean: 20_000.0 },
            contacts: Contacts::Uniform { count: 2 },
            ..Behaviour::default()
        };
        scenario
    }

    fn plan(name: &str) -> AttackPlan {
        AttackPlan { name: name.to_owned(), targets: 40, candidates: 8 }
    }

    #[test]
    fn without_delay_the_tracer_knows_and_with_delay_it_does_not() {
        let mut scenario = small();
        let attacks = [plan("exact-tracing")];
        let mixed = TrafficExperiment.replicate(&scenario, &attacks, Seed::new(3)).unwrap();
        scenario.mixing = Mixing::Poisson { delay_ms_mean: 0.0 };
        let open = TrafficExperiment.replicate(&scenario, &attacks, Seed::new(3)).unwrap();
        let of = |measures: &Measures, name: &str| measures.get(name).unwrap();
        assert!(of(&open, "entropy_bits.shannon") < 0.1, "{open:?}");
        assert!(of(&mixed, "entropy_bits.shannon") > 3.0, "{mixed:?}");
        assert!(of(&open, "worst.advantage") > 0.95);
        assert!(of(&mixed, "worst.advantage") < 0.6);
        assert!(of(&open, "unlinkability.excluded") > 0.9);
        assert!(of(&mixed, "unlinkability.excluded") < of(&open, "unlinkability.excluded"));
        // The same luck: what users write does not depend on the delay.
        assert_eq!(of(&open, "messages.written").to_bits(), of(&mixed, "messages.written").to_bits());
        assert_eq!(mixed.get("valid"), Some(1.0), "{mixed:?}");
    }

    #[test]
    fn every_adversary_can_be_asked_and_what_does_not_exist_is_refused() {
        let mut scenario = small();
        scenario.network.delivery = Delivery::Mailbox;
        scenario.corruption.nodes = vec!["mailbox-0".to_owned(), "mix-1-0".to_owned()];
        let attacks: Vec<AttackPlan> =
            crate::adversary::all().iter().map(|adversary| plan(adversary.name())).collect();
        let measures = TrafficExperiment.replicate(&scenario, &attacks, Seed::new(1)).unwrap();
        for attack in &attacks {
            assert!(measures.get(&format!("attack.{}.trials", attack.name)).is_some(), "{}", attack.name);
        }
        assert!(TrafficExperiment.replicate(&scenario, &[plan("guess-work")], Seed::new(1)).is_err());
    }

    #[test]
    fn a_run_is_the_same_again_and_another_with_another_seed() {
        let attacks = [plan("exact-tracing"), plan("sda")];
        let run = |seed| TrafficExperiment.replicate(&small(), &attacks, Seed::new(seed)).unwrap();
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn mailboxes_are_no_senders_however_many_there_are() {
        let run = |mailboxes| {
            let mut scenario = small();
            scenario.network.delivery = Delivery::Mailbox;
            scenario.mailboxes.count = mailboxes;
            TrafficExperiment.replicate(&scenario, &[plan("exact-tracing")], Seed::new(3)).unwrap()
        };
        let (few, many) = (run(2), run(20));
        let of = |measures: &Measures, name: &str| measures.get(name).unwrap();
        for measures in [&few, &many] {
            assert!(of(measures, "anonymity_set") <= 30.0, "{measures:?}");
            assert!(of(measures, "entropy_bits.shannon") <= 30.0_f64.log2(), "{measures:?}");
            assert!(of(measures, "entropy_bits.traced") > 10.0, "{measures:?}");
        }
        let grown = of(&many, "entropy_bits.shannon") - of(&few, "entropy_bits.shannon");
        assert!(grown < 0.3, "{grown} {few:?} {many:?}");
    }

    #[test]
    fn dummies_at_corrupt_mixes_leave_no_target_out() {
        let mut scenario = small();
        scenario.network.delivery = Delivery::Mailbox;
        scenario.network.link_dummy_interval_ms_mean = 500.0;
        scenario.corruption.nodes = vec!["mix-0-0".to_owned(), "mix-1-0".to_owned(), "mix-2-0".to_owned()];
        let measures =
            TrafficExperiment.replicate(&scenario, &[plan("exact-tracing")], Seed::new(3)).unwrap();
        let of = |name: &str| measures.get(name).unwrap();
        println!("{} of {}", of("entropy_bits.traced"), of("entropy_bits.asked"));
        assert!(of("entropy_bits.asked") >= 40.0, "{measures:?}");
        assert!(of("entropy_bits.traced") > 0.8 * of("entropy_bits.asked"), "{measures:?}");
    }
}
