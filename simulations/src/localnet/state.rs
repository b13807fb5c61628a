//! What `sotto-localnet` keeps in a file, so that `down` and `status` find what `up` has started.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use sotto_transport::clock::Clock;
use sotto_transport::node::control;

use super::error::LocalnetError;
use super::node::{Kind, Node};
use crate::process::{Process, TERMINATE_WAIT_MAX, runs, signal};
use crate::tornet::TornetState;
use crate::wait::wait_for;

const FILE: &str = "localnet.json";

/// A local network as its file describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalnetState {
    /// Version of this file.
    version: u32,
    /// The network's directory.
    dir: PathBuf,
    /// The network's link.
    pub link: String,
    /// Its processes.
    pub nodes: Vec<NodeEntry>,
    /// The private Tor network that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tor: Option<TornetState>,
}

/// One process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    /// Its name in the local network.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its process id.
    pub pid: u32,
    /// The program, so that a number taken over by another process is noticed.
    pub program: PathBuf,
    /// Its control socket.
    pub socket: PathBuf,
}

impl LocalnetState {
    pub(super) fn new(dir: &Path, link: &str, nodes: &[Node], tor: Option<TornetState>) -> Self {
        let entry = |node: &Node| {
            let process: &Process = node.process.as_ref()?;
            Some(NodeEntry {
                name: node.name.clone(),
                kind: node.kind,
                pid: process.pid(),
                program: process.launch().program.clone(),
                socket: node.socket(),
            })
        };
        Self {
            version: 1,
            dir: dir.to_path_buf(),
            link: link.to_owned(),
            nodes: nodes.iter().filter_map(entry).collect(),
            tor,
        }
    }

    /// Reads the file in a network's directory.
    ///
    /// # Errors
    /// [`LocalnetError::Directory`] if there is no network or its file is damaged.
    pub fn read(dir: &Path) -> Result<Self, LocalnetError> {
        let file = dir.join(FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| {
            LocalnetError::Directory(format!(
                "no local network in {}: {error}; start one with `sotto-localnet up`",
                dir.display()
            ))
        })?;
        serde_json::from_str(&text).map_err(|error| {
            LocalnetError::Directory(format!("{} is damaged ({error}): remove the directory", file.display()))
        })
    }

    /// Whether a network's file is in the directory.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Whether any of its processes runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.nodes.iter().any(|node| runs(node.pid, &node.program))
    }

    pub(super) fn write(&self) -> Result<(), LocalnetError> {
        let file = self.dir.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            LocalnetError::Directory(format!("cannot describe the network in {}: {error}", file.display()))
        })?;
        std::fs::write(&file, text).map_err(LocalnetError::system(format!("write {}", file.display())))
    }

    /// Ends every process that still runs: SIGTERM, and SIGKILL to whoever does not go. Returns the names of
    /// those that had to be killed.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn stop(&self) -> Result<Vec<String>, LocalnetError> {
        let clock = Clock::system();
        let running = || self.nodes.iter().filter(|node| runs(node.pid, &node.program));
        for node in &self.nodes {
            if runs(node.pid, &node.program) {
                signal(node.pid, Signal::TERM)
                    .map_err(LocalnetError::system(format!("end {}", node.name)))?;
            } else {
                // Gone, or started again by hand under a number that is not known: then its socket answers.
                let _gone = control::shutdown(&node.socket).await;
            }
        }
        let gone = || async { running().next().is_none().then_some(()) };
        wait_for(&clock, TERMINATE_WAIT_MAX, gone).await;
        let mut killed = Vec::new();
        for node in running() {
            signal(node.pid, Signal::KILL).map_err(LocalnetError::system(format!("kill {}", node.name)))?;
            killed.push(node.name.clone());
        }
        if let Some(tor) = &self.tor {
            tor.stop()?;
        }
        Ok(killed)
    }

    /// Removes the directory with all keys, stores and logs.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn remove(&self) -> Result<(), LocalnetError> {
        std::fs::remove_dir_all(&self.dir)
            .map_err(LocalnetError::system(format!("remove {}", self.dir.display())))
    }
}
