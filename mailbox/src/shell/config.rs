//! A mailbox's configuration file and directory: what stands in them, and how they are made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use sotto_protocol::directory::{NetworkInfo, is_address};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::{config, identity_file};
use sotto_transport::private;
use sotto_transport::rng::OsRng;

use super::error::ShellError;

/// The name of the configuration in a mailbox's directory.
pub const CONFIG_FILE: &str = "mailbox.toml";

/// Boxes that a mailbox holds if the configuration does not say otherwise: about 4 GB on disk.
pub(super) const QUOTA_BOXES_DEFAULT: u64 = 1_000_000;

/// The configuration of one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxConfig {
    /// The mailbox's directory: identity, Sphinx keys, the boxes, the last consensus, the control socket.
    pub dir: PathBuf,
    /// Where it listens, `ip:port`; with port 0 the system chooses one.
    pub listen: String,
    /// Where others reach it, `host:port`; where it listens, if left out.
    pub announce: Option<String>,
    /// The network.
    #[serde(deserialize_with = "network_link")]
    pub network: NetworkInfo,
    /// Boxes and tombstones that it holds at most.
    #[serde(default = "quota_boxes_default")]
    pub quota_boxes: u64,
    /// The form of the log.
    #[serde(default)]
    pub log: LogFormat,
    /// The control socket, if not in the directory.
    pub control: Option<PathBuf>,
}

const fn quota_boxes_default() -> u64 {
    QUOTA_BOXES_DEFAULT
}

fn network_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NetworkInfo, D::Error> {
    let link = String::deserialize(deserializer)?;
    link.parse().map_err(serde::de::Error::custom)
}

impl MailboxConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// [`ShellError::Config`] with file and line, or [`ShellError::Address`].
    pub fn read(path: &Path) -> Result<Self, ShellError> {
        let config: Self = config::read(path)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ShellError> {
        match &self.announce {
            Some(value) if !is_address(value) => {
                Err(ShellError::Address { field: "announce", value: value.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The identity key.
    #[must_use]
    pub fn identity_file(&self) -> PathBuf {
        self.dir.join("identity.key")
    }

    /// The directory of the Sphinx keys.
    #[must_use]
    pub fn hop_keys_dir(&self) -> PathBuf {
        self.dir.join("hop-keys")
    }

    /// The last consensus.
    #[must_use]
    pub fn consensus_file(&self) -> PathBuf {
        self.dir.join("consensus")
    }

    /// The boxes.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.dir.join("boxes.redb")
    }

    /// The control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.control.clone().unwrap_or_else(|| self.dir.join("control.sock"))
    }

    /// The file that [`MailboxConfig::read`] reads, with an explanation of each setting.
    ///
    /// # Errors
    ///
    /// [`ShellError::PathNotText`] or [`ShellError::Network`] if a value cannot be written.
    pub fn to_toml(&self) -> Result<String, ShellError> {
        let log = match self.log {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        };
        let control = self.control.as_deref().map(toml_path).transpose()?;
        let settings = [
            (
                "The mailbox's directory: identity key, Sphinx keys, boxes, the last consensus, the control socket.",
                format!("dir = {}", toml_path(&self.dir)?),
            ),
            ("Where the mailbox listens, ip:port.", format!("listen = {}", toml_string(&self.listen))),
            (
                "Where others reach it, host:port. Where it listens, if left out.",
                optional(
                    "announce",
                    "\"mailbox.example.org:9000\"",
                    self.announce.as_deref().map(toml_string),
                ),
            ),
            (
                "The network: the link that its authorities hand out.",
                format!("network = {}", toml_string(&self.network.to_link()?)),
            ),
            (
                "Boxes that it holds at most. Each takes about 4 kB on disk.",
                format!("quota_boxes = {}", self.quota_boxes),
            ),
            (
                "The log on standard error: \"human\" or \"json\". What is logged: the variable SOTTO_LOG.",
                format!("log = \"{log}\""),
            ),
            (
                "The control socket. In the mailbox's directory, if left out.",
                optional("control", "\"/run/sotto/mailbox.sock\"", control),
            ),
        ];
        let mut toml = String::from(
            "# A mailbox of a Sotto network. Run it with `sotto-mailbox run --config` and this file.\n",
        );
        for (comment, setting) in settings {
            // Writing to a string cannot fail.
            let _written = write!(toml, "\n# {comment}\n{setting}\n");
        }
        Ok(toml)
    }

    /// Makes the mailbox's directory with a new identity and this configuration, and returns the mailbox's
    /// name and the configuration's path.
    ///
    /// # Errors
    ///
    /// [`ShellError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten.
    pub fn set_up(&self) -> Result<(NodeId, PathBuf), ShellError> {
        self.check()?;
        let path = self.dir.join(CONFIG_FILE);
        let identity = self.identity_file();
        if let Some(there) = [&path, &identity].into_iter().find(|path| path.exists()) {
            return Err(ShellError::AlreadySetUp(there.clone()));
        }
        let toml = self.to_toml()?;
        private::create_dir(&self.dir)?;
        let secret = NodeSecret::generate(&mut OsRng);
        identity_file::create(&identity, &secret)?;
        private::write_new(&path, toml.as_bytes())?;
        Ok((secret.id(), path))
    }
}

fn optional(key: &str, example: &str, value: Option<String>) -> String {
    match value {
        Some(value) => format!("{key} = {value}"),
        None => format!("# {key} = {example}"),
    }
}

fn toml_path(path: &Path) -> Result<String, ShellError> {
    path.to_str().map(toml_string).ok_or_else(|| ShellError::PathNotText(path.to_owned()))
}

fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::AuthorityEntry;
    use zeroize::Zeroizing;

    use super::*;

    fn config(dir: &Path) -> MailboxConfig {
        let authority = NodeSecret::from_seed(&Zeroizing::new([7; 32])).id();
        MailboxConfig {
            dir: dir.join("mailbox"),
            listen: "127.0.0.1:9000".to_owned(),
            announce: None,
            network: NetworkInfo {
                network: "test".to_owned(),
                authorities: vec![AuthorityEntry { key: authority, address: "127.0.0.1:9001".to_owned() }],
                threshold: 1,
                epoch_s: 60,
            },
            quota_boxes: 17,
            log: LogFormat::Json,
            control: None,
        }
    }

    #[test]
    fn what_init_writes_is_what_run_reads() {
        let dir = tempfile::tempdir().unwrap();
        let plain = config(dir.path());
        let (node, path) = plain.set_up().unwrap();
        assert_eq!(MailboxConfig::read(&path).unwrap(), plain);
        assert_eq!(identity_file::read(&plain.identity_file()).unwrap().id(), node);
        let full = MailboxConfig {
            dir: dir.path().join("it's \"quoted\" \\ here"),
            announce: Some("mailbox.example.org:9000".to_owned()),
            log: LogFormat::Human,
            control: Some(dir.path().join("c.sock")),
            ..plain
        };
        let (_, path) = full.set_up().unwrap();
        assert_eq!(MailboxConfig::read(&path).unwrap(), full);
    }

    #[test]
    fn a_mailbox_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let (node, path) = config.set_up().unwrap();
        assert_eq!(config.set_up().unwrap_err().label(), "already-set-up");
        std::fs::remove_file(path).unwrap();
        assert_eq!(config.set_up().unwrap_err().label(), "already-set-up", "the identity alone counts");
        assert_eq!(identity_file::read(&config.identity_file()).unwrap().id(), node);
    }

    #[test]
    fn what_can_be_left_out_has_a_default_and_what_is_unknown_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mailbox.toml");
        let link = config(dir.path()).network.to_link().unwrap();
        let short = format!("dir = \"/x\"\nlisten = \"127.0.0.1:0\"\nnetwork = \"{link}\"\n");
        std::fs::write(&path, &short).unwrap();
        let read = MailboxConfig::read(&path).unwrap();
        assert_eq!(read.quota_boxes, QUOTA_BOXES_DEFAULT);
        std::fs::write(&path, format!("{short}quota = 3\n")).unwrap();
        let error = MailboxConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("mailbox.toml:4") && error.contains("unknown field `quota`"), "{error}");
        std::fs::write(&path, format!("{short}announce = \"nowhere\"\n")).unwrap();
        assert_eq!(MailboxConfig::read(&path).unwrap_err().label(), "address");
    }
}
