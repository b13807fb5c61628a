//! Running the tasks of a plan: on all cores, to be killed and started again, shared out over machines.
//!
//! Each task that is done is a file of its own, which is there whole or not at all. A file a task is what lets any number of
//! processes, on machines that share nothing but a file system, work in one directory without knowing of one another; a
//! common log would need a lock and a rule for its torn end. Not here: clocks and progress bars; the caller is told what is
//! done and may count.

mod error;
mod store;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

pub use error::RunError;
use store::Store;

use crate::experiment::Experiment;
use crate::plan::{Plan, Task};
use crate::results::{Results, Row};

/// The version that is written into rows: the program's, and behind `+` a fingerprint of this crate's source.
pub const VERSION: &str = env!("SOTTO_TRAFFIC_VERSION");

/// The most threads.
pub const THREADS_MAX: usize = 1024;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// How many tasks there are to do, and how many of them had been done before.
    Started {
        /// All that were asked for.
        tasks: u64,
        /// Those that are there already.
        known: u64,
    },
    /// A task is done and safe on disk.
    Done {
        /// Its number.
        task: u64,
    },
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ran {
    /// Tasks done.
    pub done: u64,
    /// Tasks that had been done before.
    pub known: u64,
}

/// Runs these tasks of a plan and writes a file for each into the directory; what is there already is left. `threads` of 0
/// are as many as there are processors. The rows do not depend on the number of threads.
///
/// # Errors
/// A directory that belongs to another plan or cannot be written to; of the experiments that failed the one of the first task. What had been done
/// by then is kept.
pub fn run(
    plan: &Plan,
    experiment: &dyn Experiment,
    dir: &Path,
    tasks: Range<u64>,
    threads: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Ran, RunError> {
    plan.check(tasks.clone())?;
    let store = Store::open(plan, dir)?;
    let asked = tasks.start..tasks.end.min(plan.tasks());
    let mut missing = Vec::new();
    for task in asked.clone().filter_map(|number| plan.task(number)) {
        if !store.has(&task, &plan.point(task.point)?.config_hash) {
            missing.push(task);
        }
    }
    let total = asked.end.saturating_sub(asked.start);
    let to_do = missing.len() as u64;
    progress(Progress::Started { tasks: total, known: total - to_do });
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.min(THREADS_MAX))
        .build()
        .map_err(|error| RunError::Threads(error.to_string()))?;
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    let mut failure: Option<(u64, RunError)> = None;
    pool.in_place_scope(|scope| {
        for _ in 0..pool.current_num_threads() {
            let sender = sender.clone();
            let (missing, next, stop, store) = (&missing, &next, &stop, &store);
            // Each takes the next task when it has done one: tasks of a sweep take very different times.
            scope.spawn(move |_| {
                while !stop.load(Ordering::Relaxed) {
                    let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed));
                    let Some(task) = index.ok().and_then(|index| missing.get(index)) else { break };
                    let outcome = row(plan, experiment, task).and_then(|row| store.write(task, &row));
                    if outcome.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if sender.send((task.number, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (task, outcome) in receiver {
            match outcome {
                Ok(()) => progress(Progress::Done { task }),
                // Several threads may fail before all have stopped.
                Err(error) => {
                    if failure.as_ref().is_none_or(|(first, _)| task < *first) {
                        failure = Some((task, error));
                    }
                }
            }
        }
    });
    failure.map_or(Ok(Ran { done: to_do, known: total - to_do }), |(_, error)| Err(error))
}

/// Runs one task.
///
/// # Errors
/// What of the point is wrong, or why the experiment failed.
pub fn row(plan: &Plan, experiment: &dyn Experiment, task: &Task) -> Result<Row, RunError> {
    let point = plan.point(task.point)?;
    let measures = experiment.replicate(&point.scenario, &point.attacks, task.seed).map_err(|why| {
        RunError::Experiment { point: task.point, replication: task.replication, why: why.0 }
    })?;
    Ok(Row {
        point: task.point,
        replication: task.replication,
        seed: task.seed.as_u64(),
        config_hash: point.config_hash,
        version: VERSION.to_owned(),
        settings: point.settings,
        measures,
    })
}

/// What a directory of results was begun for.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of the directory.
    format: u32,
    /// What identifies scenario, attacks, sweep and seed: [`Plan::hash`].
    hash: String,
    /// The program's version.
    pub version: String,
    /// The plan's name.
    pub name: String,
    /// Its question.
    pub question: String,
    /// Its seed.
    pub seed: u64,
    /// How many points it has.
    pub points: u32,
    /// How many replications of each.
    pub replications: u32,
    /// Its bounds, as they are written.
    pub fail_if: Vec<String>,
    /// Its text.
    pub plan: String,
    /// The name of its file, without directories; empty if a program that did not note it began the directory.
    #[serde(default)]
    pub file: String,
    /// What was set from outside.
    pub sets: Vec<String>,
}

/// The rows of a directory, and of others with parts of the same plan, in the order of points and replications.
///
/// # Errors
/// A directory without results, of another plan or another version of the program, tasks that are missing, rows that should be equal and are not.
pub fn merge(dir: &Path, others: &[PathBuf]) -> Result<(Manifest, Results), RunError> {
    let stores: Vec<Store> = std::iter::once(dir)
        .chain(others.iter().map(PathBuf::as_path))
        .map(Store::existing)
        .collect::<Result<_, _>>()?;
    store::merge(&stores)
}

#[cfg(test)]
mod tests;
