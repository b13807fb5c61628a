//! The local network: founding it, waiting until it works, killing and restarting nodes, ending it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use sotto_protocol::ledger::LedgerReport;
use sotto_transport::clock::Clock;
use sotto_transport::node::control;
use sotto_transport::tor::OnionState;

use super::error::LocalnetError;
use super::node::{Kind, Node, NodeReport, OnionReport};
use super::plan::LocalnetPlan;
use super::programs::Programs;
use super::state::LocalnetState;
use super::tap::Tap;
use crate::process::{Process, signal};
use crate::wait::pause;

/// How long the network may take to start, a node to come back, or the books to come to rest.
const READY_WAIT_MAX: Duration = Duration::from_secs(60);

/// A network whose processes this one has started.
#[derive(Debug)]
pub struct Localnet {
    pub(super) dir: PathBuf,
    pub(super) plan: LocalnetPlan,
    pub(super) programs: Programs,
    pub(super) clock: Clock,
    pub(super) link: String,
    pub(super) nodes: Vec<Node>,
    pub(super) taps: BTreeMap<String, Tap>,
    detached: bool,
}

impl Localnet {
    /// Founds a network below `dir`, which must be empty or absent, and waits until every node has the first
    /// consensus and all its links. The processes end with this one unless `detached`.
    ///
    /// # Errors
    /// [`LocalnetError`] names the node that failed and its log.
    pub async fn up(dir: &Path, plan: LocalnetPlan, detached: bool) -> Result<Self, LocalnetError> {
        let programs = Programs::beside_this_one()?;
        let dir = std::path::absolute(dir).map_err(LocalnetError::system("find the current directory"))?;
        std::fs::create_dir_all(&dir)
            .map_err(LocalnetError::system(format!("make the directory {}", dir.display())))?;
        let mut network = Self {
            dir,
            programs,
            clock: Clock::system(),
            link: String::new(),
            nodes: Vec::new(),
            taps: BTreeMap::new(),
            detached,
            plan,
        };
        network.found().await?;
        for name in network.names() {
            network.restart(&name)?;
            // Written after each start, so that whatever runs can be found and stopped.
            network.state().write()?;
        }
        network.wait_ready().await?;
        Ok(network)
    }

    /// The network's link, for `sotto init`.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it consists of.
    #[must_use]
    pub fn plan(&self) -> &LocalnetPlan {
        &self.plan
    }

    /// Where the programs are.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The clock that the taps use.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The tap in front of a node, if the plan has taps.
    #[must_use]
    pub fn tap(&self, name: &str) -> Option<&Tap> {
        self.taps.get(name)
    }

    /// The nodes' names, the authority first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// Everything needed to find and stop this network from another process.
    #[must_use]
    pub fn state(&self) -> LocalnetState {
        let tor = self.plan.tor.as_ref().and_then(|tor| tor.network.clone());
        LocalnetState::new(&self.dir, &self.link, &self.nodes, tor)
    }

    /// Kills a node with SIGKILL.
    ///
    /// # Errors
    /// [`LocalnetError::NoNode`], or the system's refusal.
    pub async fn kill(&mut self, name: &str) -> Result<(), LocalnetError> {
        let process = self.node_mut(name)?.process.take();
        let process = process.ok_or_else(|| LocalnetError::NoNode(name.to_owned()))?;
        process.kill().await.map_err(LocalnetError::system(format!("kill {name}")))
    }

    /// Starts a node that does not run, on its directory.
    ///
    /// # Errors
    /// [`LocalnetError::NoNode`], or the program cannot be started.
    pub fn restart(&mut self, name: &str) -> Result<(), LocalnetError> {
        let (programs, detached) = (self.programs.clone(), self.detached);
        self.node_mut(name)?.start(&programs, detached)
    }

    /// Waits until every node runs, has a consensus and all its links, and its onion service if it has one.
    ///
    /// # Errors
    /// [`LocalnetError::NotReady`] or [`LocalnetError::Ended`] with the log.
    pub async fn wait_ready(&mut self) -> Result<(), LocalnetError> {
        let clock = self.clock.clone();
        let with_onions = self.plan.tor.is_some();
        for node in &mut self.nodes {
            let deadline = clock.now() + READY_WAIT_MAX;
            loop {
                node.check_alive()?;
                if is_ready(node, with_onions && node.kind.has_onion()).await {
                    break;
                }
                if clock.now() > deadline {
                    let (name, log) = (node.name.clone(), node.log());
                    return Err(LocalnetError::NotReady { name, waited_s: READY_WAIT_MAX.as_secs(), log });
                }
                pause(&clock).await;
            }
        }
        Ok(())
    }

    /// What every entry, mix and mailbox says of itself, by name.
    ///
    /// # Errors
    /// A node that does not run or does not answer.
    pub async fn reports(&self) -> Result<Vec<(String, NodeReport)>, LocalnetError> {
        let mut reports = Vec::new();
        for node in self.nodes.iter().filter(|node| node.kind != Kind::Authority) {
            reports.push((node.name.clone(), report(node).await?));
        }
        Ok(reports)
    }

    /// Lets the nodes stop making packets of their own, and waits until no packet is on its way through a node or
    /// between two. To be called when no client runs any more.
    ///
    /// # Errors
    /// A node does not answer. If the books do not come to rest the last reports are returned as they are:
    /// the caller sees in them what is missing.
    pub async fn come_to_rest(&self) -> Result<Vec<(String, NodeReport)>, LocalnetError> {
        for node in self.nodes.iter().filter(|node| node.kind != Kind::Authority) {
            control::quiesce(&node.socket())
                .await
                .map_err(|source| LocalnetError::Socket { name: node.name.clone(), source })?;
        }
        let deadline = self.clock.now() + READY_WAIT_MAX;
        loop {
            let reports = self.reports().await?;
            let sum = LedgerReport::sum(reports.iter().map(|(_, report)| &report.ledger));
            let at_rest = reports.iter().all(|(_, report)| report.is_at_rest()) && sum.flow_balanced();
            if at_rest || self.clock.now() > deadline {
                return Ok(reports);
            }
            pause(&self.clock).await;
        }
    }

    /// Ends every process with SIGTERM. Returns the names of those that had to be killed.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn down(mut self) -> Result<Vec<String>, LocalnetError> {
        // All at once, so that ten seconds of waiting are not ten times eleven.
        let running: Vec<(String, Process)> = self
            .nodes
            .iter_mut()
            .filter_map(|node| Some((node.name.clone(), node.process.take()?)))
            .collect();
        for (name, process) in &running {
            signal(process.pid(), Signal::TERM).map_err(LocalnetError::system(format!("end {name}")))?;
        }
        let mut killed = Vec::new();
        for (name, process) in running {
            let ended = process.terminate().await.map_err(LocalnetError::system(format!("end {name}")))?;
            if !ended {
                killed.push(name);
            }
        }
        Ok(killed)
    }

    fn node_mut(&mut self, name: &str) -> Result<&mut Node, LocalnetError> {
        self.nodes
            .iter_mut()
            .find(|node| node.name == name)
            .ok_or_else(|| LocalnetError::NoNode(name.to_owned()))
    }
}

/// Whether a node can do its work.
async fn is_ready(node: &Node, with_onion: bool) -> bool {
    let Ok(status) = node.raw_status().await else { return false };
    if with_onion && OnionReport::of(&status).is_none_or(|onion| onion.state != OnionState::Reachable) {
        return false;
    }
    // An authority has no links of its own: it is asked by the others.
    node.kind == Kind::Authority
        || serde_json::from_value::<NodeReport>(status).is_ok_and(|report| report.is_ready())
}

async fn report(node: &Node) -> Result<NodeReport, LocalnetError> {
    let status = node.raw_status().await?;
    serde_json::from_value(status)
        .map_err(|error| LocalnetError::Answer { name: node.name.clone(), what: error.to_string() })
}
