//! Files and directories that only their owner may read: keys, configuration with secrets, sockets.
//!
//! Files are made with mode 0600 and replaced atomically: at any moment, also after a crash, a file has its old
//! content or its new content, whole. What stands in a file is for its owner module to say.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The suffix of a file that is being written. One that is left over was never finished.
pub const UNFINISHED_SUFFIX: &str = ".unfinished";

const OTHERS_ACCESS: u32 = 0o077;

/// Why a private file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The operating system refused.
    #[error("cannot {what} {path}: {reason}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        reason: io::Error,
    },
    /// There is one already.
    #[error("{0} exists already; it is not overwritten")]
    Exists(PathBuf),
    /// Other users have access.
    #[error("{path} has mode {mode:03o}, so other users have access to it; run: chmod {wanted} {path}")]
    OpenToOthers {
        /// Which file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        wanted: &'static str,
    },
    /// Longer than anything that belongs there.
    #[error("{path} is longer than the {len_max} bytes that it can have; is it the right file?")]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// The limit in bytes.
        len_max: usize,
    },
}

impl PrivateFileError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Exists(_) => "exists",
            Self::OpenToOthers { .. } => "open-to-others",
            Self::TooLong { .. } => "too-long",
        }
    }

    /// Whether there was no such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { reason, .. } if reason.kind() == io::ErrorKind::NotFound)
    }
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> PrivateFileError + 'a {
    move |reason| PrivateFileError::Io { what, path: path.to_owned(), reason }
}

/// Makes sure that `path` is a directory of mode 0700, with its parents.
///
/// # Errors
///
/// When it cannot be made, or is there and open to other users. It is not closed to them silently: it
/// may be a directory that they need.
pub fn create_dir(path: &Path) -> Result<(), PrivateFileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make the directory", path))?;
    let metadata = fs::metadata(path).map_err(failed("examine", path))?;
    refuse_others(path, &metadata, "700")
}

/// Writes a file that must not exist yet, and returns when it is durable.
///
/// # Errors
///
/// [`PrivateFileError::Exists`], or when it cannot be written.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    let unfinished = write_unfinished(path, content)?;
    // A hard link, unlike a rename, does not replace what is there.
    let linked = fs::hard_link(&unfinished, path);
    let removed = fs::remove_file(&unfinished);
    match linked {
        Err(reason) if reason.kind() == io::ErrorKind::AlreadyExists => {
            return Err(PrivateFileError::Exists(path.to_owned()));
        }
        other => other.map_err(failed("write", path))?,
    }
    removed.map_err(failed("remove", &unfinished))?;
    sync_parent(path)
}

/// Writes a file, in place of the one that may be there, and returns when it is durable.
///
/// # Errors
///
/// When it cannot be written. What was there stays then.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    let unfinished = write_unfinished(path, content)?;
    fs::rename(&unfinished, path).map_err(failed("replace", path))?;
    sync_parent(path)
}

/// Reads a file of at most `len_max` bytes that no other user has access to.
///
/// # Errors
///
/// When it is absent ([`PrivateFileError::is_not_found`]), too long or open to others.
pub fn read(path: &Path, len_max: usize) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let metadata = file.metadata().map_err(failed("examine", path))?;
    refuse_others(path, &metadata, "600")?;
    // Room for everything from the start: a buffer that grows would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(len_max.saturating_add(1)));
    let limit = u64::try_from(len_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut content).map_err(failed("read", path))?;
    if content.len() > len_max {
        return Err(PrivateFileError::TooLong { path: path.to_owned(), len_max });
    }
    Ok(content)
}

/// Overwrites a file with zeros, durably, and removes it.
///
/// On flash storage and on file systems that copy on write, old blocks may survive this until they are reused:
/// there, only an encrypted disk keeps a removed key from a thief.
///
/// # Errors
///
/// When one of the steps fails; the file may be there still.
pub fn wipe(path: &Path) -> Result<(), PrivateFileError> {
    let mut file = OpenOptions::new().write(true).open(path).map_err(failed("open", path))?;
    let mut remaining_len = file.metadata().map_err(failed("examine", path))?.len();
    file.seek(SeekFrom::Start(0)).map_err(failed("overwrite", path))?;
    let zeros = [0; 4096];
    while remaining_len > 0 {
        let piece_len = usize::try_from(remaining_len).unwrap_or(zeros.len()).min(zeros.len());
        file.write_all(zeros.get(..piece_len).unwrap_or_default()).map_err(failed("overwrite", path))?;
        remaining_len = remaining_len.saturating_sub(u64::try_from(piece_len).unwrap_or(u64::MAX));
    }
    file.sync_all().map_err(failed("overwrite", path))?;
    fs::remove_file(path).map_err(failed("remove", path))?;
    sync_parent(path)
}

/// Removes the file that a write left unfinished at `unfinished`, wiping it first.
///
/// A crash can also fall between the moment when a new file got its name and the one when it lost this
/// one: then both name the same file, and it is a finished one.
///
/// # Errors
///
/// When it cannot be removed.
pub fn discard_unfinished(unfinished: &Path) -> Result<(), PrivateFileError> {
    let metadata = fs::metadata(unfinished).map_err(failed("examine", unfinished))?;
    if metadata.nlink() == 1 {
        return wipe(unfinished);
    }
    fs::remove_file(unfinished).map_err(failed("remove", unfinished))
}

fn write_unfinished(path: &Path, content: &[u8]) -> Result<PathBuf, PrivateFileError> {
    let mut name = OsString::from(path);
    name.push(UNFINISHED_SUFFIX);
    let unfinished = PathBuf::from(name);
    match discard_unfinished(&unfinished) {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .map_err(failed("write", &unfinished))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed("write", &unfinished))?;
    Ok(unfinished)
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), PrivateFileError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(failed("make durable", parent))
}

/// Refuses a file or directory that other users have access to, and tells the mode that is `wanted`.
pub(crate) fn refuse_others(
    path: &Path,
    metadata: &fs::Metadata,
    wanted: &'static str,
) -> Result<(), PrivateFileError> {
    let mode = metadata.mode() & 0o777;
    if mode & OTHERS_ACCESS != 0 {
        return Err(PrivateFileError::OpenToOthers { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_private_and_are_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(write_new(&path, b"two").unwrap_err().label(), "exists");
        assert_eq!(read(&path, 3).unwrap().as_slice(), b"one");
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path, 3).unwrap().as_slice(), b"two");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(dir.path()), ["key"]);
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"one").unwrap();
        // What a crash between writing and renaming leaves behind.
        write_unfinished(&path, b"tw").unwrap();
        assert_eq!(names(dir.path()), ["key", "key.unfinished"]);
        assert_eq!(read(&path, 3).unwrap().as_slice(), b"one");
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path, 3).unwrap().as_slice(), b"two");
        assert_eq!(names(dir.path()), ["key"]);
    }

    #[test]
    fn a_crash_just_after_the_naming_of_a_new_file_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let unfinished = write_unfinished(&path, b"one").unwrap();
        fs::hard_link(&unfinished, &path).unwrap();
        discard_unfinished(&unfinished).unwrap();
        assert_eq!(names(dir.path()), ["key"]);
        assert_eq!(read(&path, 3).unwrap().as_slice(), b"one");
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"one").unwrap();
        for open in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let error = read(&path, 3).unwrap_err();
            assert_eq!(error.label(), "open-to-others");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_too_long_or_absent_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(read(&path, 3).unwrap_err().is_not_found());
        write_new(&path, b"four").unwrap();
        assert_eq!(read(&path, 3).unwrap_err().label(), "too-long");
    }

    #[test]
    fn a_wiped_file_was_overwritten_before_it_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let long = vec![0xa5; 10_000];
        write_new(&path, &long).unwrap();
        // A second name of the same file shows what became of its bytes.
        let witness = dir.path().join("witness");
        fs::hard_link(&path, &witness).unwrap();
        wipe(&path).unwrap();
        assert_eq!(names(dir.path()), ["witness"]);
        assert_eq!(fs::read(&witness).unwrap(), vec![0; 10_000]);
    }

    #[test]
    fn directories_are_private_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a").join("b");
        create_dir(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(create_dir(&inner).unwrap_err().label(), "open-to-others");
        assert_eq!(mode(&inner), 0o755, "left as it was");
    }
}
