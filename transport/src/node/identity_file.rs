//! A node's identity on disk: one file, made once, read at each start.

use std::path::Path;

use sotto_protocol::ident::NodeSecret;

use super::key_file::{self, KeyFileError};
use crate::private::{self, PrivateFileError};

const NAME: &str = "sotto-identity-1";

/// Writes a new identity, readable for its owner only.
///
/// # Errors
///
/// When there is one already (an identity is not overwritten), or it cannot be written.
pub fn create(path: &Path, secret: &NodeSecret) -> Result<(), PrivateFileError> {
    private::write_new(path, &key_file::encode(NAME, &secret.to_seed()))
}

/// Reads the identity.
///
/// # Errors
///
/// When the file is absent, malformed, or other users have access to it.
pub fn read(path: &Path) -> Result<NodeSecret, KeyFileError> {
    Ok(NodeSecret::from_seed(&key_file::read(path, NAME)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::rng::OsRng;

    #[test]
    fn an_identity_comes_back_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let secret = NodeSecret::generate(&mut OsRng);
        create(&path, &secret).unwrap();
        assert_eq!(read(&path).unwrap().id(), secret.id());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path, &NodeSecret::generate(&mut OsRng)).unwrap_err().label(), "exists");
        assert_eq!(read(&path).unwrap().id(), secret.id());
    }

    #[test]
    fn a_malformed_or_exposed_identity_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        private::write_new(&path, b"sotto-hop-key-1 00").unwrap();
        assert_eq!(read(&path).unwrap_err().label(), "malformed-key-file");
        private::replace(&path, &key_file::encode(NAME, &NodeSecret::generate(&mut OsRng).to_seed()))
            .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path).unwrap_err().label(), "open-to-others");
    }
}
