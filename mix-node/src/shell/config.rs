//! A mix's configuration file and directory: what stands in them, and how they are made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use sotto_protocol::directory::{NetworkInfo, Role, is_address};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::{config, identity_file};
use sotto_transport::private;
use sotto_transport::rng::OsRng;

use super::error::ShellError;

/// The name of the configuration in a node's directory.
pub const CONFIG_FILE: &str = "mix.toml";

/// What a mix does in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MixRole {
    /// Serves clients, and passes their packets to layer 1.
    Entry,
    /// Mixes, in the layer that the consensus assigns.
    Mix,
}

impl MixRole {
    /// The word for it in configurations and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Mix => "mix",
        }
    }
}

impl From<MixRole> for Role {
    fn from(role: MixRole) -> Self {
        match role {
            MixRole::Entry => Self::Entry,
            MixRole::Mix => Self::Mix,
        }
    }
}

/// The configuration of one mix.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The node's directory: identity, Sphinx keys, the last consensus, the control socket.
    pub dir: PathBuf,
    /// What the node does.
    pub role: MixRole,
    /// Where it listens, `ip:port`; with port 0 the system chooses one.
    pub listen: String,
    /// Where others reach it, `host:port`; where it listens, if left out.
    pub announce: Option<String>,
    /// The network.
    #[serde(deserialize_with = "network_link")]
    pub network: NetworkInfo,
    /// The form of the log.
    #[serde(default)]
    pub log: LogFormat,
    /// The control socket, if not in the directory.
    pub control: Option<PathBuf>,
}

fn network_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NetworkInfo, D::Error> {
    let link = String::deserialize(deserializer)?;
    link.parse().map_err(serde::de::Error::custom)
}

impl NodeConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`ShellError::Config`] with file and line, or [`ShellError::Address`].
    pub fn read(path: &Path) -> Result<Self, ShellError> {
        let config: Self = config::read(path)?;
        if let Some(announce) = &config.announce {
            check_address("announce", announce)?;
        }
        Ok(config)
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

    /// The control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.control.clone().unwrap_or_else(|| self.dir.join("control.sock"))
    }

    /// The file that [`NodeConfig::read`] reads, with an explanation of each setting.
    ///
    /// # Errors
    /// [`ShellError::PathNotText`] or [`ShellError::Network`] if a value cannot be written.
    pub fn to_toml(&self) -> Result<String, ShellError> {
        let text = |path: &Path| {
            let text = path.to_str().map(toml_string);
            text.ok_or_else(|| ShellError::PathNotText(path.to_owned()))
        };
        let optional = |key: &str, example: &str, value: Option<String>| match value {
            Some(value) => format!("{key} = {value}"),
            None => format!("# {key} = {example}"),
        };
        let log = match self.log {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        };
        let control = self.control.as_deref().map(text).transpose()?;
        let mut toml = String::from(
            "# A node of a Sotto network. Run it with `sotto-mix run --config` and this file.\n",
        );
        for (comment, setting) in [
            (
                "The node's directory: identity key, Sphinx keys, the last consensus, the control socket.",
                format!("dir = {}", text(&self.dir)?),
            ),
            (
                "\"entry\" serves clients; \"mix\" works in the layer that the consensus assigns.",
                format!("role = \"{}\"", self.role.name()),
            ),
            ("Where the node listens, ip:port.", format!("listen = {}", toml_string(&self.listen))),
            (
                "Where others reach it, host:port. Where it listens, if left out.",
                optional("announce", "\"mix.example.org:9000\"", self.announce.as_deref().map(toml_string)),
            ),
            ("The network: the link that its authorities hand out.", {
                format!("network = {}", toml_string(&self.network.to_link()?))
            }),
            (
                "The log on standard error: \"human\" or \"json\". What is logged: the variable SOTTO_LOG.",
                format!("log = \"{log}\""),
            ),
            (
                "The control socket. In the node's directory, if left out.",
                optional("control", "\"/run/sotto/mix.sock\"", control),
            ),
        ] {
            // Writing to a string cannot fail.
            let _written = write!(toml, "\n# {comment}\n{setting}\n");
        }
        Ok(toml)
    }

    /// Makes the node's directory with a new identity and this configuration, and returns the node's name
    /// and the configuration's path.
    ///
    /// # Errors
    /// [`ShellError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten.
    pub fn set_up(&self) -> Result<(NodeId, PathBuf), ShellError> {
        if let Some(announce) = &self.announce {
            check_address("announce", announce)?;
        }
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

fn check_address(field: &'static str, value: &str) -> Result<(), ShellError> {
    if is_address(value) {
        return Ok(());
    }
    Err(ShellError::Address { field, value: value.to_owned() })
}

fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::AuthorityEntry;
    use zeroize::Zeroizing;

    use super::*;

    fn config(dir: &Path) -> NodeConfig {
        let authority = NodeSecret::from_seed(&Zeroizing::new([7; 32])).id();
        NodeConfig {
            dir: dir.join("node"),
            role: MixRole::Entry,
            listen: "127.0.0.1:9000".to_owned(),
            announce: None,
            network: NetworkInfo {
                network: "test".to_owned(),
                authorities: vec![AuthorityEntry { key: authority, address: "127.0.0.1:9001".to_owned() }],
                threshold: 1,
                epoch_s: 60,
            },
            log: LogFormat::Json,
            control: None,
        }
    }

    #[test]
    fn what_init_writes_is_what_run_reads() {
        let dir = tempfile::tempdir().unwrap();
        let plain = config(dir.path());
        let (node, path) = plain.set_up().unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap(), plain);
        assert_eq!(identity_file::read(&plain.identity_file()).unwrap().id(), node);

        let full = NodeConfig {
            dir: dir.path().join("it's \"quoted\" \\ here"),
            role: MixRole::Mix,
            announce: Some("mix.example.org:9000".to_owned()),
            log: LogFormat::Human,
            control: Some(dir.path().join("c.sock")),
            ..plain
        };
        let (_, path) = full.set_up().unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap(), full);
    }

    #[test]
    fn a_node_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let (node, path) = config.set_up().unwrap();
        assert_eq!(config.set_up().unwrap_err().label(), "already-set-up");
        std::fs::remove_file(path).unwrap();
        assert_eq!(config.set_up().unwrap_err().label(), "already-set-up", "the identity alone counts");
        assert_eq!(identity_file::read(&config.identity_file()).unwrap().id(), node);
    }

    #[test]
    fn unknown_settings_bad_links_and_bad_addresses_are_refused_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mix.toml");
        let good = config(dir.path()).to_toml().unwrap();
        let refused = |toml: &str| {
            std::fs::write(&path, toml).unwrap();
            NodeConfig::read(&path).unwrap_err().to_string()
        };
        let error = refused(&format!("{good}\nlisten_on = \"x\"\n"));
        assert!(error.contains("unknown field `listen_on`"), "{error}");
        let error = refused(&good.replace("sotto:network:", "sotto:network:a"));
        assert!(error.contains("mix.toml:") && error.contains("mistyped"), "{error}");
        let error = refused(&good.replace("# announce = \"mix.example.org:9000\"", "announce = \"nowhere\""));
        assert!(error.contains("`announce`") && error.contains("host:port"), "{error}");
        let error = refused(&good.replace("\"entry\"\n", "\"exit\"\n"));
        assert!(error.contains("unknown variant `exit`"), "{error}");
    }
}
