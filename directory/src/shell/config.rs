//! An authority's configuration file and directory: what stands in them, and how they are made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Deserializer};
use sotto_protocol::directory::{AuthorityEntry, NetworkInfo, Params, is_name};
use sotto_protocol::ident::NodeId;
use sotto_transport::node::log::LogFormat;
use sotto_transport::node::{ConfigText, NodeError, OnionPlan, config, layout};
use sotto_transport::tor::TorConfig;

use super::error::ShellError;
use super::node::PROGRAM;
use crate::core::{Admission, AuthorityConfig, Bootstrap};

/// The name of the configuration in an authority's directory.
pub const CONFIG_FILE: &str = "directory.toml";

/// The configuration of one authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// The authority's directory: identity, the last consensus, descriptors, the control socket.
    pub dir: PathBuf,
    /// Where it listens, `ip:port`.
    pub listen: String,
    /// Where others reach it, `host:port`; where it listens, if left out.
    pub announce: Option<String>,
    /// The network's name.
    pub network: String,
    /// Which nodes may take part: `"all"`, or a list of their names in hexadecimal.
    #[serde(deserialize_with = "admission")]
    pub admit: Admission,
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
    /// What it takes to sign the first consensus.
    #[serde(default)]
    pub bootstrap: Bootstrap,
    /// What the network agrees on. What is left out has its default.
    #[serde(default)]
    pub params: Params,
}

fn admission<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Admission, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`admit` is \"all\" or a list of node names")]
    enum Admit {
        Word(String),
        List(Vec<String>),
    }
    let wrong = |text: &str| {
        serde::de::Error::custom(format!("{text:?} is not a node's name: expected 64 hexadecimal digits"))
    };
    match Admit::deserialize(deserializer)? {
        Admit::Word(word) if word == "all" => Ok(Admission::All),
        Admit::Word(word) => Err(serde::de::Error::custom(format!(
            "`admit` is {word:?}: expected \"all\" or a list of node names"
        ))),
        Admit::List(names) => {
            let nodes = names.iter().map(|name| node_id(name).ok_or_else(|| wrong(name)));
            Ok(Admission::Listed(nodes.collect::<Result<BTreeSet<NodeId>, _>>()?))
        }
    }
}

/// The node that 64 hexadecimal digits name.
fn node_id(text: &str) -> Option<NodeId> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    Some(NodeId::from_bytes(bytes.try_into().ok()?))
}

impl DirectoryConfig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] with file and line, or what [`DirectoryConfig::check`] finds.
    pub fn read(path: &Path) -> Result<Self, ShellError> {
        let config: Self = config::read(path).map_err(NodeError::from)?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the form of the file does not say.
    ///
    /// # Errors
    ///
    /// [`NodeError::Address`], [`ShellError::Name`] or [`ShellError::Params`].
    pub fn check(&self) -> Result<(), ShellError> {
        let (field, value) = match &self.announce {
            Some(announce) => ("announce", announce),
            None => ("listen", &self.listen),
        };
        config::check_address(field, value)?;
        if !is_name(&self.network) {
            return Err(ShellError::Name(self.network.clone()));
        }
        self.params.validate().map_err(ShellError::Params)
    }

    /// What the core is told.
    #[must_use]
    pub fn authority(&self) -> AuthorityConfig {
        AuthorityConfig {
            network: self.network.clone(),
            params: self.params.clone(),
            admission: self.admit.clone(),
            bootstrap: self.bootstrap,
        }
    }

    /// What a newcomer needs to know of the network, of which `key` is the one authority. The onion service's key is
    /// made if there is to be one and there is none yet.
    ///
    /// # Errors
    ///
    /// [`NodeError::Key`] if that key cannot be read or made.
    pub fn network_info(&self, key: NodeId) -> Result<NetworkInfo, NodeError> {
        let address = self.announce.clone().unwrap_or_else(|| self.listen.clone());
        Ok(NetworkInfo {
            network: self.network.clone(),
            authorities: vec![AuthorityEntry { key, address, onion_address: self.onion_address()? }],
            threshold: 1,
            epoch_s: self.params.epoch_s,
        })
    }

    /// The network's link, with the identity read from disk.
    ///
    /// # Errors
    ///
    /// When there is no identity yet, or what [`DirectoryConfig::check`] finds.
    pub fn network_link(&self) -> Result<String, ShellError> {
        let key = layout::read_identity(&self.dir, PROGRAM)?.id();
        Ok(self.network_info(key)?.to_link().map_err(NodeError::from)?)
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

    /// The file that [`DirectoryConfig::read`] reads, with an explanation of each setting.
    ///
    /// # Errors
    ///
    /// [`NodeError::PathNotText`] or [`ShellError::NotToml`] if a value cannot be written.
    pub fn to_toml(&self) -> Result<String, ShellError> {
        let admit = match &self.admit {
            Admission::All => "\"all\"".to_owned(),
            Admission::Listed(nodes) => {
                toml::Value::from(nodes.iter().map(NodeId::to_string).collect::<Vec<_>>()).to_string()
            }
        };
        let bootstrap = toml_table(&self.bootstrap)?;
        let params = toml_table(&ParamsTable { params: &self.params })?.replace("[params]\n", "");
        let text = ConfigText::new(
            "The authority of a Sotto network. Run it with `sotto-directory run --config` and this file.",
        )
        .dir("identity key, the last consensus, descriptors", &self.dir)?
        .listen(&self.listen)
        .announce("directory.example.org:9000", self.announce.as_deref())
        .text("The network's name.", "network", &self.network)
        .value(
            "Which nodes may take part: a list of the names that their `init` prints, or \"all\" in a test network.",
            "admit",
            admit,
        )
        .log(self.log)
        .control("/run/sotto/directory.sock", self.control.as_deref())?
        .onion(self.onion, &self.onion_clients)
        .tor(&self.tor)?
        .section(
            "How many nodes there must be before the first consensus is signed.",
            &format!("[bootstrap]\n{bootstrap}"),
        )
        .section(
            "What the network agrees on; a change takes effect with the next epoch. The length of an epoch cannot change.",
            &format!("[params]\n{params}"),
        );
        Ok(text.finish())
    }

    /// Makes the authority's directory with a new identity and this configuration, and returns the
    /// authority's key and the configuration's path.
    ///
    /// # Errors
    ///
    /// [`NodeError::AlreadySetUp`] if there is an identity or a configuration: neither is overwritten.
    pub fn set_up(&self) -> Result<(NodeId, PathBuf), ShellError> {
        self.check()?;
        Ok(layout::set_up(&self.dir, CONFIG_FILE, &self.to_toml()?)?)
    }
}

/// Gives the classes their full name, `params.classes`.
#[derive(serde::Serialize)]
struct ParamsTable<'a> {
    params: &'a Params,
}

fn toml_table(table: &impl serde::Serialize) -> Result<String, ShellError> {
    toml::to_string(table).map_err(|error| ShellError::NotToml(error.to_string()))
}

#[cfg(test)]
mod tests {
    use sotto_protocol::ident::NodeSecret;
    use sotto_transport::rng::OsRng;

    use super::*;

    fn config(dir: &Path) -> DirectoryConfig {
        DirectoryConfig {
            dir: dir.join("authority"),
            listen: "127.0.0.1:9001".to_owned(),
            announce: None,
            network: "test".to_owned(),
            admit: Admission::All,
            log: LogFormat::Human,
            control: None,
            onion: false,
            onion_clients: Vec::new(),
            tor: TorConfig::default(),
            bootstrap: Bootstrap::default(),
            params: Params { delay_ms_mean: 20, ..Params::default() },
        }
    }

    #[test]
    fn what_init_writes_is_what_run_reads() {
        let dir = tempfile::tempdir().unwrap();
        let plain = config(dir.path());
        let (key, path) = plain.set_up().unwrap();
        assert_eq!(DirectoryConfig::read(&path).unwrap(), plain);
        let info: NetworkInfo = plain.network_link().unwrap().parse().unwrap();
        assert_eq!(info, plain.network_info(key).unwrap());
        assert_eq!(info.authorities[0].address, "127.0.0.1:9001");

        let nodes = [key, NodeSecret::generate(&mut OsRng).id()];
        let arti_config = dir.path().join("arti \"of ours\".toml");
        std::fs::write(&arti_config, "").unwrap();
        let full = DirectoryConfig {
            dir: dir.path().join("it's \"quoted\" \\ here"),
            listen: "0.0.0.0:9001".to_owned(),
            announce: Some("directory.example.org:9000".to_owned()),
            admit: Admission::Listed(nodes.into()),
            log: LogFormat::Json,
            control: Some(dir.path().join("c.sock")),
            onion: true,
            onion_clients: vec![
                "descriptor:x25519:ZPRRMIV6DV6SJFL7SFBSVLJ5VUNPGCDFEVZ7M23LTLVTCCXJQBKA".to_owned(),
            ],
            tor: TorConfig { arti_config: Some(arti_config), ..TorConfig::default() },
            bootstrap: Bootstrap { entries: 1, mixes: 3, mailboxes: 1 },
            ..plain
        };
        let (_, path) = full.set_up().unwrap();
        assert_eq!(DirectoryConfig::read(&path).unwrap(), full);
        assert_eq!(full.set_up().unwrap_err().label(), "already-set-up");
    }

    #[test]
    fn the_link_of_a_network_tells_the_onion_service_of_its_authority() {
        let dir = tempfile::tempdir().unwrap();
        let config = DirectoryConfig { onion: true, ..config(dir.path()) };
        config.set_up().unwrap();
        let info: NetworkInfo = config.network_link().unwrap().parse().unwrap();
        let onion = info.authorities[0].onion_address.clone().unwrap();
        assert!(sotto_protocol::directory::is_onion_address(&onion), "{onion}");
        assert_eq!(config.onion_address().unwrap().unwrap(), onion);
        let again: NetworkInfo = config.network_link().unwrap().parse().unwrap();
        assert_eq!(again, info);
        std::fs::write(config.dir.join("onion_key"), "spoilt").unwrap();
        assert_eq!(config.network_link().unwrap_err().label(), "malformed-key-file");
    }

    fn refused(text: &str) -> ShellError {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("directory.toml");
        std::fs::write(&path, text).unwrap();
        DirectoryConfig::read(&path).unwrap_err()
    }

    #[test]
    fn what_makes_no_network_is_refused_with_the_reason() {
        let good = config(Path::new("/x")).to_toml().unwrap();
        let error = refused(&good.replace("admit = \"all\"", "admit = \"everybody\"")).to_string();
        assert!(error.contains("expected \"all\" or a list"), "{error}");
        let error = refused(&good.replace("admit = \"all\"", "admit = [\"abc\"]")).to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
        let error = refused(&good.replace("admit = \"all\"\n", "")).to_string();
        assert!(error.contains("missing field `admit`"), "{error}");
        assert_eq!(refused(&good.replace("network = \"test\"", "network = \"Te st\"")).label(), "name");
        assert_eq!(refused(&good.replace("127.0.0.1:9001", "127.0.0.1:0")).label(), "address");
        assert_eq!(refused(&good.replace("delay_ms_mean = 20", "delay_ms_mean = 20000")).label(), "params");
        let error = refused(&good.replace("delay_ms_mean", "delay_mean")).to_string();
        assert!(error.contains("unknown field `delay_mean`"), "{error}");
    }
}
