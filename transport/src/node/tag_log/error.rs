//! Why replay tags could not be made durable, or a log of them could not be read.

use std::io;
use std::path::PathBuf;

use crate::private::PrivateFileError;

use super::KEPT_TAGS_MAX;

/// An error of the logs of replay tags.
#[derive(Debug, thiserror::Error)]
pub enum TagLogError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The disk did not take the tags, or did not say that it has them. They are kept and go with the next commit.
    #[error(
        "cannot {what} {path}: {reason}; packets wait until their replay tags are durable: is the disk full, read-only or broken?"
    )]
    NotDurable {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        reason: io::Error,
    },
    /// So many tags wait for the disk that none of this commit were taken: its packets must be dropped.
    #[error(
        "{kept} replay tags wait for the disk, and at most {max} can: the packets of this commit must be dropped",
        max = KEPT_TAGS_MAX
    )]
    TooManyKept {
        /// How many wait.
        kept: usize,
    },
    /// There is no log for this epoch. None of the commit were taken.
    #[error("there is no log for the replay tags of epoch {0}: it is made with the epoch's key")]
    NoLog(u64),
    /// The log is of another version.
    #[error(
        "{path} has version {version}, this program knows version {known}: run the program that wrote it, or remove \
         it, and with it the key of its epoch",
        known = super::format::VERSION
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
    /// The log does not hold what was made durable.
    #[error("{path} is damaged at byte {at}: replay tags are lost, so the key of its epoch must not be used")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
}

impl TagLogError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::File(error) => error.label(),
            Self::NotDurable { .. } => "tags-not-durable",
            Self::TooManyKept { .. } => "too-many-tags-kept",
            Self::NoLog(_) => "no-tag-log",
            Self::Version { .. } => "tag-log-version",
            Self::Damaged { .. } => "tag-log-damaged",
        }
    }

    /// After a failed commit: whether its tags are kept and go with the next one. If they are not, the packets must
    /// be dropped.
    #[must_use]
    pub const fn keeps_tags(&self) -> bool {
        matches!(self, Self::NotDurable { .. })
    }
}

impl From<TagLogError> for io::Error {
    fn from(error: TagLogError) -> Self {
        Self::other(error)
    }
}
