//! What can go wrong with a vault, each with a stable label and advice for people.

use std::path::PathBuf;

use super::cell::RECORD_VALUE_LEN_MAX;
use super::cost::{ARGON2_MIB_MAX, ARGON2_MIB_MIN};
use super::key_file::{KEY_FILE_LEN_MAX, KEY_FILE_LEN_MIN};
use super::passphrase::PASSPHRASE_LEN_MAX;
use super::slot_view::{SLOT_LABEL_LEN_MAX, SLOTS_MAX};
use super::words::RECOVERY_WORDS;
use super::{Factors, TokenError};

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
    #[error(
        "wrong passphrase: nothing was changed, try again; if the vault needs another factor too, give both"
    )]
    WrongPassphrase,
    /// None of the combinations of the given factors opens a slot.
    #[error(
        "no slot opens with what was given ({given}): nothing was changed; one of them may be wrong, or another \
         factor may be needed with them"
    )]
    FactorsWrong {
        /// What was given.
        given: Factors,
    },
    /// No factor was given at all.
    #[error(
        "a vault opens with a passphrase, a key file, a security token or recovery words: none was given"
    )]
    FactorsNone,
    /// The key file is too short to be a secret, or not a key file.
    #[error(
        "a key file has {KEY_FILE_LEN_MIN} to {KEY_FILE_LEN_MAX} bytes, this one has {len}: choose another"
    )]
    KeyFileLength {
        /// Its length in bytes.
        len: usize,
    },
    /// What was typed are not recovery words.
    #[error(
        "recovery words are {RECOVERY_WORDS} words of the English BIP-39 list: {what}; compare them with the paper"
    )]
    RecoveryWords {
        /// What does not fit. It names places, never words.
        what: String,
    },
    /// The security token gave no answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The label of a slot is empty, too long or not printable.
    #[error("a slot's label has 1 to {SLOT_LABEL_LEN_MAX} bytes and no control characters: choose another")]
    SlotLabel,
    /// There is no such slot.
    #[error("there is no slot {number}: `sotto vault list` shows them")]
    SlotMissing {
        /// The number asked for.
        number: u8,
    },
    /// All slots are in use.
    #[error("all {SLOTS_MAX} slots are in use: remove one first")]
    SlotsFull,
    /// Removing it would lock everybody out.
    #[error("slot {number} is the last one that opens this vault: add another before removing it")]
    SlotLast {
        /// The number asked for.
        number: u8,
    },
    /// The factors given, or some of them, open a slot already.
    #[error("these factors, or some of them, open a slot already: give others")]
    SlotTaken,
    /// A replacement would quietly need fewer factors than before.
    #[error(
        "slot {number} needs {needed} together, and only {given} was given: give all of them again, or add another \
         slot and remove this one"
    )]
    SlotWeaker {
        /// The slot.
        number: u8,
        /// What it needs now.
        needed: Factors,
        /// What was given.
        given: Factors,
    },
    /// There is no duress slot to clear.
    #[error("this vault has no duress slot: nothing was changed")]
    DuressMissing,
    /// The cost is the same for all passphrases of a file, and another passphrase depends on it.
    #[error(
        "slot {other} has a passphrase too, and the cost of a guess is one for the whole file: remove that slot, \
         change the cost, and add it again"
    )]
    Argon2CostShared {
        /// The other slot with a passphrase.
        other: u8,
    },
    /// The file of slots is not there.
    #[error(
        "{} is missing: it holds the wrapped key, without it the records cannot be opened; restore it together with \
         the other files of the vault",
        path.display()
    )]
    KeysMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file of erasure keys is not there.
    #[error(
        "{} is missing: without it the records cannot be opened; restore all files of the vault from the same moment",
        path.display()
    )]
    ErasureMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The erasure file is of another moment or another vault than the records.
    #[error(
        "{} does not belong to these records: it is of an earlier moment, of another vault, or damaged; restore all \
         files of the vault from the same moment",
        path.display()
    )]
    ErasureForeign {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written: shortened, changed or foreign.
    #[error("the vault file is damaged ({what}): it was not used; restore the file from a backup copy")]
    Damaged {
        /// Which check failed.
        what: String,
    },
    /// The file holds an older state than the last one that was committed on this device.
    #[error(
        "the vault holds state {found}, but state {expected} was committed last: an older copy of vault.redb was put \
         in its place, and its keys are destroyed; put the newer file back, or restore all files of the vault from \
         the same moment"
    )]
    RolledBack {
        /// The commit that the file holds.
        found: u64,
        /// The commit that was last made durable.
        expected: u64,
    },
    /// There is no room for more records.
    #[error("the vault holds as much as it can, about 1 GiB: delete messages that are not needed")]
    Full,
    /// The files are of another format.
    #[error(
        "the vault has format version {found}, this program knows version {known}: use the sotto that made it"
    )]
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
            Self::FactorsWrong { .. } => "factors-wrong",
            Self::FactorsNone => "factors-none",
            Self::KeyFileLength { .. } => "key-file-length",
            Self::RecoveryWords { .. } => "recovery-words",
            Self::Token(error) => error.label(),
            Self::SlotLabel => "slot-label",
            Self::SlotMissing { .. } => "slot-missing",
            Self::SlotsFull => "slots-full",
            Self::SlotLast { .. } => "slot-last",
            Self::SlotTaken => "slot-taken",
            Self::SlotWeaker { .. } => "slot-weaker",
            Self::DuressMissing => "duress-missing",
            Self::Argon2CostShared { .. } => "argon2-cost-shared",
            Self::KeysMissing { .. } => "vault-keys-missing",
            Self::ErasureMissing { .. } => "vault-erasure-missing",
            Self::ErasureForeign { .. } => "vault-erasure-foreign",
            Self::Damaged { .. } => "vault-damaged",
            Self::Full => "vault-full",
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
