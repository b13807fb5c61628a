//! What can be wrong with a backup.

use super::BACKUP_LEN_MAX;
use crate::vault::VaultError;

/// A refusal. Nothing was restored, and the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is not what was written.
    #[error("the backup is damaged: {0}; use another copy of it")]
    Damaged(&'static str),
    /// It is of a later format.
    #[error("the backup has format version {found}, this program knows version {known}: use a newer sotto")]
    Version {
        /// The version found.
        found: u8,
        /// The version that this program writes.
        known: u8,
    },
    /// The passphrase does not open it.
    #[error("this passphrase does not open the backup; it is the one that was given when it was made")]
    WrongPassphrase,
    /// More than a backup holds.
    #[error("a backup has at most {BACKUP_LEN_MAX} bytes, and a part of it is too long: {len}")]
    TooLong {
        /// The length or count of the part.
        len: usize,
    },
    /// The passphrase could not be stretched.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl BackupError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "backup-damaged",
            Self::Version { .. } => "backup-version",
            Self::WrongPassphrase => "backup-wrong-passphrase",
            Self::TooLong { .. } => "backup-too-long",
            Self::Vault(error) => error.label(),
        }
    }
}
