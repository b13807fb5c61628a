//! What is kept in a file of a private Tor network that outlives its starter, so that it can be found and stopped.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::error::TornetError;
use super::node::TorNode;
use super::seed::write;
use crate::process::{runs, signal};

const FILE: &str = "tornet.json";

/// The processes of a private Tor network.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TornetState {
    /// The file for `arti_config` in a `[tor]` table.
    pub arti_config: PathBuf,
    /// Its processes.
    pub relays: Vec<RelayEntry>,
}

/// One process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayEntry {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// The program, so that a number taken over by another process is noticed.
    pub program: PathBuf,
}

impl TornetState {
    pub(super) fn new(arti_config: PathBuf, nodes: &[TorNode]) -> Self {
        let relays = nodes
            .iter()
            .filter_map(|node| {
                let process = node.process()?;
                let program = process.launch().program.clone();
                Some(RelayEntry { name: node.name().to_owned(), pid: process.pid(), program })
            })
            .collect();
        Self { arti_config, relays }
    }

    /// Reads the file in a network's directory.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn read(dir: &Path) -> Result<Self, TornetError> {
        let file = dir.join(FILE);
        let doing = || format!("read the private Tor network's file {}", file.display());
        let text = std::fs::read_to_string(&file).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => TornetError::NoNetwork(dir.to_path_buf()),
            _ => TornetError::system(doing())(source),
        })?;
        serde_json::from_str(&text).map_err(|error| TornetError::system(doing())(error.into()))
    }

    /// Writes the file in the network's directory.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn write(&self, dir: &Path) -> Result<(), TornetError> {
        let file = dir.join(FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| TornetError::system(format!("write {}", file.display()))(error.into()))?;
        write(&file, &text)
    }

    /// The names of the processes that do not run.
    #[must_use]
    pub fn ended(&self) -> Vec<String> {
        let ended = |relay: &&RelayEntry| !runs(relay.pid, &relay.program);
        self.relays.iter().filter(ended).map(|relay| relay.name.clone()).collect()
    }

    /// Kills every process that still runs.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn stop(&self) -> Result<(), TornetError> {
        for relay in self.relays.iter().filter(|relay| runs(relay.pid, &relay.program)) {
            signal(relay.pid, Signal::KILL)
                .map_err(TornetError::system(format!("end {} of the private Tor network", relay.name)))?;
        }
        Ok(())
    }
}
