//! The lock that makes one process the owner of a profile.
//!
//! It is a lock of the operating system on an open file (`flock`), so a killed process leaves none behind.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sotto_transport::clock::Clock;

use super::Profile;

/// How long to wait for a process that has the lock to finish, or to begin to answer.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often to look meanwhile.
pub(super) const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Why the profile cannot be owned.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process owns it.
    #[error(
        "another sotto process{} is using profile {name:?}: wait until it has finished, or stop it",
        pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Busy {
        /// The profile.
        name: String,
        /// The process, if it said so.
        pid: Option<u32>,
    },
    /// The file system refused.
    #[error("cannot lock {}: {reason}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

impl LockError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "profile-busy",
            Self::Io { .. } => "lock-io",
        }
    }
}

/// Ownership of a profile, until it is dropped.
#[derive(Debug)]
pub struct ProfileLock {
    _file: File,
}

impl ProfileLock {
    /// Takes the lock, and gives a command that is about to finish the time for it.
    ///
    /// # Errors
    /// As [`ProfileLock::take`], after ten seconds.
    pub async fn wait(profile: &Profile) -> Result<Self, LockError> {
        let clock = Clock::system();
        let give_up_at = clock.now() + BUSY_WAIT_MAX;
        loop {
            match Self::take(profile) {
                Err(LockError::Busy { .. }) if clock.now() < give_up_at => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                taken => return taken,
            }
        }
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    /// [`LockError::Busy`] if another process, or another part of this one, has it.
    pub fn take(profile: &Profile) -> Result<Self, LockError> {
        let path = profile.lock_file();
        let io = |reason| LockError::Io { path: path.clone(), reason };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                let mut text = String::new();
                let read = file.take(16).read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Busy { name: profile.name().to_owned(), pid });
            }
            Err(error) => return Err(io(error.into())),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_free_again_when_dropped() {
        let root = tempfile::tempdir().unwrap();
        let profile = Profile::within("alice", root.path(), None).unwrap();
        assert_eq!(ProfileLock::take(&profile).unwrap_err().label(), "lock-io", "no directory yet");
        profile.create_directories().unwrap();
        let lock = ProfileLock::take(&profile).unwrap();
        let refused = ProfileLock::take(&profile).unwrap_err();
        assert_eq!(refused.label(), "profile-busy");
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        drop(lock);
        assert!(ProfileLock::take(&profile).is_ok());
    }
}
