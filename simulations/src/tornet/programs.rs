//! Where C tor's programs are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::error::TornetError;

/// Where distributions put daemons, which is not always on a person's path.
const MORE_DIRS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/// The programs of C tor that a private network needs.
#[derive(Clone, Debug)]
pub struct TorPrograms {
    /// The relay, the authority, and the client.
    pub(super) tor: PathBuf,
    /// Makes an authority's long-term key and its certificate.
    pub(super) gencert: PathBuf,
}

impl TorPrograms {
    /// Looks on the path, and where distributions put daemons.
    ///
    /// # Errors
    /// [`TornetError::NoTor`] says what to install.
    pub fn find() -> Result<Self, TornetError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::find_on(&path)
    }

    fn find_on(path: &OsStr) -> Result<Self, TornetError> {
        let dirs: Vec<PathBuf> =
            std::env::split_paths(path).chain(MORE_DIRS.into_iter().map(PathBuf::from)).collect();
        Ok(Self { tor: find("tor", &dirs)?, gencert: find("tor-gencert", &dirs)? })
    }
}

/// The first file of this name, with links followed, so that a running process can be compared with it.
fn find(name: &'static str, dirs: &[PathBuf]) -> Result<PathBuf, TornetError> {
    dirs.iter()
        .map(|dir| dir.join(name))
        .find(|file| Path::is_file(file))
        .and_then(|file| file.canonicalize().ok())
        .ok_or(TornetError::NoTor(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        let error = find("tor-gencert", &[PathBuf::from("/nowhere")]).unwrap_err().to_string();
        assert!(error.contains("tor-gencert") && error.contains("apt-get install tor"), "{error}");
    }

    #[test]
    fn the_first_directory_with_the_program_counts() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&first, &second] {
            std::fs::write(dir.path().join("tor"), "").unwrap();
        }
        let dirs = [PathBuf::from("/nowhere"), first.path().to_owned(), second.path().to_owned()];
        assert_eq!(find("tor", &dirs).unwrap(), first.path().canonicalize().unwrap().join("tor"));
    }
}
