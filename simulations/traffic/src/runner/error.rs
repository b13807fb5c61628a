//! Why tasks were not run or their results not put together.

use std::io;
use std::path::{Path, PathBuf};

use crate::plan::PlanRefusal;

/// A run or a merge that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan has a mistake at one of its points.
    #[error(transparent)]
    Plan(#[from] PlanRefusal),
    /// A file or a directory could not be handled.
    #[error("cannot {doing} {path}: {source}")]
    Files {
        /// What was attempted.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The directory is somebody else's.
    #[error("{dir} {what}")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What it is, and what to do.
        what: String,
    },
    /// A run gave nothing.
    #[error("point {point}, replication {replication}: {why}")]
    Experiment {
        /// The point.
        point: u32,
        /// The replication.
        replication: u32,
        /// Why.
        why: String,
    },
    /// Tasks are missing.
    #[error(
        "{missing} of {tasks} tasks are missing, the first is {first}; run them with `sotto-sim run PLAN --out {dir}`, then merge again"
    )]
    Incomplete {
        /// The directory.
        dir: PathBuf,
        /// How many.
        missing: u64,
        /// Of how many.
        tasks: u64,
        /// The first.
        first: u64,
    },
    /// A row is not what it should be.
    #[error("the row of task {task} {what}; remove {path} and run the task again")]
    Row {
        /// The task.
        task: u64,
        /// What is wrong.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Threads could not be started.
    #[error("cannot start threads: {0}; try fewer with --threads")]
    Threads(String),
}

impl RunError {
    /// A name that does not change with the wording.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Plan(refusal) => refusal.label(),
            Self::Files { .. } => "run-files",
            Self::Directory { .. } => "run-directory",
            Self::Experiment { .. } => "run-experiment",
            Self::Incomplete { .. } => "run-incomplete",
            Self::Row { .. } => "run-row",
            Self::Threads(_) => "run-threads",
        }
    }

    /// What makes an error of the system one of this kind.
    pub(super) fn files(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Files { doing, path, source }
    }
}
