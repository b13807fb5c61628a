//! What can go wrong with a vault, each with a stable label and advice for people.

use std::path::PathBuf;

use super::header::{ARGON2_MIB_MAX, ARGON2_MIB_MIN};
use super::passphrase::PASSPHRASE_LEN_MAX;
use super::seal::RECORD_VALUE_LEN_MAX;

/// A refusal or failure of the vault. Holds no key, no plaintext and no record name.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no vault file.
    #[error("no vault at {}: make one with `sotto init`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A vault is already there, and making a new one would destroy it.
    #[error("there is already a vault at {}: it was left as it is", path.display())]
    Exists {
        /// The existing file.
        path: PathBuf,
    },
    /// Another process has the file open.
    #[error(
        "the vault is in use by another process: stop it, or let it do the work (a running `sotto daemon`)"
    )]
    Busy,
    /// The passphrase does not open the vault.
    #[error("wrong passphrase: nothing was changed, try again")]
    WrongPassphrase,
    /// The file is not what was written: shortened, changed or foreign.
    #[error("the vault file is damaged ({what}): it was not used; restore the file from a backup copy")]
    Damaged {
        /// Which check failed.
        what: String,
    },
    /// The file holds an older state than the last one that was committed on this device.
    #[error(
        "the vault holds state {found}, but state {expected} was committed last: an older copy was put in its \
         place. Using it could send different messages under keys already used. Put the newer file back, or, \
         to go on with the old one all the same, delete {}",
        witness.display()
    )]
    RolledBack {
        /// The commit that the file holds.
        found: u64,
        /// The commit that was last made durable.
        expected: u64,
        /// The file that remembers the last commit.
        witness: PathBuf,
    },
    /// The header is of a later format.
    #[error("the vault has format version {found}, this program knows version {known}: use a newer sotto")]
    Version {
        /// The version byte found.
        found: u8,
        /// The version this program writes.
        known: u8,
    },
    /// The Argon2id cost asked for is out of bounds.
    #[error(
        "Argon2id memory of {mib} MiB with {passes} passes and {lanes} lanes is out of bounds: memory must be \
         {ARGON2_MIB_MIN} to {ARGON2_MIB_MAX} MiB, passes 1 to 64, lanes 1 to 64"
    )]
    Argon2Cost {
        /// Memory in MiB.
        mib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// The machine could not give Argon2id its memory.
    #[error(
        "deriving the key needs {mib} MiB of memory, which the system did not give: close other programs"
    )]
    Argon2Memory {
        /// Memory in MiB.
        mib: u32,
    },
    /// An empty or oversized passphrase.
    #[error("a passphrase has 1 to {PASSPHRASE_LEN_MAX} bytes, this one has {len}")]
    PassphraseLength {
        /// Its length in bytes.
        len: usize,
    },
    /// A record too large to seal.
    #[error("a vault record has at most {RECORD_VALUE_LEN_MAX} bytes, this one has {len}")]
    RecordLength {
        /// Its length in bytes.
        len: usize,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the vault's database refused: {what}")]
    Database {
        /// Its answer.
        what: String,
    },
}

impl VaultError {
    /// A stable name for scripts and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "vault-missing",
            Self::Exists { .. } => "vault-exists",
            Self::Busy => "vault-busy",
            Self::WrongPassphrase => "wrong-passphrase",
            Self::Damaged { .. } => "vault-damaged",
            Self::RolledBack { .. } => "vault-rolled-back",
            Self::Version { .. } => "vault-version",
            Self::Argon2Cost { .. } => "argon2-cost",
            Self::Argon2Memory { .. } => "argon2-memory",
            Self::PassphraseLength { .. } => "passphrase-length",
            Self::RecordLength { .. } => "record-length",
            Self::Io { .. } => "vault-io",
            Self::Database { .. } => "vault-database",
        }
    }

    /// The file is not what was written.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// Sorts an answer of redb into the cases that people can act on.
    pub(super) fn from_redb(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::Corrupted(what) => Self::damaged(what),
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::damaged(error.to_string())
            }
            redb::Error::TableDoesNotExist(name) => Self::damaged(format!("table {name} is missing")),
            error @ (redb::Error::UpgradeRequired(_)
            | redb::Error::RepairAborted
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)) => Self::damaged(error.to_string()),
            error => Self::Database { what: error.to_string() },
        }
    }
}
