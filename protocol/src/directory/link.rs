//! What a person needs to join a network, as one string: `sotto:network:` and base32.
//!
//! ```text
//!  base32( version (1) | NetworkInfo, encoded by the codec | checksum (4) )
//! ```
//!
//! The checksum (SHA-256, cut) catches typing mistakes; it is no signature. It is computed alike for all versions,
//! so that a program can tell a link of another version from a mistyped one. Whoever hands out the link
//! chooses the network, so it must come from somebody the person trusts.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::address::{is_address, is_name, is_onion_address};
use super::params::EPOCH_S;
use super::{AuthoritySet, AuthoritySetError};
use crate::codec;
use crate::ident::NodeId;
use crate::limits::AUTHORITIES_MAX;

/// The longest link, in characters: room for [`AUTHORITIES_MAX`] authorities.
pub const NETWORK_LINK_LEN_MAX: usize = 6144;

const PREFIX: &str = "sotto:network:";
const VERSION: u8 = 2;
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
    /// Where it listens as an onion service, if it does: how a person who uses Tor only comes by the consensus.
    #[serde(deserialize_with = "codec::optional_text")]
    pub onion_address: Option<String>,
}

impl AuthorityEntry {
    fn has_valid_onion_address(&self) -> bool {
        self.onion_address.as_deref().is_none_or(is_onion_address)
    }
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
    /// The length of its epochs, in seconds. It never changes, and whoever publishes needs it before there is a
    /// consensus.
    pub epoch_s: u32,
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
    /// It is of another version.
    #[error(
        "network link of version {0}; this program reads version {VERSION}: ask the network's operator for a link of \
         that version, or update this program"
    )]
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
    /// Checks names, addresses, the threshold and the length of an epoch.
    ///
    /// # Errors
    /// [`NetworkLinkError::Content`] or [`NetworkLinkError::Authorities`].
    pub fn validate(&self) -> Result<(), NetworkLinkError> {
        if !is_name(&self.network) {
            return Err(NetworkLinkError::Content("the name is empty, too long or not of a-z, 0-9, - and ."));
        }
        if self.authorities.iter().any(|authority| !is_address(&authority.address)) {
            return Err(NetworkLinkError::Content("an authority's address is not host:port"));
        }
        if self.authorities.iter().any(|authority| !authority.has_valid_onion_address()) {
            return Err(NetworkLinkError::Content("an authority's onion address is not NAME.onion:port"));
        }
        if !EPOCH_S.contains(&self.epoch_s) {
            return Err(NetworkLinkError::Content("the length of an epoch is not 10 to 604800 seconds"));
        }
        self.authority_set()?;
        Ok(())
    }

    /// The authorities by which a consensus of this network is checked, and the epochs that it must count.
    ///
    /// # Errors
    /// See [`AuthoritySetError`]; none for an info that came from a link.
    pub fn authority_set(&self) -> Result<AuthoritySet, AuthoritySetError> {
        let keys: Vec<NodeId> = self.authorities.iter().map(|authority| authority.key).collect();
        let authorities = AuthoritySet::new(&self.network, &keys, self.threshold.into())?;
        Ok(authorities.with_epoch_s(self.epoch_s))
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
        Ok(format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
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
        let base32 = text.strip_prefix(PREFIX).ok_or(NetworkLinkError::Prefix)?.to_ascii_uppercase();
        let bytes = BASE32_NOPAD.decode(base32.as_bytes()).map_err(|_| NetworkLinkError::Mistyped)?;
        let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(NetworkLinkError::Mistyped)?;
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
        write!(f, "{} ({} of {} authorities sign)", self.network, self.threshold, self.authorities.len())
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash: [u8; 32] = Sha256::new().chain_update(CHECKSUM_CONTEXT).chain_update(bytes).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

const _: () = assert!(
    // An authority is a key of 32 bytes, 1 + 96 for its address and 2 + 68 for its onion address (56 letters, `.onion:`
    // and a port); some for the rest; five bits a character.
    PREFIX.len() + (AUTHORITIES_MAX * 199 + 64) * 8 / 5 < NETWORK_LINK_LEN_MAX,
    "the longest link fits"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{network, secret};
    use super::*;

    fn refused(text: &str) -> NetworkLinkError {
        text.parse::<NetworkInfo>().unwrap_err()
    }

    /// A link of any bytes, with the right checksum.
    fn link_of(bytes: &[u8]) -> String {
        let bytes = [bytes, &checksum(bytes)].concat();
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    #[test]
    fn a_link_survives_in_either_case_and_between_spaces() {
        let link = network().to_link().unwrap();
        assert_eq!(link.parse(), Ok(network()));
        assert_eq!(link.to_ascii_uppercase().parse(), Ok(network()));
        assert_eq!(format!(" {link}\n").parse(), Ok(network()));
    }

    #[test]
    fn every_single_mistyped_character_is_noticed() {
        let link = network().to_link().unwrap();
        for place in PREFIX.len()..link.len() {
            for typed in ["a", "z", "5", "1"] {
                let mut mistyped = link.clone();
                mistyped.replace_range(place..=place, typed);
                if mistyped != link {
                    assert_eq!(refused(&mistyped), NetworkLinkError::Mistyped, "{place} {typed}");
                }
            }
        }
        assert!(refused(&link[..link.len() - 3]).to_string().contains("mistyped or cut off"));
    }

    #[test]
    fn a_missing_doubled_or_swapped_character_is_noticed() {
        let link = network().to_link().unwrap();
        for place in PREFIX.len()..link.len() - 1 {
            let mut missing = link.clone();
            missing.remove(place);
            assert_eq!(refused(&missing), NetworkLinkError::Mistyped);
            let mut doubled = link.clone();
            doubled.insert(place, char::from(link.as_bytes()[place]));
            assert_eq!(refused(&doubled), NetworkLinkError::Mistyped);
            let swapped =
                [&link[..place], &link[place + 1..place + 2], &link[place..=place], &link[place + 2..]]
                    .concat();
            assert!(swapped == link || refused(&swapped) == NetworkLinkError::Mistyped);
        }
    }

    #[test]
    fn something_else_is_no_link() {
        for text in ["", "sotto", "sotto:invite:abc", "https://example.org", "\u{130}\u{130}"] {
            assert_eq!(refused(text).label(), "link-prefix", "{text}");
        }
        assert_eq!(refused(PREFIX).label(), "link-mistyped");
        assert_eq!(refused(&"x".repeat(NETWORK_LINK_LEN_MAX + 1)).label(), "link-too-long");
    }

    #[test]
    fn another_version_is_refused() {
        for version in [0, 1, 3] {
            assert_eq!(refused(&link_of(&[version, 0])), NetworkLinkError::Version(version));
        }
    }

    #[test]
    fn a_link_that_describes_no_network_is_refused() {
        let link = |spoil: fn(&mut NetworkInfo)| {
            let mut info = network();
            spoil(&mut info);
            let own = info.to_link().unwrap_err();
            let encoded = codec::encode(&info, NETWORK_LINK_LEN_MAX).unwrap();
            assert_eq!(refused(&link_of(&[&[VERSION], &encoded[..]].concat())), own);
            own.label()
        };
        assert_eq!(link(|info| info.network = "a b".to_owned()), "link-content");
        assert_eq!(link(|info| info.authorities[0].address = "a".to_owned()), "link-content");
        let onion =
            |info: &mut NetworkInfo| info.authorities[0].onion_address = Some("127.0.0.1:1".to_owned());
        assert_eq!(link(onion), "link-content");
        assert_eq!(link(|info| info.epoch_s = 9), "link-content");
        assert_eq!(link(|info| info.epoch_s = 604_801), "link-content");
        assert_eq!(link(|info| info.threshold = 0), "link-authorities");
        assert_eq!(link(|info| info.threshold = 4), "link-authorities");
        assert_eq!(link(|info| info.authorities.clear()), "link-authorities");
        assert_eq!(link(|info| info.authorities[1] = info.authorities[0].clone()), "link-authorities");
        assert_eq!(refused(&link_of(&[VERSION, 200])).label(), "link-content");
    }

    #[test]
    fn the_longest_link_survives() {
        let authorities = (0..16).map(|number| AuthorityEntry {
            key: secret(number).id(),
            address: format!("{}.{}:65535", "a".repeat(63), "b".repeat(26)),
            onion_address: Some(format!("{}.onion:65535", "a".repeat(56))),
        });
        let info = NetworkInfo {
            network: "n".repeat(32),
            authorities: authorities.collect(),
            threshold: 16,
            epoch_s: 604_800,
        };
        assert_eq!(info.to_link().unwrap().parse(), Ok(info));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            prop_assert!(text.parse::<NetworkInfo>().is_err());
            let prefixed = [PREFIX, &text].concat();
            prop_assert!(prefixed.parse::<NetworkInfo>().is_err());
        }

        #[test]
        fn arbitrary_content_under_a_right_checksum_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..300)
        ) {
            let _ = link_of(&bytes).parse::<NetworkInfo>();
            let _ = link_of(&[&[VERSION], &bytes[..]].concat()).parse::<NetworkInfo>();
        }
    }
}
