//! `sotto-sim run`: all tasks of a plan up to its tables, or some of them as a share of the work.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use sotto_traffic::experiment::Experiment as _;
use sotto_traffic::plan::{Cost, Plan};
use sotto_traffic::runner;
use sotto_transport::clock::Stopwatch;

use super::merge::{self, Bounds};
use super::output::Bar;
use super::{Ended, PlanFile, SimError, model, output};

/// Events of the short run by which `--dry-run` learns how fast this machine is.
const CALIBRATION_EVENTS: f64 = 200_000.0;

/// Options of `run`.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    plan: PlanFile,
    /// Where rows, tables and the report go. Run again with the same plan, it goes on where it was.
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Run this task alone and write its row; the tables are left to `merge`.
    #[arg(long, value_name = "N", conflicts_with = "tasks")]
    task: Option<u64>,
    /// Run these tasks alone, both ends included.
    #[arg(long, value_name = "A-B")]
    tasks: Option<TaskRange>,
    /// Threads; 0: one for each processor. The rows do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = threads)]
    threads: usize,
    /// Run nothing but a short sample, and say what the whole would take.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    bounds: Bounds,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number <= runner::THREADS_MAX => Ok(number),
        _ => Err(format!("allowed: 0 to {}", runner::THREADS_MAX)),
    }
}

/// `A-B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TaskRange {
    first: u64,
    last: u64,
}

impl FromStr for TaskRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { first, last }),
            _ => Err("expected A-B with A not above B, such as 0-99".to_owned()),
        }
    }
}

pub(super) fn run(args: &RunArgs) -> Result<Ended, SimError> {
    let plan = args.plan.load(&[])?;
    let part = args.tasks.or(args.task.map(|task| TaskRange { first: task, last: task }));
    let tasks = asked(&plan, part)?;
    let Some(dir) = args.out.as_ref().filter(|_| !args.dry_run) else {
        return dry_run(&plan, &tasks, args.threads, args.json);
    };
    // Mistakes in bounds come before hours of work, not after.
    let bounds = args.bounds.read()?;
    let watch = Stopwatch::start();
    let bar = Bar::new(args.json);
    let ran = runner::run(&plan, &model::experiment(), dir, tasks, args.threads, &mut |progress| {
        bar.follow(progress);
    })?;
    bar.finish();
    let seconds = watch.elapsed().as_secs_f64();
    if part.is_some() {
        let text = format!("{} tasks done, {} were there", ran.done, ran.known);
        if args.json {
            output::print_json(
                &serde_json::json!({ "done": ran.done, "known": ran.known, "seconds": seconds }),
            )?;
        } else {
            output::print(&text)?;
        }
        return Ok(Ended::Well);
    }
    if !args.json {
        output::print(&format!("{} tasks done in {seconds:.1} s, {} were there", ran.done, ran.known))?;
    }
    merge::finish(dir, &[], &bounds, args.json)
}

/// The tasks of the command line, or all.
fn asked(plan: &Plan, part: Option<TaskRange>) -> Result<Range<u64>, SimError> {
    match part {
        None => Ok(0..plan.tasks()),
        Some(TaskRange { last, .. }) if last >= plan.tasks() => Err(SimError::Usage(format!(
            "there is no task {last}; allowed: 0 to {}",
            plan.tasks().saturating_sub(1)
        ))),
        Some(TaskRange { first, last }) => Ok(first..last + 1),
    }
}

/// Packets and events by the rates of the plan, seconds by how fast a short run of the first point is, attacks included.
fn dry_run(plan: &Plan, tasks: &Range<u64>, threads: usize, as_json: bool) -> Result<Ended, SimError> {
    plan.check(tasks.clone())?;
    let (mut packets, mut events) = (0.0, 0.0);
    for task in tasks.clone().filter_map(|number| plan.task(number)) {
        let cost = Cost::of(&plan.point(task.point)?.scenario);
        packets += cost.packets;
        events += cost.events();
    }
    let first = plan.task(tasks.start).map_or(0, |task| task.point);
    let mut point = plan.point(first)?;
    let expected = Cost::of(&point.scenario).events();
    let share = (CALIBRATION_EVENTS / expected.max(1.0)).min(1.0);
    point.scenario.duration_s = (point.scenario.duration_s * share).max(0.001);
    point.scenario.warmup_s *= share;
    let watch = Stopwatch::start();
    model::experiment()
        .replicate(&point.scenario, &point.attacks, plan.seed())
        .map_err(|why| runner::RunError::Experiment { point: first, replication: 0, why: why.0 })?;
    let events_per_s = Cost::of(&point.scenario).events() / watch.elapsed().as_secs_f64().max(1e-6);
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let threads = u32::try_from(threads).unwrap_or(u32::MAX);
    let seconds = events / events_per_s.max(1.0) / f64::from(threads);
    let count = tasks.end - tasks.start;
    if as_json {
        output::print_json(&serde_json::json!({
            "tasks": count, "packets": packets, "events": events, "events_per_s": events_per_s,
            "threads": threads, "seconds": seconds,
        }))?;
    } else {
        output::print(&format!(
            "{count} tasks, about {packets:.3e} packets and {events:.3e} events\n\
             a short run made {events_per_s:.3e} events a second: about {seconds:.0} s on {threads} threads"
        ))?;
    }
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_tasks_has_both_ends_and_the_right_order() {
        assert_eq!("3-7".parse(), Ok(TaskRange { first: 3, last: 7 }));
        assert_eq!("3".parse(), Ok(TaskRange { first: 3, last: 3 }));
        for wrong in ["7-3", "", "-", "a-b", "-1-2"] {
            assert!(wrong.parse::<TaskRange>().is_err(), "{wrong}");
        }
    }
}
