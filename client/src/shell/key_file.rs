//! Key files on the disk: read, and made.
//!
//! A key file may lie on a stick whose file system knows no modes, so nobody checks the mode of one that is there. What its
//! content is good for is told in [`KeyFile`].

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sotto_transport::rng::OsRng;
use zeroize::Zeroizing;

use super::Failure;
use crate::vault::{KEY_FILE_LEN_MAX, KeyFile};

/// The mode of a key file that is made here.
const KEY_FILE_MODE: u32 = 0o600;

/// Reads a key file.
///
/// # Errors
/// `key-file-missing`, `key-file-io`, and `key-file-length` if it cannot be one.
pub(super) fn read(path: &Path) -> Result<KeyFile, Failure> {
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Failure::new(
            "key-file-missing",
            format!(
                "there is no key file {}: connect the medium that it is on, or correct --key-file",
                path.display()
            ),
        ),
        _ => Failure::new("key-file-io", format!("cannot read the key file {}: {error}", path.display())),
    };
    let file = File::open(path).map_err(io)?;
    let one_more = KEY_FILE_LEN_MAX.saturating_add(1);
    // Room for everything from the start, as far as the length is known: a buffer that grows leaves copies behind.
    let len = file.metadata().map_or(0, |about| usize::try_from(about.len()).unwrap_or(one_more));
    let mut content = Zeroizing::new(Vec::with_capacity(len.min(one_more).saturating_add(1)));
    file.take(u64::try_from(one_more).unwrap_or(u64::MAX)).read_to_end(&mut content).map_err(io)?;
    Ok(KeyFile::from_bytes(content)?)
}

/// Makes a key file of random bytes, unless there is a file already. Whether it did.
///
/// # Errors
/// `key-file-io`.
pub(super) fn make_if_missing(path: &Path) -> Result<bool, Failure> {
    let io = |error: std::io::Error| {
        Failure::new("key-file-io", format!("cannot write the key file {}: {error}", path.display()))
    };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(KEY_FILE_MODE).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(io(error)),
    };
    let content = KeyFile::generate(&mut OsRng);
    // On the disk before a slot needs it.
    file.write_all(&content).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("key");
        assert_eq!(read(&path).unwrap_err().label, "key-file-missing");
        assert!(make_if_missing(&path).unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let content = std::fs::read(&path).unwrap();
        assert!(!make_if_missing(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), content);
        read(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_a_key_file_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("key");
        for len in [0, 31, KEY_FILE_LEN_MAX + 1] {
            std::fs::write(&path, vec![7; len]).unwrap();
            assert_eq!(read(&path).unwrap_err().label, "key-file-length", "{len}");
        }
        std::fs::write(&path, vec![7; KEY_FILE_LEN_MAX]).unwrap();
        read(&path).unwrap();
        assert_eq!(read(root.path()).unwrap_err().label, "key-file-io");
        assert_eq!(make_if_missing(Path::new("/no/such/key")).unwrap_err().label, "key-file-io");
    }
}
