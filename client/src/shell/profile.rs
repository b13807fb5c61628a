//! Where a profile's files lie, after the XDG base directory specification.
//!
//! ```text
//! $XDG_DATA_HOME/sotto/<profile>/     vault.redb, vault.keys, vault.erasure, network.txt, config.toml, consensus.bin, lock, tor/
//! $XDG_RUNTIME_DIR/sotto/<profile>.sock       or <profile directory>/run/<profile>.sock if that is not set
//! ```
//!
//! Nothing is read or written here, except that [`Profile::create_directories`] makes the directories.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use sotto_transport::private::{self, PrivateFileError};

/// The longest name of a profile, in bytes.
const PROFILE_NAME_LEN_MAX: usize = 32;
/// The longest path of a Unix socket: the size of `sun_path` on the smallest supported system, less one.
const SOCKET_PATH_LEN_MAX: usize = 103;

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The name would not do as a file name.
    #[error(
        "a profile's name has 1 to {PROFILE_NAME_LEN_MAX} characters of a-z, 0-9, - and _: {0:?} has not"
    )]
    Name(String),
    /// The system does not say where this user's files go.
    #[error("cannot tell where your files go: set HOME or XDG_DATA_HOME to an absolute path")]
    Home,
    /// The socket's path is longer than the system allows.
    #[error(
        "the socket path {} has {} bytes, more than the {SOCKET_PATH_LEN_MAX} that a Unix socket can have: set \
         XDG_RUNTIME_DIR to a shorter path",
        .0.display(),
        .0.as_os_str().len()
    )]
    SocketPath(PathBuf),
    /// The profile was never made.
    #[error("there is no profile {name:?} in {}: make one with `sotto init`", directory.display())]
    Missing {
        /// Its name.
        name: String,
        /// Where it would be.
        directory: PathBuf,
    },
    /// The profile is there already.
    #[error(
        "there is a profile {name:?} in {} already: it was left as it is; use another --profile name, or \
         remove that directory if nothing in it matters",
        directory.display()
    )]
    Exists {
        /// Its name.
        name: String,
        /// Where it is.
        directory: PathBuf,
    },
}

impl ProfileError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Name(_) => "profile-name",
            Self::Home => "home-unknown",
            Self::SocketPath(_) => "socket-path",
            Self::Missing { .. } => "profile-missing",
            Self::Exists { .. } => "profile-exists",
        }
    }
}

/// One profile's places.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    name: String,
    directory: PathBuf,
    runtime: PathBuf,
}

impl Profile {
    /// Where the environment puts the profile of this name.
    ///
    /// # Errors
    /// [`ProfileError::Name`], [`ProfileError::Home`] or [`ProfileError::SocketPath`].
    pub fn locate(name: &str) -> Result<Self, ProfileError> {
        let xdg = Xdg::new().map_err(|_| ProfileError::Home)?;
        Self::within(name, &xdg.data_dir(), xdg.runtime_dir().as_deref())
    }

    /// The profile of this name below a data directory and a runtime directory.
    ///
    /// # Errors
    /// [`ProfileError::Name`] or [`ProfileError::SocketPath`].
    pub fn within(name: &str, data: &Path, runtime: Option<&Path>) -> Result<Self, ProfileError> {
        let fits = (1..=PROFILE_NAME_LEN_MAX).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !fits {
            return Err(ProfileError::Name(name.to_owned()));
        }
        let directory = data.join("sotto").join(name);
        let runtime = runtime.map_or_else(|| directory.join("run"), |runtime| runtime.join("sotto"));
        let profile = Self { name: name.to_owned(), directory, runtime };
        let socket = profile.socket();
        if socket.as_os_str().len() > SOCKET_PATH_LEN_MAX {
            return Err(ProfileError::SocketPath(socket));
        }
        Ok(profile)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory of everything that lasts.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.directory.join("vault.redb")
    }

    /// The network's link, as text.
    #[must_use]
    pub fn network_file(&self) -> PathBuf {
        self.directory.join("network.txt")
    }

    /// The user's choices.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    /// The newest consensus: public and signed, kept so that a start needs no authority.
    #[must_use]
    pub fn consensus_file(&self) -> PathBuf {
        self.directory.join("consensus.bin")
    }

    /// What the built-in Tor client keeps: relays, guards, keys for restricted discovery.
    #[must_use]
    pub fn tor_dir(&self) -> PathBuf {
        self.directory.join("tor")
    }

    /// The file whose lock the owning process holds.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.directory.join("lock")
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime.join(format!("{}.sock", self.name))
    }

    /// Whether the profile has been made.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.vault().exists()
    }

    /// Makes the directories, mode 0700.
    ///
    /// # Errors
    /// When one cannot be made, or is there and open to other users.
    pub fn create_directories(&self) -> Result<(), PrivateFileError> {
        private::create_dir(&self.directory)?;
        private::create_dir(&self.runtime)
    }

    /// Refuses a profile that was never made.
    ///
    /// # Errors
    /// [`ProfileError::Missing`].
    pub fn require(&self) -> Result<(), ProfileError> {
        if self.exists() {
            return Ok(());
        }
        Err(ProfileError::Missing { name: self.name.clone(), directory: self.directory.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_files_lie_where_the_specification_says() {
        let profile = Profile::within("alice", Path::new("/data"), Some(Path::new("/run/user/1"))).unwrap();
        assert_eq!(profile.vault(), Path::new("/data/sotto/alice/vault.redb"));
        assert_eq!(profile.socket(), Path::new("/run/user/1/sotto/alice.sock"));
        let without = Profile::within("alice", Path::new("/data"), None).unwrap();
        assert_eq!(without.socket(), Path::new("/data/sotto/alice/run/alice.sock"));
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        for name in ["", "..", "a/b", "A", "a b", "a\n", "ä", &"a".repeat(33)] {
            let refused = Profile::within(name, Path::new("/data"), None).unwrap_err();
            assert_eq!(refused.label(), "profile-name", "{name:?}");
        }
        assert!(Profile::within(&"a".repeat(32), Path::new("/d"), None).is_ok());
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_refused_with_its_length() {
        let long = PathBuf::from(format!("/{}", "x".repeat(120)));
        let refused = Profile::within("alice", Path::new("/d"), Some(&long)).unwrap_err();
        assert_eq!(refused.label(), "socket-path");
        assert!(refused.to_string().contains("XDG_RUNTIME_DIR"), "{refused}");
    }

    #[test]
    fn the_directories_are_for_their_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let (data, run) = (root.path().join("data"), root.path().join("run"));
        let profile = Profile::within("alice", &data, Some(&run)).unwrap();
        profile.create_directories().unwrap();
        for directory in [profile.directory(), run.join("sotto").as_path()] {
            assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(profile.require().unwrap_err().label(), "profile-missing");
    }
}
