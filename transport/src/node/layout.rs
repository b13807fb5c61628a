//! Where things are in a node's directory, and how the directory is made.

use std::path::{Path, PathBuf};

use sotto_protocol::ident::{NodeId, NodeSecret};

use super::error::NodeError;
use super::identity_file;
use super::key_file::KeyFileError;
use crate::private;
use crate::rng::OsRng;
use crate::tor::{ONION_KEY_FILE, OnionKey};

/// The identity key.
#[must_use]
pub fn identity_file(dir: &Path) -> PathBuf {
    dir.join("identity.key")
}

/// The directory of the Sphinx keys.
#[must_use]
pub fn hop_keys_dir(dir: &Path) -> PathBuf {
    dir.join("hop-keys")
}

/// The last consensus.
#[must_use]
pub fn consensus_file(dir: &Path) -> PathBuf {
    dir.join("consensus")
}

/// The control socket, if it is not somewhere else.
#[must_use]
pub fn control_socket(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// The onion service's key.
#[must_use]
pub fn onion_key_file(dir: &Path) -> PathBuf {
    dir.join(ONION_KEY_FILE)
}

/// What Tor keeps for the onion service: its directory, guards, introduction points.
#[must_use]
pub fn tor_dir(dir: &Path) -> PathBuf {
    dir.join("tor")
}

/// The onion service's key. A node that has none yet gets one.
///
/// # Errors
///
/// When the file is not what it should be, or cannot be written.
pub fn onion_key(dir: &Path) -> Result<OnionKey, KeyFileError> {
    OnionKey::read_or_create(&onion_key_file(dir), &mut OsRng)
}

/// Makes a node's directory with a new identity and the configuration `text` in the file `name`, and returns the
/// node's name and the configuration's path.
///
/// # Errors
///
/// [`NodeError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten. Or when the files
/// cannot be made.
pub fn set_up(dir: &Path, name: &str, text: &str) -> Result<(NodeId, PathBuf), NodeError> {
    let (identity, config) = (identity_file(dir), dir.join(name));
    if let Some(there) = [&config, &identity].into_iter().find(|path| path.exists()) {
        return Err(NodeError::AlreadySetUp(there.clone()));
    }
    private::create_dir(dir)?;
    let secret = NodeSecret::generate(&mut OsRng);
    identity_file::create(&identity, &secret)?;
    private::write_new(&config, text.as_bytes())?;
    Ok((secret.id(), config))
}

/// Reads the identity key of a node that `program` makes.
///
/// # Errors
///
/// [`NodeError::Key`] when there is none, or the file is not what it should be.
pub fn read_identity(dir: &Path, program: &'static str) -> Result<NodeSecret, NodeError> {
    identity_file::read(&identity_file(dir)).map_err(NodeError::key(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("node");
        let (node, path) = set_up(&dir, "node.toml", "listen = 1").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "listen = 1");
        assert_eq!(set_up(&dir, "node.toml", "").unwrap_err().label(), "already-set-up");
        std::fs::remove_file(path).unwrap();
        let error = set_up(&dir, "node.toml", "").unwrap_err();
        assert_eq!(error.label(), "already-set-up", "the identity alone counts");
        assert_eq!(read_identity(&dir, "sotto-node").unwrap().id(), node);
    }

    #[test]
    fn a_missing_identity_is_an_error_that_says_what_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_identity(dir.path(), "sotto-node").unwrap_err();
        assert!(error.to_string().ends_with("make another node by `sotto-node init`"), "{error}");
        assert_eq!(error.label(), "io");
    }
}
