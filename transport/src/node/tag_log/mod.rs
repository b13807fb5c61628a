//! The replay tags that a node has seen, on disk: one file for each epoch, beside the epoch's key.
//!
//! A packet may leave the node once [`TagLogs::commit`] has returned for its tag. After a restart
//! [`TagLogs::restore`] gives back what was committed, so that nothing passes a second time. What is stored are
//! fingerprints under a key that comes from the hop's secret: when that is wiped, they tell nothing about packets.
//!
//! The order in which keys and logs come and go is kept by [`EpochKeys`](super::epoch_keys::EpochKeys), which alone
//! makes and removes logs: a log is durable before the key is, and the key is wiped before the log goes.
//!
//! What is not here: the set in memory, see `sotto_protocol::sphinx::ReplaySet`, and when to commit.

mod error;
mod file;
mod format;
mod log;
mod scan;
mod table;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_protocol::sphinx::{Fingerprint, ReplaySet};

use crate::private::{self, PrivateFileError};
use log::Log;
use table::Table;

pub use error::TagLogError;
pub use format::{RECORD_OVERHEAD, RECORD_TAGS_MAX};

/// Fingerprints that can wait for a disk that fails: 8 MiB of them.
pub const KEPT_TAGS_MAX: usize = 1 << 20;

/// Fingerprints that are read before they go into a set: 4 MiB of them.
const RESTORED_AT_ONCE: usize = 1 << 19;
const FILE_PREFIX: &str = "epoch-";
const FILE_SUFFIX: &str = ".tags";

/// The logs of a node. Clones stand for the same logs.
#[derive(Clone, Debug)]
pub struct TagLogs {
    dir: PathBuf,
    table: Arc<Mutex<Table>>,
    /// Keeps other processes away for as long as anybody can write to these logs.
    _lock: Arc<File>,
}

/// How one log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagLogSize {
    /// Its epoch.
    pub epoch: u64,
    /// Tags in it.
    pub tags: u64,
    /// Bytes of the file that hold them.
    pub bytes: u64,
}

impl TagLogs {
    /// Opens all logs of a directory, which must exist and be locked. A log that is damaged is returned as well, and is not open.
    ///
    /// # Errors
    ///
    /// When one cannot be read, is open to other users, or is of another version.
    pub(super) fn open(dir: &Path, lock: File) -> Result<(Self, Vec<(u64, TagLogError)>), TagLogError> {
        let (mut table, mut damaged) = (Table::default(), Vec::new());
        for epoch in epochs(dir)? {
            match open_log(dir, epoch) {
                Ok(log) => table.insert(epoch, log),
                Err(error @ TagLogError::Damaged { .. }) => damaged.push((epoch, error)),
                Err(error) => return Err(error),
            }
        }
        Ok((Self { dir: dir.to_owned(), table: Arc::new(Mutex::new(table)), _lock: Arc::new(lock) }, damaged))
    }

    /// Shows `visit` every fingerprint that was committed for `epoch`, and returns how many.
    ///
    /// # Errors
    ///
    /// [`TagLogError::NoLog`], or when the log cannot be read or does not hold what was committed: the key of the
    /// epoch must not be used then.
    pub fn load(&self, epoch: u64, mut visit: impl FnMut(Fingerprint)) -> Result<u64, TagLogError> {
        self.table().get(epoch)?.load(&mut visit)
    }

    /// Puts every fingerprint that was committed for `epoch` into the set of its key, and returns how many.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load). The set is incomplete then.
    pub fn restore(&self, epoch: u64, set: &mut ReplaySet) -> Result<u64, TagLogError> {
        let mut batch = Vec::with_capacity(RESTORED_AT_ONCE);
        let tags = self.load(epoch, |fingerprint| {
            batch.push(fingerprint);
            if batch.len() >= RESTORED_AT_ONCE {
                set.restore_batch(&mut batch);
                batch.clear();
            }
        })?;
        set.restore_batch(&mut batch);
        Ok(tags)
    }

    /// Makes the fingerprints durable, each in the log of its epoch, and returns when they are: one write and one
    /// `fdatasync` for each log, and for each 8,192 fingerprints. It blocks meanwhile. What belongs to an epoch
    /// whose key has been wiped is passed over: nothing opens its packets again.
    ///
    /// # Errors
    ///
    /// After [`TagLogError::NotDurable`], no packet of the batch may leave. The tags are kept and go with the next
    /// commit, whose success covers them: call again, with an empty batch if there is none. After any other error
    /// nothing of the batch was taken, and its packets must be dropped.
    pub fn commit(&mut self, batch: &[(u64, Fingerprint)]) -> Result<(), TagLogError> {
        self.table().commit(batch)
    }

    /// How many fingerprints wait for the disk after a failed commit.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.table().kept()
    }

    /// All logs, by epoch.
    #[must_use]
    pub fn sizes(&self) -> Vec<TagLogSize> {
        self.table().sizes()
    }

    /// Makes an empty log, and returns when it is durable. One that is there already stays.
    pub(super) fn create(&self, epoch: u64) -> Result<(), TagLogError> {
        if self.contains(epoch) {
            return Ok(());
        }
        let path = path(&self.dir, epoch);
        match private::write_new(&path, &format::header(epoch)) {
            // Of an attempt that failed when it had got its name: nothing was ever committed to it.
            Err(PrivateFileError::Exists(_)) => {
                self.remove(epoch)?;
                private::write_new(&path, &format::header(epoch))?;
            }
            other => other?,
        }
        let log = open_log(&self.dir, epoch)?;
        self.table().insert(epoch, log);
        Ok(())
    }

    /// Whether there is a log for `epoch`.
    pub(super) fn contains(&self, epoch: u64) -> bool {
        self.table().get(epoch).is_ok()
    }

    /// Removes the log of an epoch, open or not. Its key must be gone, durably.
    pub(super) fn remove(&self, epoch: u64) -> Result<(), TagLogError> {
        self.table().remove(epoch);
        let path = path(&self.dir, epoch);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                Err(PrivateFileError::Io { what: "remove", path, reason }.into())
            }
            _ => Ok(private::sync_parent(&path)?),
        }
    }

    /// Removes the logs of all epochs before `epoch`. Their keys must be gone, durably.
    pub(super) fn retire_before(&self, epoch: u64) -> Result<(), TagLogError> {
        self.table().retire_before(epoch);
        for old in epochs(&self.dir)?.into_iter().filter(|old| *old < epoch) {
            self.remove(old)?;
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A log's end moves only after its record is durable, so a panic elsewhere leaves nothing half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The epochs that there are logs for in `dir`, in order.
pub(super) fn epochs(dir: &Path) -> Result<Vec<u64>, PrivateFileError> {
    let failed = |reason| PrivateFileError::Io { what: "list", path: dir.to_owned(), reason };
    let mut epochs = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(FILE_PREFIX)?.strip_suffix(FILE_SUFFIX));
        epochs.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    epochs.sort_unstable();
    Ok(epochs)
}

fn path(dir: &Path, epoch: u64) -> PathBuf {
    dir.join(format!("{FILE_PREFIX}{epoch}{FILE_SUFFIX}"))
}

fn open_log(dir: &Path, epoch: u64) -> Result<Log, TagLogError> {
    let path = path(dir, epoch);
    let file = file::open(&path)?;
    Log::open(epoch, &path, Box::new(file))
}
