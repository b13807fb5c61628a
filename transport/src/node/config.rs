//! Reads a node's TOML configuration, with errors that name the file and the line.
//!
//! What may stand in it is for each node's own type to say, with `#[serde(deny_unknown_fields)]`. `ConfigText`
//! writes what is read here.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use sotto_protocol::directory::{NetworkInfo, is_address};

use super::error::NodeError;
use crate::tor::{OnionServiceConfig, TorConfig, TorError};

/// The longest configuration file, in bytes.
pub const CONFIG_LEN_MAX: usize = 256 * 1024;

/// Why a configuration could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file is too long.
    #[error("the configuration {0} is longer than {CONFIG_LEN_MAX} bytes; is it the right file?")]
    TooLong(PathBuf),
    /// Something in it is wrong.
    #[error("{path}:{line}: {message}")]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// In which line, from 1.
        line: usize,
        /// What.
        message: String,
    },
}

impl ConfigError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config-unreadable",
            Self::TooLong(_) => "config-too-long",
            Self::Wrong { .. } => "config-wrong",
        }
    }
}

/// Reads the configuration at `path`.
///
/// # Errors
///
/// When the file cannot be read, is not TOML, or does not fit `T`.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = read_text(path)?;
    toml::from_str(&text).map_err(|error| ConfigError::Wrong {
        path: path.to_owned(),
        line: line_of(&text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

/// Takes a network's link, for `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// When it is no link, with the reason.
pub fn network_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NetworkInfo, D::Error> {
    let link = String::deserialize(deserializer)?;
    link.parse().map_err(serde::de::Error::custom)
}

/// Takes the keys of an onion service's clients, for `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// When one is malformed, or they are too many.
pub fn onion_clients<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let service = OnionServiceConfig { clients: Vec::deserialize(deserializer)? };
    service.check().map_err(serde::de::Error::custom)?;
    Ok(service.clients)
}

/// Takes the table `[tor]` of a node, for `#[serde(deserialize_with)]`: a node needs Tor to host its onion service.
///
/// # Errors
///
/// When Tor could not be started with it, or only by a client that hosts nothing.
pub fn hosting_tor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TorConfig, D::Error> {
    let tor = TorConfig::deserialize(deserializer)?;
    if tor.socks.is_some() {
        return Err(serde::de::Error::custom(TorError::NotEmbedded("an onion service can be hosted")));
    }
    tor.check().map_err(serde::de::Error::custom)?;
    Ok(tor)
}

/// Takes a whole number from `MIN` to `MAX`, for `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// When it is something else, with the two limits.
pub fn within<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<u64, D::Error> {
    deserializer.deserialize_u64(Within { min: MIN, max: MAX })
}

struct Within {
    min: u64,
    max: u64,
}

impl Visitor<'_> for Within {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.min, self.max)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
        if (self.min..=self.max).contains(&number) {
            return Ok(number);
        }
        Err(E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

/// Where the setting `key` stands in the file at `path`, `file:line`, for an error that only shows when several
/// settings are looked at together. The file alone, if the key is not in it.
#[must_use]
pub fn place_of(path: &Path, key: &str) -> String {
    let line = read_text(path).ok().and_then(|text| {
        let table = toml::de::DeTable::parse(&text).ok()?;
        let (found, _) = table.get_ref().iter().find(|(name, _)| name.get_ref() == key)?;
        Some(line_of(&text, found.span().start))
    });
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}

/// The text of the setting `key` at the top of the file at `path`, whatever else in the file is wrong. `None` if it is
/// not there, or is no text.
///
/// # Errors
///
/// When the file cannot be read.
pub fn text_of(path: &Path, key: &str) -> Result<Option<String>, ConfigError> {
    let text = read_text(path)?;
    let (table, _mistakes) = toml::de::DeTable::parse_recoverable(&text);
    Ok(table.get_ref().get(key).and_then(|value| value.get_ref().as_str()).map(str::to_owned))
}

/// Checks that the setting `field` is an address that others can dial.
///
/// # Errors
///
/// [`NodeError::Address`].
pub fn check_address(field: &'static str, value: &str) -> Result<(), NodeError> {
    if is_address(value) { Ok(()) } else { Err(NodeError::Address { field, value: value.to_owned() }) }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let mut text = String::new();
    let limit = u64::try_from(CONFIG_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(limit).read_to_string(&mut text))
        .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
    if text.len() > CONFIG_LEN_MAX {
        return Err(ConfigError::TooLong(path.to_owned()));
    }
    Ok(text)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        listen: String,
        peers_max: u32,
    }

    fn read_example(text: &str) -> Result<Example, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_good_file_is_read() {
        let example = read_example("# a node\nlisten = \"127.0.0.1:1\"\npeers_max = 3\n").unwrap();
        assert_eq!((example.listen.as_str(), example.peers_max), ("127.0.0.1:1", 3));
    }

    #[test]
    fn an_error_names_file_and_line() {
        let error = read_example("listen = \"x\"\npeers_max = \"many\"\n").unwrap_err().to_string();
        assert!(error.contains("node.toml:2: invalid type: string \"many\", expected u32"), "{error}");
        let error = read_example("listen = \"x\"\npeers_max = 3\n\npeer_max = 4\n").unwrap_err().to_string();
        assert!(error.contains("node.toml:4: unknown field `peer_max`"), "{error}");
        let error = read_example("listen = \"x\npeers_max = 3\n").unwrap_err().to_string();
        assert!(error.contains("node.toml:1: "), "{error}");
    }

    #[derive(Debug, serde::Deserialize)]
    struct Counted {
        #[serde(deserialize_with = "within::<_, 2, 9>")]
        count: u64,
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range_and_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        let read_count = |value: &str| {
            std::fs::write(&path, format!("# a node\ncount = {value}\n")).unwrap();
            read::<Counted>(&path).map(|counted| counted.count).map_err(|error| error.to_string())
        };
        assert_eq!((read_count("2"), read_count("9")), (Ok(2), Ok(9)));
        for wrong in ["1", "10", "-3", "true", "\"many\"", "2.5"] {
            let error = read_count(wrong).unwrap_err();
            assert!(error.contains("node.toml:2: "), "{error}");
            assert!(error.contains("expected a whole number from 2 to 9"), "{error}");
        }
        assert!(place_of(&path, "count").ends_with("node.toml:2"));
        assert!(place_of(&path, "other").ends_with("node.toml"));
    }

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Hosting {
        #[serde(deserialize_with = "onion_clients")]
        onion_clients: Vec<String>,
        #[serde(deserialize_with = "hosting_tor")]
        tor: TorConfig,
    }

    const CLIENT: &str = "descriptor:x25519:ZPRRMIV6DV6SJFL7SFBSVLJ5VUNPGCDFEVZ7M23LTLVTCCXJQBKA";

    fn hosting(text: &str) -> Result<Hosting, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_an_onion_service_needs_is_read() {
        assert_eq!(hosting(""), Ok(Hosting::default()));
        let text = format!("onion_clients = [\"{CLIENT}\"]\n[tor]\nbridges = []\n");
        assert_eq!(hosting(&text).unwrap().onion_clients, [CLIENT]);
    }

    #[test]
    fn an_onion_service_that_could_not_be_hosted_is_refused_with_its_place() {
        let error = hosting("\n[tor]\nsocks = \"127.0.0.1:9050\"\n").unwrap_err();
        assert!(error.contains("node.toml:2: ") && error.contains("remove `socks` from [tor]"), "{error}");
        let error = hosting("\n\nonion_clients = [\"abc\"]\n").unwrap_err();
        assert!(error.contains("node.toml:3: ") && error.contains("number 1"), "{error}");
        let error = hosting("[tor]\nsock = 1\n").unwrap_err();
        assert!(error.contains("node.toml:2: unknown field `sock`"), "{error}");
        let error = hosting("[tor]\narti_config = \"arti.toml\"\n").unwrap_err();
        assert!(error.contains("node.toml:1: ") && error.contains("not a full path"), "{error}");
    }

    #[test]
    fn an_absent_or_endless_file_is_refused() {
        let error = read::<Example>(Path::new("/nonexistent/node.toml")).unwrap_err();
        assert_eq!(error.label(), "config-unreadable");
        let error = read_example(&"#".repeat(CONFIG_LEN_MAX + 1)).unwrap_err();
        assert_eq!(error.label(), "config-too-long");
    }
}
