//! Making a local network: a directory with identity and configuration for every node, before any runs.
//!
//! Each is made by its own program's `init`, as an operator would; then the plan's parameters, and the list of
//! nodes that may take part, go into the authority's configuration.

use std::net::SocketAddr;
use std::path::Path;

use super::error::LocalnetError;
use super::network::Localnet;
use super::node::{Kind, Node};
use super::plan::LocalnetPlan;
use super::tap::Tap;
use crate::ports::free_addresses;

/// The name of every local network.
const NETWORK: &str = "localnet";

impl Localnet {
    pub(super) async fn found(&mut self) -> Result<(), LocalnetError> {
        let plan = self.plan.clone();
        let count = 1 + plan.entries + plan.mixes() + plan.mailboxes;
        let mut addresses =
            free_addresses(plan.host, count).map_err(LocalnetError::system("find free ports"))?.into_iter();
        let mut next_address =
            move || addresses.next().ok_or_else(|| LocalnetError::Directory("no port left".to_owned()));

        // The length of an epoch is part of the network's link, so the authority is made with it.
        let epoch_s = plan.params.epoch_s.to_string();
        let onion = plan.tor.as_ref().map(|tor| tor.arti_config.display().to_string());
        let onion: Vec<&str> =
            onion.iter().flat_map(|file| ["--onion", "--tor-arti-config", file.as_str()]).collect();
        let naming = [&["--network-name", NETWORK, "--epoch-s", &epoch_s][..], &onion].concat();
        self.make("authority", Kind::Authority, next_address()?, &naming).await?;
        let config = self.dir.join("authority").join(Kind::Authority.config_file());
        let link = ["network-link", "--config", &config.display().to_string()];
        self.link = self.programs.run("sotto-directory", &link).await?.trim().to_owned();

        let link = self.link.clone();
        let joining = ["--network", &link];
        let mut admitted = Vec::new();
        for (kind, name, count) in [
            (Kind::Entry, "entry", plan.entries),
            (Kind::Mix, "mix", plan.mixes()),
            (Kind::Mailbox, "mailbox", plan.mailboxes),
        ] {
            // Nodes on one host would want one port for their metrics.
            let role: &[&str] =
                if kind == Kind::Mailbox { &[] } else { &["--role", name, "--metrics", "off"] };
            let onion: &[&str] = if kind.has_onion() { &onion } else { &[] };
            let args = [&joining[..], role, onion].concat();
            for n in 1..=count {
                admitted.push(self.make(&format!("{name}-{n}"), kind, next_address()?, &args).await?);
            }
        }
        configure(&config, &plan, admitted)
    }

    /// Runs the `init` of one node, and returns the node's name in hexadecimal.
    async fn make(
        &mut self,
        name: &str,
        kind: Kind,
        address: SocketAddr,
        more: &[&str],
    ) -> Result<String, LocalnetError> {
        let node = Node { name: name.to_owned(), kind, dir: self.dir.join(name), process: None };
        let announce = self.announced(name, address).await?;
        let (dir, listen) = (node.dir.display().to_string(), address.to_string());
        let args = ["init", "--dir", &dir, "--listen", &listen, "--announce", &announce];
        let printed = self.programs.run(kind.program(), &[&args[..], more].concat()).await?;
        self.nodes.push(node);
        let id = printed.lines().find_map(|line| line.strip_prefix("node "));
        match id {
            Some(id) => Ok(id.to_owned()),
            None if kind == Kind::Authority => Ok(String::new()),
            None => Err(LocalnetError::Answer {
                name: format!("{} init", kind.program()),
                what: format!("no line with the node's name: {printed}"),
            }),
        }
    }

    /// The address that others are told: the node's own, or that of a tap before it.
    async fn announced(&mut self, name: &str, address: SocketAddr) -> Result<String, LocalnetError> {
        if !self.plan.tapped {
            return Ok(address.to_string());
        }
        let tap = Tap::start(address, self.clock.clone())
            .await
            .map_err(LocalnetError::system(format!("tap {name}")))?;
        let announce = tap.address().to_string();
        self.taps.insert(name.to_owned(), tap);
        Ok(announce)
    }
}

/// Writes the plan's parameters, its counts and the admitted nodes into the authority's configuration.
fn configure(config: &Path, plan: &LocalnetPlan, admitted: Vec<String>) -> Result<(), LocalnetError> {
    let doing = || format!("set the parameters in {}", config.display());
    let invalid = |error: String| LocalnetError::Directory(format!("cannot {}: {error}", doing()));
    let text = std::fs::read_to_string(config).map_err(LocalnetError::system(doing()))?;
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| invalid(error.to_string()))?;
    let params = toml::Value::try_from(&plan.params).map_err(|error| invalid(error.to_string()))?;
    let count = |n: usize| toml::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    let bootstrap = toml::Table::from_iter([
        ("entries".to_owned(), count(plan.entries)),
        ("mixes".to_owned(), count(plan.mixes())),
        ("mailboxes".to_owned(), count(plan.mailboxes)),
    ]);
    table.insert("params".to_owned(), params);
    table.insert("bootstrap".to_owned(), toml::Value::Table(bootstrap));
    table.insert("admit".to_owned(), toml::Value::from(admitted));
    std::fs::write(config, table.to_string()).map_err(LocalnetError::system(doing()))
}
