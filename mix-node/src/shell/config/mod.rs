//! A mix's configuration file and directory: what stands in them, and how they are made.

mod addresses;
mod lenient;
mod limits;
pub(super) mod metrics_address;
pub(crate) mod x25519;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use sotto_protocol::directory::{NetworkInfo, Role};
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::fast::X25519;
use sotto_transport::node::log::{self, LogFormat};
use sotto_transport::node::{ConfigText, NodeError, OnionPlan, config, layout};
use sotto_transport::tor::TorConfig;

use super::node::PROGRAM;

pub(super) use lenient::NodePlace;
pub use limits::Limits;
pub(crate) use limits::WORKERS_MAX;
pub use metrics_address::METRICS_ADDRESS;

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
    #[serde(deserialize_with = "config::network_link")]
    pub network: NetworkInfo,
    /// The form of the log.
    #[serde(default)]
    pub log: LogFormat,
    /// What is logged, in the form of `SOTTO_LOG`, which goes before it.
    #[serde(default, deserialize_with = "log_filter")]
    pub log_filter: Option<String>,
    /// Where metrics are shown to Prometheus; nowhere, if `None`.
    #[serde(default = "metrics_address::default", deserialize_with = "metrics_address::deserialize")]
    pub metrics: Option<SocketAddr>,
    /// Whether `metrics` may be an address that other machines reach.
    #[serde(default)]
    pub metrics_public: bool,
    /// The X25519 that unwraps packets; the fastest that works on this processor, if `None`.
    #[serde(default, deserialize_with = "x25519::deserialize")]
    pub x25519: Option<X25519>,
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
    /// How much it holds and lets others ask of it.
    #[serde(default)]
    pub limits: Limits,
}

/// Takes a filter of the log, for `#[serde(deserialize_with)]`.
fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let filter = String::deserialize(deserializer)?;
    log::check_filter(&filter).map_err(serde::de::Error::custom)?;
    Ok(Some(filter))
}

impl NodeConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`NodeError::Config`] with file and line, [`NodeError::OnionRole`] or
    /// [`NodeError::Setting`].
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let config: Self = config::read(path)?;
        config.check(|key| config::place_of(path, key))?;
        Ok(config)
    }

    /// Checks what the settings are together; `place_of` says where a setting stands.
    fn check(&self, place_of: impl Fn(&str) -> String) -> Result<(), NodeError> {
        metrics_address::check(self.metrics, self.metrics_public, || place_of("metrics"))?;
        if self.onion && self.role != MixRole::Entry {
            return Err(NodeError::OnionRole);
        }
        addresses::check(self, place_of)
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

    /// The file that [`NodeConfig::read`] reads, with an explanation of each setting.
    ///
    /// # Errors
    /// [`NodeError::PathNotText`] or [`NodeError::Network`] if a value cannot be written.
    pub fn to_toml(&self) -> Result<String, NodeError> {
        let what = "A node of a Sotto network. Run it with `sotto-mix run --config` and this file.";
        let role = "\"entry\" serves clients; \"mix\" works in the layer that the consensus assigns.";
        let filter = "What is logged, if SOTTO_LOG does not say.";
        let metrics =
            "Where Prometheus reads metrics, ip:port of this machine alone; \"off\" for no metrics.";
        let public = "Whether `metrics` may be an address that other machines reach.";
        let x25519 = "The X25519 that unwraps packets: \"ifma\", \"graviola\" or \"dalek\"; \"auto\" for the fastest. \
                      Read at the start only.";
        let limits = "How much the node holds and lets others ask of it. SIGHUP applies changes.";
        let text = ConfigText::new(what)
            .dir("identity key, Sphinx keys, the last consensus", &self.dir)?
            .text(role, "role", self.role.name())
            .listen(&self.listen)
            .announce("mix.example.org:9000", self.announce.as_deref())
            .network(&self.network)?
            .log(self.log)
            .optional_text(filter, "log_filter", log::FILTER_DEFAULT, self.log_filter.as_deref())
            .text(metrics, "metrics", &metrics_address::text(self.metrics))
            .value(public, "metrics_public", self.metrics_public)
            .text(x25519, "x25519", x25519::text(self.x25519))
            .control("/run/sotto/mix.sock", self.control.as_deref())?
            .onion(self.onion, &self.onion_clients)
            .section(limits, &self.limits.to_toml())
            .tor(&self.tor)?;
        Ok(text.finish())
    }

    /// Makes the node's directory with a new identity and this configuration, and returns the node's name
    /// and the configuration's path.
    ///
    /// # Errors
    /// [`NodeError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten.
    pub fn set_up(&self) -> Result<(NodeId, PathBuf), NodeError> {
        self.check(|_key| "the new configuration".to_owned())?;
        layout::set_up(&self.dir, CONFIG_FILE, &self.to_toml()?)
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::AuthorityEntry;
    use sotto_protocol::ident::NodeSecret;
    use zeroize::Zeroizing;

    use super::*;

    pub(super) fn config(dir: &Path) -> NodeConfig {
        let authority = NodeSecret::from_seed(&Zeroizing::new([7; 32])).id();
        NodeConfig {
            dir: dir.join("node"),
            role: MixRole::Entry,
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
            log: LogFormat::Json,
            log_filter: None,
            metrics: Some(METRICS_ADDRESS),
            metrics_public: false,
            x25519: None,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn what_init_writes_is_what_run_reads() {
        let dir = tempfile::tempdir().unwrap();
        let plain = NodeConfig { role: MixRole::Mix, ..config(dir.path()) };
        let (node, path) = plain.set_up().unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap(), plain);
        assert_eq!(layout::read_identity(&plain.dir, "sotto-mix").unwrap().id(), node);
        assert_eq!(plain.set_up().unwrap_err().label(), "already-set-up");

        let arti_config = dir.path().join("arti \"of ours\".toml");
        std::fs::write(&arti_config, "").unwrap();
        let full = NodeConfig {
            dir: dir.path().join("it's \"quoted\" \\ here"),
            role: MixRole::Entry,
            announce: Some("mix.example.org:9000".to_owned()),
            log: LogFormat::Human,
            log_filter: Some("info,sotto_transport=debug".to_owned()),
            metrics: Some("192.0.2.1:80".parse().unwrap()),
            metrics_public: true,
            x25519: Some(X25519::PORTABLE),
            limits: Limits { sessions_max: 7, workers: 3, ..Limits::default() },
            control: Some(dir.path().join("c.sock")),
            onion: true,
            onion_clients: vec![
                "descriptor:x25519:ZPRRMIV6DV6SJFL7SFBSVLJ5VUNPGCDFEVZ7M23LTLVTCCXJQBKA".to_owned(),
            ],
            tor: TorConfig { arti_config: Some(arti_config), ..TorConfig::default() },
            ..plain
        };
        let (_, path) = full.set_up().unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap(), full);
    }

    #[test]
    fn only_an_entry_has_an_onion_service() {
        let dir = tempfile::tempdir().unwrap();
        let entry = NodeConfig { onion: true, ..config(dir.path()) };
        let (_, path) = entry.set_up().unwrap();
        let address = entry.onion_address().unwrap().unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap().onion_address().unwrap().unwrap(), address, "it is kept");
        assert!(entry.onion_plan().is_some());
        assert_eq!(
            (config(dir.path()).onion_plan(), config(dir.path()).onion_address().unwrap()),
            (None, None)
        );

        let mix = NodeConfig { role: MixRole::Mix, ..entry };
        let error = mix.set_up().unwrap_err();
        assert_eq!(error.label(), "onion-role");
        assert!(error.to_string().contains("only entries serve clients"), "{error}");
        std::fs::write(&path, mix.to_toml().unwrap()).unwrap();
        assert_eq!(NodeConfig::read(&path).unwrap_err().label(), "onion-role");
    }

    #[test]
    fn unknown_settings_bad_links_and_bad_addresses_are_refused_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mix.toml");
        let good = config(dir.path()).to_toml().unwrap();
        let sessions = format!("sessions_max = {}", Limits::default().sessions_max);
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
        let error = refused(&good.replace("metrics = \"127.0.0.1:9464\"", "metrics = \"0.0.0.0:9464\""));
        let line = 1 + good.lines().position(|line| line.starts_with("metrics = ")).unwrap();
        assert!(error.contains(&format!("mix.toml:{line}: `metrics` is 0.0.0.0:9464")), "{error}");
        let error = refused(&good.replace(&sessions, "sessions_max = 0"));
        let line = 1 + good.lines().position(|line| line.starts_with("sessions_max = ")).unwrap();
        assert!(
            error.contains(&format!("mix.toml:{line}: ")) && error.contains("from 1 to 65536"),
            "{error}"
        );
        let error = refused(&good.replace("# log_filter = \"info", "log_filter = \"info=loud"));
        assert!(error.contains("mix.toml:") && error.contains("not a log filter"), "{error}");
        let error = refused(&good.replace("x25519 = \"auto\"", "x25519 = \"abacus\""));
        let line = 1 + good.lines().position(|line| line.starts_with("x25519 = ")).unwrap();
        assert!(error.contains(&format!("mix.toml:{line}: ")) && error.contains("dalek"), "{error}");
        let error = refused(&good.replace("\"entry\"\n", "\"exit\"\n"));
        assert!(error.contains("unknown variant `exit`"), "{error}");
    }
}
