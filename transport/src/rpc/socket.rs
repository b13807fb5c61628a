//! The socket file: private, and taken over only from a process that is gone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixListener;

use crate::private::{self, PrivateFileError};

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum RpcServerError {
    /// A server answers there.
    #[error("a process is already serving on {0}; stop it first")]
    AlreadyServed(PathBuf),
    /// Something is in the way.
    #[error("{0} is there and is not a socket; move it away")]
    NotASocket(PathBuf),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] PrivateFileError),
    /// The operating system refused.
    #[error("cannot serve on {path}: {reason}{}", hint(.path))]
    Io {
        /// On which path.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}

impl RpcServerError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::AlreadyServed(_) => "already-served",
            Self::NotASocket(_) => "not-a-socket",
            Self::Directory(error) => error.label(),
            Self::Io { .. } => "io",
        }
    }
}

/// The longest path of a Unix socket, in bytes (`sun_path`, less its terminator).
const SOCKET_PATH_LEN_MAX: usize = 107;

fn hint(path: &Path) -> &'static str {
    if path.as_os_str().len() > SOCKET_PATH_LEN_MAX {
        "; the path of a socket can have 107 bytes: choose a shorter directory"
    } else {
        ""
    }
}

/// A socket file that is removed on drop.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nobody is left to tell. The next server finds that nobody answers there, and removes it.
        let _removed = fs::remove_file(&self.0);
    }
}

/// Listens on `path`, with mode 0600, in a directory of mode 0700.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), RpcServerError> {
    let dir = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    private::create_dir(dir)?;
    let failed = |reason| RpcServerError::Io { path: path.to_owned(), reason };
    // Of two servers that start at once, the second looks only after the first answers.
    let lock = File::open(dir).map_err(failed)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    // Until here the directory's mode alone has kept others out.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok((listener, file))
}

fn remove_stale(path: &Path) -> Result<(), RpcServerError> {
    let failed = |reason| RpcServerError::Io { path: path.to_owned(), reason };
    match fs::symlink_metadata(path) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(reason) => return Err(failed(reason)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(RpcServerError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(RpcServerError::AlreadyServed(path.to_owned())),
        Err(reason) if reason.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(reason) => Err(failed(reason)),
    }
}
