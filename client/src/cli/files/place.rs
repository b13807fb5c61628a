//! A new file in one directory: never outside of it, never in the place of another file.
//!
//! The directory is opened once and everything is done in it by name: the bytes go into a temporary file that nobody else can
//! have made, and get their name only when they are on the disk. A name has one component, so nothing can lead out. What is
//! there under the name already, a link included, is not touched and not followed.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use data_encoding::HEXLOWER;
use rand::RngExt;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, fsync, linkat, open, openat, renameat_with, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use sotto_transport::rng::OsRng;

use crate::shell::Failure;

/// The longest name that common file systems have, in bytes.
const NAME_LEN_MAX: usize = 255;

/// A file that is being written. Dropped before it is finished, it leaves nothing.
pub(super) struct Place {
    directory: OwnedFd,
    file: File,
    temporary: String,
    name: String,
    is_finished: bool,
}

/// A name that tells nothing of what the sender calls the file.
pub(super) fn default_name(contact: &str, seq: u64) -> String {
    let digest = Sha256::digest(contact.as_bytes());
    let short: String = HEXLOWER.encode(&digest).chars().take(8).collect();
    format!("sotto-{short}-{seq}.bin")
}

fn failed(what: &str, error: Errno) -> Failure {
    Failure::new("file-write", format!("{what}: {error}; choose another directory, or make room"))
}

/// Whether a name is one component and prints.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_wrong = name.is_empty()
        || name.len() > NAME_LEN_MAX
        || matches!(name, "." | "..")
        || name.contains(|character: char| matches!(character, '/' | '\\') || character.is_control());
    if is_wrong {
        let text = format!(
            "a name has 1 to {NAME_LEN_MAX} bytes, is not `.` or `..`, and has no separator and no control character; give the \
             directory with `--to`"
        );
        return Err(Failure::new("file-name", text));
    }
    Ok(())
}

impl Place {
    /// Begins a file of this name in a directory.
    pub(super) fn open(directory: &Path, name: &str) -> Result<Self, Failure> {
        check_name(name)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(directory, flags, Mode::empty())
            .map_err(|error| failed("the directory cannot be opened", error))?;
        let temporary = format!(".sotto-{}.part", HEXLOWER.encode(&OsRng.random::<[u8; 16]>()));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&directory, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| failed("no file can be made in the directory", error))?;
        Ok(Self { directory, file: file.into(), temporary, name: name.to_owned(), is_finished: false })
    }

    /// The next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| {
            Failure::new("file-write", format!("the file cannot be written: {error}; make room"))
        })
    }

    /// Makes it durable and gives it its name, unless there is something of that name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        fsync(&self.file).map_err(|error| failed("the file cannot be made durable", error))?;
        let (directory, temporary, name) = (&self.directory, &self.temporary, &self.name);
        let named = match renameat_with(directory, temporary, directory, name, RenameFlags::NOREPLACE) {
            // A file system without this has links, which do not replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(directory, temporary, directory, name, AtFlags::empty())
            }
            outcome => {
                self.is_finished = outcome.is_ok();
                outcome
            }
        };
        named.map_err(|error| match error {
            Errno::EXIST => Failure::new(
                "file-exists",
                "there is something of this name already, and it is not replaced; give another name with `--as`",
            ),
            error => failed("the file cannot get its name", error),
        })?;
        fsync(&self.directory).map_err(|error| failed("the directory cannot be made durable", error))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_finished {
            // If it cannot be removed there is nobody to tell: the failure that led here is told.
            let _removed = unlinkat(&self.directory, &self.temporary, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn entries(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn save(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut place = Place::open(directory, name)?;
        place.write(bytes)?;
        place.finish()
    }

    #[test]
    fn a_file_is_written_whole_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        save(directory.path(), "photo.jpg", b"bytes").unwrap();
        let path = directory.path().join("photo.jpg");
        assert_eq!(fs::read(&path).unwrap(), b"bytes");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(entries(directory.path()), ["photo.jpg"]);
    }

    #[test]
    fn nothing_is_replaced_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("target");
        fs::write(directory.path().join("there"), b"mine").unwrap();
        symlink(&target, directory.path().join("dangling")).unwrap();
        fs::write(outside.path().join("other"), b"mine").unwrap();
        symlink(outside.path().join("other"), directory.path().join("link")).unwrap();
        fs::create_dir(directory.path().join("directory")).unwrap();
        for name in ["there", "dangling", "link", "directory"] {
            assert_eq!(save(directory.path(), name, b"theirs").unwrap_err().label, "file-exists");
        }
        assert!(!target.exists());
        assert_eq!(fs::read(outside.path().join("other")).unwrap(), b"mine");
        assert_eq!(fs::read(directory.path().join("there")).unwrap(), b"mine");
        assert_eq!(entries(directory.path()), ["dangling", "directory", "link", "there"], "nothing stays");
    }

    #[test]
    fn a_name_is_one_component() {
        let directory = tempfile::tempdir().unwrap();
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\\b", "a\0b", "a\nb", "\u{1b}[2J", &long]
        {
            assert_eq!(save(directory.path(), name, b"x").unwrap_err().label, "file-name", "{name:?}");
        }
        assert!(entries(directory.path()).is_empty());
        assert_eq!(default_name("../../x", 7), default_name("../../x", 7));
        check_name(&default_name("../../x", 7)).unwrap();
        assert_ne!(default_name("bob", 7), default_name("alice", 7));
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut place = Place::open(directory.path(), "x").unwrap();
        place.write(b"half").unwrap();
        drop(place);
        assert!(entries(directory.path()).is_empty());
        let error = Place::open(&directory.path().join("none"), "x").err().unwrap();
        assert_eq!(error.label, "file-write");
    }
}
