//! Backup files on disk: written once, never over another file, and read with a limit.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{BACKUP_LEN_MAX, BackupError};

/// Writes a new file for this user alone, and returns when it is durable. A stick that knows no permissions will do.
///
/// # Errors
/// [`BackupError::Exists`] and [`BackupError::Io`]; of a file that could not be finished nothing is left.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let io = |reason: io::Error| BackupError::Io { action: "write", path: path.to_owned(), reason };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(path.to_owned()));
        }
        opened => opened.map_err(io)?,
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // It is of no use; that it could not be written is what is told.
        let _removed = std::fs::remove_file(path);
    }
    written.map_err(io)
}

/// Reads a file.
///
/// # Errors
/// [`BackupError::Io`], or [`BackupError::TooLong`].
pub fn read(path: &Path) -> Result<Vec<u8>, BackupError> {
    let io = |reason: io::Error| BackupError::Io { action: "read", path: path.to_owned(), reason };
    let file = File::open(path).map_err(io)?;
    let limit = u64::try_from(BACKUP_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > BACKUP_LEN_MAX {
        return Err(BackupError::TooLong { len: bytes.len() });
    }
    Ok(bytes)
}
