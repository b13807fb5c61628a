//! What an onion service is configured with, and how it is doing.

use data_encoding::BASE32_NOPAD_NOCASE;
use serde::{Deserialize, Serialize};

use super::error::TorError;

/// Clients of a service with restricted discovery. Each makes the service's descriptor longer, and a directory of
/// Tor takes none above 50,000 bytes.
pub const CLIENTS_MAX: usize = 128;

const CLIENT_PREFIX: &str = "descriptor:x25519:";

/// How an onion service is hosted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnionServiceConfig {
    /// Restricted discovery: only the holders of these keys can find the service. Each is what
    /// [`Tor::service_discovery_key`](super::Tor::service_discovery_key) gave to a client. Empty: everybody who
    /// knows the address can.
    pub clients: Vec<String>,
}

impl OnionServiceConfig {
    /// Whether it can be hosted.
    ///
    /// # Errors
    ///
    /// [`TorError::OnionClient`] or [`TorError::OnionClients`].
    pub fn check(&self) -> Result<(), TorError> {
        if self.clients.len() > CLIENTS_MAX {
            return Err(TorError::OnionClients(self.clients.len()));
        }
        match self.clients.iter().position(|client| !is_client_key(client)) {
            None => Ok(()),
            Some(index) => Err(TorError::OnionClient(index + 1)),
        }
    }
}

fn is_client_key(text: &str) -> bool {
    let Some(key) = text.strip_prefix(CLIENT_PREFIX) else { return false };
    BASE32_NOPAD_NOCASE.decode(key.as_bytes()).is_ok_and(|key| key.len() == 32)
}

/// How far an onion service is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnionState {
    /// Nothing is known yet.
    Starting,
    /// Making introduction points and publishing its descriptor.
    Bootstrapping,
    /// Clients find it, as far as its host can tell.
    Reachable,
    /// Clients may not find it; its host goes on trying.
    Unreachable,
    /// It does not work, and trying again has not helped.
    Broken,
}

/// How an onion service is doing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OnionStatus {
    /// Its address, `<56 characters>.onion:port`.
    pub address: String,
    /// How far it is.
    pub state: OnionState,
    /// What is in the way, if anything is.
    pub why: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "descriptor:x25519:ZPRRMIV6DV6SJFL7SFBSVLJ5VUNPGCDFEVZ7M23LTLVTCCXJQBKA";

    #[test]
    fn only_keys_of_clients_are_clients() {
        let with = |clients: &[&str]| {
            OnionServiceConfig { clients: clients.iter().map(|text| (*text).to_owned()).collect() }.check()
        };
        with(&[]).unwrap();
        with(&[KEY, &KEY.to_ascii_lowercase()]).unwrap();
        for wrong in ["", "ZPRRMIV6", &KEY[1..], &KEY[..KEY.len() - 1], "descriptor:ed25519:ABCD"] {
            let error = with(&[KEY, wrong]).unwrap_err();
            assert_eq!(error.label(), "tor-onion-client");
            assert!(error.to_string().contains("number 2"), "{error}");
        }
        assert_eq!(with(&[KEY; CLIENTS_MAX + 1]).unwrap_err().label(), "tor-onion-clients");
    }
}
