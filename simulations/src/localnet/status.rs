//! How a local network is doing: one line a node, for people and as JSON.

use std::fmt::{self, Write as _};

use serde::Serialize;
use sotto_protocol::ledger::LedgerReport;
use sotto_transport::node::control;
use sotto_transport::tor::OnionState;

use super::node::{Kind, NodeReport, OnionReport};
use super::state::{LocalnetState, NodeEntry};
use crate::process::runs;
use crate::tornet::TornetState;

/// A network at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkStatus {
    /// Its link.
    pub link: String,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Processes of its private Tor network that have ended; none if it has no such network.
    pub tor_ended: Option<Vec<String>>,
}

/// One node at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct NodeStatus {
    /// Its name in the local network.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its place in the consensus: `entry`, `mix-1` to `mix-3`, `mailbox`.
    pub place: Option<String>,
    /// Its process id.
    pub pid: u32,
    /// Whether the process runs.
    pub running: bool,
    /// Memory in use, in KiB.
    pub rss_kib: Option<u64>,
    /// What became of its packets.
    pub ledger: Option<LedgerReport>,
    /// Its onion service, if it has one.
    pub onion: Option<OnionReport>,
    /// Why it did not answer, if it did not.
    pub trouble: Option<String>,
}

impl NetworkStatus {
    /// Asks every node.
    pub async fn ask(state: &LocalnetState) -> Self {
        let mut nodes = Vec::new();
        for node in &state.nodes {
            nodes.push(NodeStatus::ask(node).await);
        }
        let tor_ended = state.tor.as_ref().map(TornetState::ended);
        Self { link: state.link.clone(), nodes, tor_ended }
    }

    /// Whether every process runs and answers.
    #[must_use]
    pub fn all_well(&self) -> bool {
        self.nodes.iter().all(|node| node.running && node.trouble.is_none())
            && self.tor_ended.as_ref().is_none_or(Vec::is_empty)
    }
}

impl NodeStatus {
    async fn ask(node: &NodeEntry) -> Self {
        let running = runs(node.pid, &node.program);
        let mut status = Self {
            name: node.name.clone(),
            kind: node.kind,
            place: None,
            pid: node.pid,
            running,
            rss_kib: None,
            ledger: None,
            onion: None,
            trouble: None,
        };
        match control::status(&node.socket).await {
            Ok(value) => {
                // Under another number if somebody has restarted it by hand.
                status.running = true;
                status.rss_kib = value.get("rss_kib").and_then(serde_json::Value::as_u64);
                status.onion = OnionReport::of(&value);
                if node.kind != Kind::Authority {
                    match serde_json::from_value::<NodeReport>(value) {
                        Ok(report) => {
                            status.place = Some(report.place().to_owned());
                            status.ledger = Some(report.ledger);
                        }
                        Err(error) => status.trouble = Some(format!("unexpected answer: {error}")),
                    }
                }
            }
            Err(error) if running => status.trouble = Some(error.to_string()),
            Err(_) => status.trouble = Some("not running".to_owned()),
        }
        status
    }
}

impl fmt::Display for NetworkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:<10} {:>8} {:>9} {:>10} {:>10} {:>10} {:>8} {:>6}  ",
            "node", "place", "pid", "memory", "received", "forwarded", "delivered", "dropped", "held"
        )?;
        for node in &self.nodes {
            let memory = node.rss_kib.map_or_else(|| "?".to_owned(), mebibytes);
            let mut line = format!(
                "{:<12} {:<10} {:>8} {memory:>9}",
                node.name,
                node.place.as_deref().unwrap_or("-"),
                node.pid
            );
            if let Some(ledger) = &node.ledger {
                write!(
                    line,
                    " {:>10} {:>10} {:>10} {:>8} {:>6}",
                    ledger.received,
                    ledger.forwarded,
                    ledger.delivered_total(),
                    ledger.dropped_total(),
                    ledger.held
                )?;
            }
            if let Some(trouble) = &node.trouble {
                write!(line, "  {trouble}")?;
            }
            writeln!(f, "{line}")?;
        }
        for node in &self.nodes {
            if let Some(OnionReport { address, state, why }) = &node.onion {
                write!(f, "{:<12} {address} ", node.name)?;
                match (state, why) {
                    (OnionState::Reachable, _) => writeln!(f, "reachable")?,
                    (_, Some(why)) => writeln!(f, "not reachable: {why}")?,
                    (_, None) => writeln!(f, "not reachable yet")?,
                }
            }
        }
        match self.tor_ended.as_deref() {
            Some([]) => writeln!(f, "the private Tor network runs")?,
            Some(ended) => writeln!(f, "of the private Tor network do not run: {}", ended.join(", "))?,
            None => {}
        }
        write!(f, "network link: {}", self.link)
    }
}

fn mebibytes(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}
