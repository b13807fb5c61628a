//! A node's Sphinx keys on disk, one file per epoch, wiped when the epoch has passed, each with the log of the
//! replay tags seen under it.
//!
//! Forward secrecy rests on the wiping: who takes a node's disk afterwards cannot open packets recorded
//! before. See [`private::wipe`] for what a disk may remember all the same.
//!
//! Protection from replays rests on the log: a key whose tags are not known must not be used, since what it has
//! opened would pass again. So a log is durable before its key is written, and goes after its key is wiped. A crash in
//! between leaves a log without a key, which is removed at the next start; a key without a log is wiped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::CryptoRng;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sotto_protocol::sphinx::HopSecret;

use super::key_file::{self, KeyFileError};
use super::tag_log::{self, TagLogs};
use crate::clock::Stopwatch;
use crate::private::{self, PrivateFileError, UNFINISHED_SUFFIX};

const NAME: &str = "sotto-hop-key-1";
const FILE_PREFIX: &str = "epoch-";
const FILE_SUFFIX: &str = ".key";

/// The label of a key that was wiped because there was no log of its tags.
pub const KEY_WITHOUT_TAGS: &str = "key-without-tags";

/// How long to wait for a node that is ending.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);

/// The directory of a node's epoch keys, and of the logs of their replay tags.
#[derive(Debug)]
pub struct EpochKeys {
    dir: PathBuf,
    logs: TagLogs,
    distrusted: Vec<DistrustedKey>,
}

/// A key that was wiped at the start, because not all tags that were seen under it are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistrustedKey {
    /// Its epoch.
    pub epoch: u64,
    /// Why: [`KEY_WITHOUT_TAGS`], or the label of what is wrong with the log.
    pub label: &'static str,
}

impl EpochKeys {
    /// Opens the directory, making it if need be. A key that a crash left half written is wiped: nobody was
    /// told of its public half. One that a crash left half wiped is removed. Wiped is a key without a log of its tags, or with a damaged one: see
    /// [`distrusted`](Self::distrusted).
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or read, or is open to other users, or a log cannot be read; or when another
    /// process works with these keys.
    pub fn open(dir: &Path) -> Result<Self, KeyFileError> {
        private::create_dir(dir)?;
        let lock = lock(dir)?;
        for path in paths(dir)? {
            if path.as_os_str().as_encoded_bytes().ends_with(UNFINISHED_SUFFIX.as_bytes()) {
                private::discard_unfinished(&path)?;
            }
        }
        let (logs, damaged) = TagLogs::open(dir, lock)?;
        let mut keys = Self { dir: dir.to_owned(), logs, distrusted: Vec::new() };
        for epoch in keys.epochs()? {
            let path = keys.path(epoch);
            if key_file::is_wiped(&path)? {
                private::wipe(&path)?;
            }
        }
        for epoch in keys.epochs()?.into_iter().filter(|epoch| !keys.logs.contains(*epoch)) {
            let label = damaged
                .iter()
                .find(|(damaged, _)| *damaged == epoch)
                .map_or(KEY_WITHOUT_TAGS, |(_, error)| error.label());
            private::wipe(&keys.path(epoch))?;
            tracing::warn!(
                label,
                epoch,
                "the key was wiped: what it opened before would pass again, since its replay tags are not all known"
            );
            keys.distrusted.push(DistrustedKey { epoch, label });
        }
        let with_key = keys.epochs()?;
        for epoch in tag_log::epochs(dir)?.into_iter().filter(|epoch| !with_key.contains(epoch)) {
            keys.logs.remove(epoch)?;
        }
        Ok(keys)
    }

    /// The keys that were wiped by [`open`](Self::open) because their tags are not known. Packets for them are lost
    /// until the network knows the keys that take their place.
    #[must_use]
    pub fn distrusted(&self) -> &[DistrustedKey] {
        &self.distrusted
    }

    /// The logs of replay tags, one for each key.
    #[must_use]
    pub fn tag_logs(&self) -> TagLogs {
        self.logs.clone()
    }

    /// All keys on disk, by epoch.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub fn load(&self) -> Result<Vec<(u64, HopSecret)>, KeyFileError> {
        self.epochs()?.into_iter().map(|epoch| Ok((epoch, self.read(epoch)?))).collect()
    }

    /// Stores the key of `epoch` after an empty log for its tags, and returns when both are durable. The key may be
    /// announced from then on.
    ///
    /// # Errors
    ///
    /// When there is one already: packets may be under way that only the old one opens. Or when it cannot be
    /// written.
    pub fn store(&self, epoch: u64, secret: &HopSecret) -> Result<(), KeyFileError> {
        self.logs.create(epoch)?;
        Ok(private::write_new(&self.path(epoch), &key_file::encode(NAME, &secret.to_bytes()))?)
    }

    /// The key of `epoch`, made and stored if there is none.
    ///
    /// # Errors
    ///
    /// When it can neither be read nor written.
    pub fn ensure(&self, epoch: u64, rng: &mut impl CryptoRng) -> Result<HopSecret, KeyFileError> {
        match self.read(epoch) {
            Err(KeyFileError::File(error)) if error.is_not_found() => {
                let secret = HopSecret::generate(rng);
                self.store(epoch, &secret)?;
                Ok(secret)
            }
            other => other,
        }
    }

    /// Wipes all keys of epochs before `epoch`, then removes the logs of their tags, and returns which.
    ///
    /// # Errors
    ///
    /// When one of them cannot be wiped; those before it are gone. Or when a log cannot be removed.
    pub fn retire_before(&self, epoch: u64) -> Result<Vec<u64>, KeyFileError> {
        let mut retired = self.epochs()?;
        retired.retain(|old| *old < epoch);
        for old in &retired {
            private::wipe(&self.path(*old))?;
        }
        self.logs.retire_before(epoch)?;
        Ok(retired)
    }

    /// The epochs that there are keys for, in order.
    fn epochs(&self) -> Result<Vec<u64>, KeyFileError> {
        let mut epochs: Vec<u64> =
            paths(&self.dir)?.iter().filter_map(|path| epoch_of(path.file_name()?)).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    fn read(&self, epoch: u64) -> Result<HopSecret, KeyFileError> {
        Ok(HopSecret::from_bytes(key_file::read(&self.path(epoch), NAME)?))
    }

    fn path(&self, epoch: u64) -> PathBuf {
        self.dir.join(format!("{FILE_PREFIX}{epoch}{FILE_SUFFIX}"))
    }
}

fn paths(dir: &Path) -> Result<Vec<PathBuf>, KeyFileError> {
    let failed = |reason| PrivateFileError::Io { what: "list", path: dir.to_owned(), reason };
    let entries = fs::read_dir(dir).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

/// Takes the directory for this process, for as long as anybody has the file that is returned. Two processes with the
/// same keys would not know each other's tags, and would write over each other's logs.
fn lock(dir: &Path) -> Result<File, KeyFileError> {
    let failed = |reason| PrivateFileError::Io { what: "open", path: dir.to_owned(), reason };
    let file = File::open(dir).map_err(failed)?;
    let began = Stopwatch::start();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            // A node that is ending in this very process lets go within moments.
            Err(Errno::WOULDBLOCK) if began.elapsed() < LOCK_WAIT_MAX => std::thread::yield_now(),
            Err(Errno::WOULDBLOCK) => return Err(KeyFileError::InUse(dir.to_owned())),
            Err(error) => return Err(failed(error.into()).into()),
        }
    }
}

fn epoch_of(file_name: &OsStr) -> Option<u64> {
    file_name.to_str()?.strip_prefix(FILE_PREFIX)?.strip_suffix(FILE_SUFFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::rng::OsRng;

    #[test]
    fn a_key_is_made_once_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let keys = EpochKeys::open(&dir.path().join("keys")).unwrap();
        let made = keys.ensure(7, &mut OsRng).unwrap().public();
        assert_eq!(keys.ensure(7, &mut OsRng).unwrap().public(), made);
        assert_eq!(keys.store(7, &HopSecret::generate(&mut OsRng)).unwrap_err().label(), "exists");
        keys.ensure(10, &mut OsRng).unwrap();
        keys.ensure(9, &mut OsRng).unwrap();
        let loaded = keys.load().unwrap();
        assert_eq!(loaded.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [7, 9, 10]);
        assert_eq!(loaded[0].1.public(), made);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&keys.dir), 0o700);
        assert_eq!(mode(&keys.path(7)), 0o600);
    }

    #[test]
    fn a_retired_key_is_overwritten_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let keys = EpochKeys::open(&dir.path().join("keys")).unwrap();
        for epoch in 5..9 {
            keys.ensure(epoch, &mut OsRng).unwrap();
        }
        let witness = dir.path().join("witness");
        fs::hard_link(keys.path(6), &witness).unwrap();
        assert_eq!(keys.retire_before(7).unwrap(), [5, 6]);
        assert_eq!(keys.epochs().unwrap(), [7, 8]);
        assert!(fs::read(&witness).unwrap().iter().all(|byte| *byte == 0));
        assert!(keys.retire_before(7).unwrap().is_empty());
    }

    #[test]
    fn a_half_written_key_is_gone_after_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let keys = EpochKeys::open(&path).unwrap();
        keys.ensure(5, &mut OsRng).unwrap();
        let unfinished = path.join(format!("epoch-6.key{UNFINISHED_SUFFIX}"));
        fs::write(&unfinished, b"sotto-hop-key-1 0123").unwrap();
        drop(keys);
        let keys = EpochKeys::open(&path).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(keys.epochs().unwrap(), [5]);
    }

    #[test]
    fn a_second_process_does_not_get_the_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let keys = EpochKeys::open(&path).unwrap();
        let logs = keys.tag_logs();
        drop(keys);
        let error = EpochKeys::open(&path).unwrap_err();
        assert_eq!(error.label(), "keys-in-use");
        assert!(error.to_string().contains("another process"), "{error}");
        drop(logs);
        EpochKeys::open(&path).unwrap();
    }

    #[test]
    fn a_malformed_key_is_an_error_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let keys = EpochKeys::open(&dir.path().join("keys")).unwrap();
        private::write_new(&keys.path(5), b"sotto-hop-key-1 0123").unwrap();
        assert_eq!(keys.ensure(5, &mut OsRng).unwrap_err().label(), "malformed-key-file");
        assert_eq!(keys.load().unwrap_err().label(), "malformed-key-file");
    }
}
