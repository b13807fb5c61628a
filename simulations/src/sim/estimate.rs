//! `sotto-sim run --dry-run`: what a plan would take.
//!
//! Packets and events come from the rates of the plan. Seconds come from short runs at a few points, attacks included: an event
//! costs more where more clients are compared, and an attack costs something in the shortest run, so one point does not speak
//! for all.

use std::ops::Range;

use sotto_traffic::experiment::Experiment as _;
use sotto_traffic::plan::{Cost, Plan};
use sotto_traffic::runner::RunError;
use sotto_transport::clock::Stopwatch;

use super::{Ended, SimError, model, output};

/// Events of a short run.
const SAMPLE_EVENTS: f64 = 1_000_000.0;
/// Points at which there are short runs, from the one with the fewest events to the one with the most.
const SAMPLES_MAX: usize = 5;

/// What a short run showed.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The events of a whole run at its point.
    events: f64,
    /// How long an event takes there.
    seconds_per_event: f64,
}

/// Prints what these tasks would take.
pub(super) fn dry_run(
    plan: &Plan,
    tasks: &Range<u64>,
    threads: usize,
    as_json: bool,
) -> Result<Ended, SimError> {
    plan.check(tasks.clone())?;
    let mut costs: Vec<(u32, Cost)> = Vec::new();
    for task in tasks.clone().filter_map(|number| plan.task(number)) {
        costs.push((task.point, Cost::of(&plan.point(task.point)?.scenario)));
    }
    costs.sort_by(|one, other| one.1.events().total_cmp(&other.1.events()));
    let packets: f64 = costs.iter().map(|(_, cost)| cost.packets).sum();
    let events: f64 = costs.iter().map(|(_, cost)| cost.events()).sum();

    let mut points: Vec<u32> = costs.iter().map(|(point, _)| *point).collect();
    points.dedup();
    let mut samples: Vec<Sample> = Vec::new();
    for place in spread(points.len()) {
        if let Some(point) = points.get(place) {
            samples.push(sample(plan, *point)?);
        }
    }
    let work: f64 =
        costs.iter().map(|(_, cost)| cost.events() * seconds_per_event(&samples, cost.events())).sum();
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let threads = u32::try_from(threads).unwrap_or(u32::MAX);
    let seconds = work / f64::from(threads);
    let events_per_s = events / work.max(1e-6);
    let count = tasks.end - tasks.start;
    if as_json {
        output::print_json(&serde_json::json!({
            "tasks": count, "packets": packets, "events": events, "events_per_s": events_per_s,
            "threads": threads, "seconds": seconds,
        }))?;
    } else {
        output::print(&format!(
            "{count} tasks, about {packets:.3e} packets and {events:.3e} events\n\
             {} short runs made {events_per_s:.3e} events a second: about {seconds:.0} s on {threads} threads",
            samples.len()
        ))?;
    }
    Ok(Ended::Well)
}

/// Places among so many, the first and the last included, equally far from one another.
fn spread(count: usize) -> Vec<usize> {
    let samples = count.min(SAMPLES_MAX);
    let mut places: Vec<usize> = (0..samples)
        .map(|sample| sample * count.saturating_sub(1) / samples.saturating_sub(1).max(1))
        .collect();
    places.dedup();
    places
}

/// Runs a point, or so much of it as a short run may have.
fn sample(plan: &Plan, number: u32) -> Result<Sample, SimError> {
    let mut point = plan.point(number)?;
    let events = Cost::of(&point.scenario).events();
    let share = (SAMPLE_EVENTS / events.max(1.0)).min(1.0);
    point.scenario.duration_s = (point.scenario.duration_s * share).max(0.001);
    point.scenario.warmup_s *= share;
    let watch = Stopwatch::start();
    model::experiment()
        .replicate(&point.scenario, &point.attacks, plan.seed())
        .map_err(|why| RunError::Experiment { point: number, replication: 0, why: why.0 })?;
    let seconds = watch.elapsed().as_secs_f64();
    Ok(Sample { events, seconds_per_event: seconds / Cost::of(&point.scenario).events().max(1.0) })
}

/// Between two samples on a straight line over the events of a run, beyond them as at the nearest.
fn seconds_per_event(samples: &[Sample], events: f64) -> f64 {
    let above = samples.partition_point(|sample| sample.events < events);
    let below = above.checked_sub(1).and_then(|place| samples.get(place));
    match (below, samples.get(above)) {
        (Some(below), Some(above)) if above.events > below.events => {
            let share = (events - below.events) / (above.events - below.events);
            below.seconds_per_event + share * (above.seconds_per_event - below.seconds_per_event)
        }
        (Some(one), _) | (None, Some(one)) => one.seconds_per_event,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_from_end_to_end() {
        assert_eq!(spread(0), [0; 0]);
        assert_eq!(spread(1), [0]);
        assert_eq!(spread(2), [0, 1]);
        assert_eq!(spread(64), [0, 15, 31, 47, 63]);
    }

    #[test]
    fn between_samples_is_a_line_and_beyond_them_the_nearest() {
        let samples = [(100.0, 1.0), (300.0, 2.0), (300.0, 4.0), (500.0, 5.0)]
            .map(|(events, seconds_per_event)| Sample { events, seconds_per_event });
        for (events, expected) in
            [(50.0, 1.0), (100.0, 1.0), (200.0, 1.5), (300.0, 2.0), (400.0, 4.5), (900.0, 5.0)]
        {
            assert!((seconds_per_event(&samples, events) - expected).abs() < 1e-12, "{events}");
        }
        assert!(seconds_per_event(&[], 7.0).abs() < 1e-12);
    }
}
