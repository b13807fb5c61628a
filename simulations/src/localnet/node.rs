//! One node of a local network: its directory, how it is started, and what it says of itself.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sotto_mix_node::core::HeldReport;
use sotto_protocol::ledger::LedgerReport;
use sotto_transport::node::control;
use sotto_transport::tor::OnionState;

use super::error::LocalnetError;
use super::programs::Programs;
use crate::process::{Launch, Process};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The authority.
    Authority,
    /// An entry.
    Entry,
    /// A mix.
    Mix,
    /// A mailbox.
    Mailbox,
}

impl Kind {
    /// The program that such a node runs.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Authority => "sotto-directory",
            Self::Entry | Self::Mix => "sotto-mix",
            Self::Mailbox => "sotto-mailbox",
        }
    }

    /// Whether clients reach such a node by an onion service, in a network that has them.
    pub(super) const fn has_onion(self) -> bool {
        !matches!(self, Self::Mix)
    }

    /// The configuration in its directory.
    #[must_use]
    pub const fn config_file(self) -> &'static str {
        match self {
            Self::Authority => "directory.toml",
            Self::Entry | Self::Mix => "mix.toml",
            Self::Mailbox => "mailbox.toml",
        }
    }
}

/// What is common to the reports of entries, mixes and mailboxes.
#[derive(Clone, Debug, Deserialize)]
pub struct NodeReport {
    /// What it was set up to be: `entry`, `mix`, `mailbox`.
    pub role: String,
    /// Its name, in hexadecimal.
    pub node: String,
    /// Its place in the consensus, of an entry or a mix: `entry`, `mix-1` to `mix-3`.
    #[serde(default)]
    pub place: Option<String>,
    /// The epoch of its newest consensus.
    pub consensus_epoch: Option<u64>,
    /// Its outgoing links.
    pub peers: Vec<PeerLink>,
    /// Memory in use, in KiB.
    pub rss_kib: Option<u64>,
    /// What became of every packet.
    pub ledger: LedgerReport,
    /// Where the held packets are, at an entry or a mix.
    #[serde(default)]
    pub held: Option<HeldReport>,
    /// Its onion service, if it has one.
    #[serde(default)]
    pub onion: Option<OnionReport>,
}

/// An onion service, as its node sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OnionReport {
    /// Its address.
    pub address: String,
    /// How far it is.
    pub state: OnionState,
    /// What is in the way, if anything is.
    pub why: Option<String>,
}

impl OnionReport {
    /// From what a node of any kind says of itself; `None` if it has no onion service.
    pub(super) fn of(status: &serde_json::Value) -> Option<Self> {
        serde_json::from_value(status.get("onion")?.clone()).ok()
    }
}

/// An outgoing link.
#[derive(Clone, Debug, Deserialize)]
pub struct PeerLink {
    /// The other node, in hexadecimal.
    pub node: String,
    /// Whether the link works.
    pub up: bool,
}

impl NodeReport {
    /// Whether it can do its work: it has a consensus and every link that it should have.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.consensus_epoch.is_some() && !self.peers.is_empty() && self.peers.iter().all(|peer| peer.up)
    }

    /// Whether no packet is on its way through the node. What waits for a client that has gone does not count:
    /// it stays until the client comes back or its session expires.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let waiting = self.held.map_or(0, |held| u64::try_from(held.downlink).unwrap_or(u64::MAX));
        self.ledger.held == waiting
    }

    /// Its place in words: `entry`, `mix-2`, `mailbox`.
    #[must_use]
    pub fn place(&self) -> &str {
        self.place.as_deref().unwrap_or(&self.role)
    }
}

/// A node and, while it runs, its process.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) dir: PathBuf,
    pub(super) process: Option<Process>,
}

impl Node {
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join(self.kind.config_file())
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("control.sock")
    }

    pub(super) fn log(&self) -> PathBuf {
        log_file(&self.dir)
    }

    /// Starts the program.
    pub(super) fn start(&mut self, programs: &Programs, detached: bool) -> Result<(), LocalnetError> {
        let launch = Launch {
            program: programs.path(self.kind.program()),
            args: vec!["run".to_owned(), "--config".to_owned(), self.config().display().to_string()],
            env: Vec::new(),
            log: self.log(),
        };
        let process =
            launch.start(detached).map_err(LocalnetError::system(format!("start {}", self.name)))?;
        self.process = Some(process);
        Ok(())
    }

    /// An error if the process should run and does not.
    pub(super) fn check_alive(&mut self) -> Result<(), LocalnetError> {
        let log = self.log();
        match self.process.as_mut().map(Process::ended) {
            Some(Ok(Some(status))) => {
                Err(LocalnetError::Ended { name: self.name.clone(), status: status.to_string(), log })
            }
            _ => Ok(()),
        }
    }

    /// What the node says of itself, as it says it.
    pub(super) async fn raw_status(&self) -> Result<serde_json::Value, LocalnetError> {
        control::status(&self.socket())
            .await
            .map_err(|source| LocalnetError::Socket { name: self.name.clone(), source })
    }
}

/// Where a node's output goes.
pub(super) fn log_file(dir: &Path) -> PathBuf {
    dir.join("log")
}
