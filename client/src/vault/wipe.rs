//! Destroying a vault without opening it: keys first, then the names.
//!
//! Without `vault.keys` and `vault.erasure` the records are noise, so only those two are overwritten, whatever
//! they hold. What that means on flash memory and copy-on-write file systems is in `docs/vault.md`.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::VaultError;
use super::medium::{erasure_path, keys_path, sync_directory, unfinished_path};

/// At least so much is overwritten, in bytes, even of a file that was cut short.
const OVERWRITE_LEN_MIN: u64 = 8192;
/// At most so much is overwritten, in bytes: the files are 8 KiB.
const OVERWRITE_LEN_MAX: u64 = 1024 * 1024;

/// Does everything that it can, then reports the first failure.
pub(super) fn wipe(records: &Path) -> Result<(), VaultError> {
    let mut failures = Vec::new();
    let mut attempt = |action: &'static str, path: PathBuf, result: io::Result<()>| match result {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            failures.push(VaultError::Io { action, path, source });
        }
        _ => {}
    };
    let keys = [keys_path(records), erasure_path(records)];
    for path in &keys {
        attempt("overwrite", path.clone(), overwrite(path));
    }
    for path in keys.into_iter().chain([records.to_owned(), unfinished_path(records)]) {
        let result = fs::remove_file(&path);
        attempt("remove", path, result);
    }
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => sync_directory(records),
    }
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let len = file.metadata()?.len().clamp(OVERWRITE_LEN_MIN, OVERWRITE_LEN_MAX);
    file.write_all(&vec![0; usize::try_from(len).unwrap_or_default()])?;
    file.sync_all()
}
