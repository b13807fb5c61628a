//! `sotto-sim run`: all tasks of a plan up to its tables, or some of them as a share of the work.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use sotto_traffic::plan::Plan;
use sotto_traffic::runner;
use sotto_transport::clock::Stopwatch;

use super::merge::{self, Bounds};
use super::output::Bar;
use super::{Ended, PlanFile, SimError, estimate, model, output};

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
        return estimate::dry_run(&plan, &tasks, args.threads, args.json);
    };
    // Mistakes in bounds come before hours of work, not after.
    let bounds = args.bounds.read()?;
    bounds.iter().try_for_each(|bound| plan.check_bound(bound))?;
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
