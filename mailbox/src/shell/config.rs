//! A mailbox's configuration file and directory: what stands in them, and how they are made.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sotto_protocol::directory::NetworkInfo;
use sotto_protocol::ident::NodeId;
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::{ConfigText, NodeError, OnionPlan, config, layout};
use sotto_transport::tor::TorConfig;

use super::node::PROGRAM;

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
    #[serde(deserialize_with = "config::network_link")]
    pub network: NetworkInfo,
    /// Boxes and tombstones that it holds at most.
    #[serde(default = "quota_boxes_default")]
    pub quota_boxes: u64,
    /// The form of the log.
    #[serde(default)]
    pub log: LogFormat,
    /// The control socket, if not in the directory.
    pub control: Option<PathBuf>,
    /// Whether clients can reach it as a Tor onion service.
    #[serde(default)]
    pub onion: bool,
    /// The keys of those who can find the onion service (restricted discovery); everybody, if there are none.
    #[serde(default, deserialize_with = "config::onion_clients")]
    pub onion_clients: Vec<String>,
    /// How the onion service reaches Tor.
    #[serde(default, deserialize_with = "config::hosting_tor")]
    pub tor: TorConfig,
}

const fn quota_boxes_default() -> u64 {
    QUOTA_BOXES_DEFAULT
}

impl MailboxConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] with file and line, or [`NodeError::Address`].
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let config: Self = config::read(path)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), NodeError> {
        self.announce.as_deref().map_or(Ok(()), |announce| config::check_address("announce", announce))
    }

    /// The boxes.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.dir.join("boxes.redb")
    }

    /// The control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.control.clone().unwrap_or_else(|| layout::control_socket(&self.dir))
    }

    /// The onion service, if it is to have one.
    #[must_use]
    pub fn onion_plan(&self) -> Option<OnionPlan> {
        OnionPlan::from_settings(self.onion, &self.onion_clients, &self.tor)
    }

    /// The onion service's address, if it is to have one. The key is made if there is none yet.
    ///
    /// # Errors
    ///
    /// [`NodeError::Key`] if the key cannot be read or made.
    pub fn onion_address(&self) -> Result<Option<String>, NodeError> {
        let key = || layout::onion_key(&self.dir).map_err(NodeError::key(PROGRAM));
        self.onion.then(key).transpose().map(|key| key.map(|key| key.address()))
    }

    /// The file that [`MailboxConfig::read`] reads, with an explanation of each setting.
    ///
    /// # Errors
    ///
    /// [`NodeError::PathNotText`] or [`NodeError::Network`] if a value cannot be written.
    pub fn to_toml(&self) -> Result<String, NodeError> {
        let what = "A mailbox of a Sotto network. Run it with `sotto-mailbox run --config` and this file.";
        let quota = "Boxes that it holds at most. Each takes about 4 kB on disk.";
        let text = ConfigText::new(what)
            .dir("identity key, Sphinx keys, boxes, the last consensus", &self.dir)?
            .listen(&self.listen)
            .announce("mailbox.example.org:9000", self.announce.as_deref())
            .network(&self.network)?
            .value(quota, "quota_boxes", self.quota_boxes)
            .log(self.log)
            .control("/run/sotto/mailbox.sock", self.control.as_deref())?
            .onion(self.onion, &self.onion_clients)
            .tor(&self.tor)?;
        Ok(text.finish())
    }

    /// Makes the mailbox's directory with a new identity and this configuration, and returns the mailbox's
    /// name and the configuration's path.
    ///
    /// # Errors
    ///
    /// [`NodeError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten.
    pub fn set_up(&self) -> Result<(NodeId, PathBuf), NodeError> {
        self.check()?;
        layout::set_up(&self.dir, CONFIG_FILE, &self.to_toml()?)
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::AuthorityEntry;
    use sotto_protocol::ident::NodeSecret;
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
                authorities: vec![AuthorityEntry {
                    key: authority,
                    address: "127.0.0.1:9001".to_owned(),
                    onion_address: None,
                }],
                threshold: 1,
                epoch_s: 60,
            },
            quota_boxes: 17,
            log: LogFormat::Json,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
        }
    }

    #[test]
    fn what_init_writes_is_what_run_reads() {
        let dir = tempfile::tempdir().unwrap();
        let plain = config(dir.path());
        let (node, path) = plain.set_up().unwrap();
        assert_eq!(MailboxConfig::read(&path).unwrap(), plain);
        assert_eq!(layout::read_identity(&plain.dir, "sotto-mailbox").unwrap().id(), node);
        assert_eq!(plain.set_up().unwrap_err().label(), "already-set-up");
        let arti_config = dir.path().join("arti \"of ours\".toml");
        std::fs::write(&arti_config, "").unwrap();
        let full = MailboxConfig {
            dir: dir.path().join("it's \"quoted\" \\ here"),
            announce: Some("mailbox.example.org:9000".to_owned()),
            log: LogFormat::Human,
            control: Some(dir.path().join("c.sock")),
            onion: true,
            onion_clients: vec![
                "descriptor:x25519:ZPRRMIV6DV6SJFL7SFBSVLJ5VUNPGCDFEVZ7M23LTLVTCCXJQBKA".to_owned(),
            ],
            tor: TorConfig { arti_config: Some(arti_config), ..TorConfig::default() },
            ..plain
        };
        let (_, path) = full.set_up().unwrap();
        assert_eq!(MailboxConfig::read(&path).unwrap(), full);
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
