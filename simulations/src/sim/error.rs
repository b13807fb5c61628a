//! Why a command did not do what it was asked, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use sotto_traffic::advise::AdviceRefusal;
use sotto_traffic::plan::{PlanRefusal, UnknownMeasure};
use sotto_traffic::runner::RunError;
use sotto_traffic::tables::TableError;
use sotto_traffic::verify::CheckNotRun;

use crate::fidelity::FidelityError;
use crate::vnet::VnetError;

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The plan has a mistake.
    #[error(transparent)]
    Plan(#[from] PlanRefusal),
    /// Tasks were not run, or their rows not put together.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A table could not be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A bound is on something that was not measured.
    #[error(transparent)]
    Bound(#[from] UnknownMeasure),
    /// There is no advice.
    #[error(transparent)]
    Advice(#[from] AdviceRefusal),
    /// A closed form could not be held against simulation.
    #[error("a check could not be run: {0}")]
    Check(#[from] CheckNotRun),
    /// Model and cores could not be compared.
    #[error(transparent)]
    Fidelity(#[from] FidelityError),
    /// Packets between the production cores could not be attacked.
    #[error("the production cores did not run: {0}")]
    Cores(#[from] VnetError),
    /// The command line asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// A file could not be handled.
    #[error("cannot {doing} {path}: {source}")]
    Files {
        /// What was attempted.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl SimError {
    /// A name that does not change with the wording.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Plan(refusal) => refusal.label(),
            Self::Run(error) => error.label(),
            Self::Table(error) => error.label(),
            Self::Bound(error) => error.label(),
            Self::Advice(refusal) => refusal.label(),
            Self::Check(error) => error.label(),
            Self::Fidelity(error) => error.label(),
            Self::Cores(_) => "sim-cores",
            Self::Usage(_) => "sim-usage",
            Self::Files { .. } => "sim-files",
        }
    }

    /// What makes an error of the system one of this kind.
    pub(super) fn files(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Files { doing, path, source }
    }
}
