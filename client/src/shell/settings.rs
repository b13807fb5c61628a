//! The profile's plain files: which network it belongs to, and ([`super::config`]) the user's choices.
//!
//! Neither is secret from whoever has the device: who reads them learns that this is a Sotto profile and which
//! network it uses. Names, contacts and messages are in the vault only.

use std::path::PathBuf;

use sotto_protocol::directory::{NETWORK_LINK_LEN_MAX, NetworkInfo, NetworkLinkError};
use sotto_transport::private::{self, PrivateFileError};

use sotto_transport::tor::TorError;

use super::Profile;
use crate::core::RoutePlanError;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The network's link is not one.
    #[error(transparent)]
    Network(#[from] NetworkLinkError),
    /// The file given for a network cannot be read.
    #[error("{given:?} is neither a network link (`sotto:network:...`) nor a file with one: {reason}")]
    NetworkFile {
        /// What was given.
        given: String,
        /// Why it cannot be read.
        reason: std::io::Error,
    },
    /// `config.toml` is malformed.
    #[error("{} is not valid, correct it: {}", path.display(), reason.trim_end())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The routes in `config.toml` make no plan.
    #[error("{} has routes that do not go together: {reason}", path.display())]
    Routes {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: RoutePlanError,
    },
    /// The `[tor]` table of `config.toml` contradicts itself.
    #[error("the [tor] table of {} cannot be used: {reason}", path.display())]
    Tor {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: TorError,
    },
}

impl SettingsError {
    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::File(error) => error.label(),
            Self::Network(error) => error.label(),
            Self::NetworkFile { .. } => "network-file",
            Self::Config { .. } => "config",
            Self::Routes { reason, .. } => reason.label(),
            Self::Tor { reason, .. } => reason.label(),
        }
    }
}

/// Reads a network from its link, or from a file that holds the link.
///
/// # Errors
/// [`SettingsError::Network`] or [`SettingsError::NetworkFile`].
pub fn network_from(given: &str) -> Result<NetworkInfo, SettingsError> {
    if given.trim_start().starts_with("sotto:") {
        return Ok(given.parse()?);
    }
    let unreadable = |reason| SettingsError::NetworkFile { given: given.to_owned(), reason };
    let file = std::fs::File::open(given).map_err(unreadable)?;
    let mut text = String::new();
    let limit = u64::try_from(NETWORK_LINK_LEN_MAX).unwrap_or(u64::MAX).saturating_add(2);
    std::io::Read::read_to_string(&mut std::io::Read::take(file, limit), &mut text).map_err(unreadable)?;
    Ok(text.parse()?)
}

/// Reads the profile's network.
///
/// # Errors
/// [`SettingsError::File`] or [`SettingsError::Network`].
pub fn read_network(profile: &Profile) -> Result<NetworkInfo, SettingsError> {
    let bytes = private::read(&profile.network_file(), NETWORK_LINK_LEN_MAX.saturating_add(1))?;
    Ok(String::from_utf8_lossy(&bytes).parse()?)
}

/// Writes the profile's network.
///
/// # Errors
/// [`SettingsError::File`] or [`SettingsError::Network`].
pub fn write_network(profile: &Profile, network: &NetworkInfo) -> Result<(), SettingsError> {
    let text = format!("{}\n", network.to_link()?);
    Ok(private::replace(&profile.network_file(), text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::AuthorityEntry;
    use sotto_protocol::ident::NodeSecret;
    use zeroize::Zeroizing;

    use super::*;

    fn network() -> NetworkInfo {
        let key = NodeSecret::from_seed(&Zeroizing::new([3; 32])).id();
        let authorities =
            vec![AuthorityEntry { key, address: "127.0.0.1:9".to_owned(), onion_address: None }];
        NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 }
    }

    fn profile(root: &std::path::Path) -> Profile {
        let profile = Profile::within("alice", root, None).unwrap();
        profile.create_directories().unwrap();
        profile
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let profile = profile(root.path());
        write_network(&profile, &network()).unwrap();
        assert_eq!(read_network(&profile).unwrap(), network());
    }

    #[test]
    fn a_network_comes_from_a_link_or_a_file() {
        let root = tempfile::tempdir().unwrap();
        let link = network().to_link().unwrap();
        assert_eq!(network_from(&format!(" {link}\n")).unwrap(), network());
        let file = root.path().join("network.txt");
        std::fs::write(&file, format!("{link}\n")).unwrap();
        assert_eq!(network_from(file.to_str().unwrap()).unwrap(), network());
        assert_eq!(network_from("sotto:network:abc").unwrap_err().label(), "link-mistyped");
        assert_eq!(network_from("/no/such/file").unwrap_err().label(), "network-file");
        std::fs::write(&file, "x".repeat(10_000)).unwrap();
        assert_eq!(network_from(file.to_str().unwrap()).unwrap_err().label(), "link-too-long");
    }
}
