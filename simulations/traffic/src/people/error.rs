//! Why a run cannot be prepared.

use std::path::{Path, PathBuf};

use crate::scenario::ScenarioRefusal;

/// A scenario that cannot be run, or a file of it that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PrepareError {
    /// A field cannot be what it is.
    #[error(transparent)]
    Scenario(#[from] ScenarioRefusal),
    /// A file cannot be opened or read.
    #[error("{file}: {reason}; give the path of a file that can be read", file = .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A line of a file cannot be used.
    #[error("{file}, line {line}: {found}; allowed: {allowed}", file = .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1; for what is missing at the end, the last.
        line: u64,
        /// What is wrong.
        found: String,
        /// What may be there.
        allowed: String,
    },
}

impl PrepareError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Scenario(_) => "scenario-refused",
            Self::Unreadable { .. } => "input-unreadable",
            Self::Line { .. } => "input-line-refused",
        }
    }

    pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self::Unreadable { file: file.to_owned(), reason: error.to_string() }
    }

    pub(crate) fn line(file: &Path, line: u64, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Line { file: file.to_owned(), line, found: found.into(), allowed: allowed.into() }
    }
}
