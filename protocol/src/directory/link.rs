//! What a person needs to join a network, as one string: `sotto:network:` and base32.
//!
//! ```text
//!  base32( version (1) | NetworkInfo, encoded by the codec | checksum (4) )
//! ```
//!
//! The checksum (SHA-256, cut) catches typing mistakes; it is no signature. Whoever hands out the link
//! chooses the network, so it must come from somebody the person trusts.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::address::{is_address, is_name};
use super::{AuthoritySet, AuthoritySetError};
use crate::codec;
use crate::ident::NodeId;
use crate::limits::AUTHORITIES_MAX;

/// The longest link, in characters: room for [`AUTHORITIES_MAX`] authorities.
pub const NETWORK_LINK_LEN_MAX: usize = 4096;

const PREFIX: &str = "sotto:network:";
const VERSION: u8 = 1;
const CHECKSUM_CONTEXT: &[u8] = b"sotto network link v1\0";
const CHECKSUM_LEN: usize = 4;

/// Where to find one authority and how to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityEntry {
    /// Its key.
    pub key: NodeId,
    /// Where it listens, `host:port`.
    #[serde(deserialize_with = "codec::text")]
    pub address: String,
}

/// A network as a newcomer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkInfo {
    /// Its name.
    #[serde(deserialize_with = "codec::text")]
    pub network: String,
    /// Its authorities.
    #[serde(deserialize_with = "codec::list")]
    pub authorities: Vec<AuthorityEntry>,
    /// How many of them must sign a consensus.
    pub threshold: u8,
}

/// Why a text is not a network link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkLinkError {
    /// It is something else.
    #[error("not a network link: expected a text that starts with `sotto:network:`")]
    Prefix,
    /// It is longer than any link.
    #[error("not a network link: {0} characters are more than a link can have")]
    TooLong(usize),
    /// A character is wrong, missing or too many.
    #[error("the network link is mistyped or cut off: copy it again, all of it")]
    Mistyped,
    /// It is of a later version.
    #[error("network link of version {0}; this program reads version 1: update it")]
    Version(u8),
    /// It was made wrongly.
    #[error("the network link does not describe a network: {0}")]
    Content(&'static str),
    /// Its authorities could sign nothing, or anything.
    #[error("the network link does not describe a network: {0}")]
    Authorities(#[from] AuthoritySetError),
}

impl NetworkLinkError {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Prefix => "link-prefix",
            Self::TooLong(_) => "link-too-long",
            Self::Mistyped => "link-mistyped",
            Self::Version(_) => "link-version",
            Self::Content(_) => "link-content",
            Self::Authorities(_) => "link-authorities",
        }
    }
}

impl NetworkInfo {
    /// Checks names, addresses and the threshold.
    ///
    /// # Errors
    /// [`NetworkLinkError::Content`] or [`NetworkLinkError::Authorities`].
    pub fn validate(&self) -> Result<(), NetworkLinkError> {
        if !is_name(&self.network) {
            return Err(NetworkLinkError::Content(
                "the name is empty, too long or not of a-z, 0-9, - and .",
            ));
        }
        if self
            .authorities
            .iter()
            .any(|authority| !is_address(&authority.address))
        {
            return Err(NetworkLinkError::Content(
                "an authority's address is not host:port",
            ));
        }
        self.authority_set()?;
        Ok(())
    }

    /// The authorities by which a consensus of this network is checked.
    ///
    /// # Errors
    /// See [`AuthoritySetError`]; none for an info that came from a link.
    pub fn authority_set(&self) -> Result<AuthoritySet, AuthoritySetError> {
        let keys: Vec<NodeId> = self.authorities.iter().map(|authority| authority.key).collect();
        AuthoritySet::new(&self.network, &keys, self.threshold.into())
    }

    /// The link.
    ///
    /// # Errors
    /// As [`NetworkInfo::validate`].
    pub fn to_link(&self) -> Result<String, NetworkLinkError> {
        self.validate()?;
        let mut bytes = vec![VERSION];
        let encoded = codec::encode(self, NETWORK_LINK_LEN_MAX);
        bytes.extend(encoded.map_err(|_| NetworkLinkError::Content("it is too long"))?);
        bytes.extend(checksum(&bytes));
        Ok(format!(
            "{PREFIX}{}",
            BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
        ))
    }
}

impl FromStr for NetworkInfo {
    type Err = NetworkLinkError;

    /// Reads a link, in either case: a QR code holds capital letters more compactly.
    fn from_str(text: &str) -> Result<Self, NetworkLinkError> {
        let text = text.trim();
        if text.len() > NETWORK_LINK_LEN_MAX {
            return Err(NetworkLinkError::TooLong(text.len()));
        }
        let text = text.to_ascii_lowercase();
        let base32 = text
            .strip_prefix(PREFIX)
            .ok_or(NetworkLinkError::Prefix)?
            .to_ascii_uppercase();
        let bytes = BASE32_NOPAD
            .decode(base32.as_bytes())
            .map_err(|_| NetworkLinkError::Mistyped)?;
        let (bytes, sum) = bytes
            .split_last_chunk::<CHECKSUM_LEN>()
            .ok_or(NetworkLinkError::Mistyped)?;
        if checksum(bytes) != *sum {
            return Err(NetworkLinkError::Mistyped);
        }
        let (version, encoded) = bytes.split_first().ok_or(NetworkLinkError::Mistyped)?;
        if *version != VERSION {
            return Err(NetworkLinkError::Version(*version));
        }
        let info: Self = codec::decode(encoded, NETWORK_LINK_LEN_MAX)
            .map_err(|_| NetworkLinkError::Content("its encoding is not valid"))?;
        info.validate()?;
        Ok(info)
    }
}

impl fmt::Display for NetworkInfo {
    /// The name and the number of authorities, for people; the link is [`NetworkInfo::to_link`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} of {} authorities sign)",
            self.network,
            self.threshold,
            self.authorities.len()
        )
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(CHECKSUM_CONTEXT)
        .chain_update(bytes)
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

const _: () = assert!(
    // 32 + 1 + 96 bytes an authority and some for the rest, five bits a character.
    PREFIX.len() + (AUTHORITIES_MAX * 129 + 64) * 8 / 5 < NETWORK_LINK_LEN_MAX,
    "the longest link fits"
);
