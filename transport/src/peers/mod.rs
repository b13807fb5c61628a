//! A node's outgoing links to other nodes: kept up in the background, each with a bounded queue.
//!
//! What is counted: a packet that [`PeerPool::try_send`] has accepted is *sent* once the system has taken it, and
//! *lost* when its link breaks before that. A packet that the system has taken may still be lost with a
//! peer that dies: TCP does not tell, so a sender cannot count it. It is not sent again either: a packet seen
//! twice would be dropped as a replay, and a network that repeats packets tells an observer which they are. What
//! must arrive is repeated by its sender, end to end, as new packets.
//!
//! Which nodes are peers is for the core and the consensus to say, and so is cover on these links.

mod peer;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt;
use serde::Serialize;
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::link::LinkConnector;
use crate::rng::OsRng;
use peer::{Peer, keep_up};

/// Frames that may wait for one peer. More than that, and the peer is slower than its traffic.
pub const PEER_QUEUE_MAX: usize = 1024;

/// How a pool tries again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerTimes {
    /// The first wait. After a first failure the next attempt is made at once; each further failure doubles the
    /// wait. Of each wait a random part, up to half, is left out, so that many nodes do not return to a restarted one in
    /// step.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// A link that lasted this long counts as a success: when it breaks, the next attempt is made at once.
    pub settled_after: Duration,
}

impl Default for PeerTimes {
    /// From 50 ms to 5 s; a link has settled after 1 s.
    fn default() -> Self {
        Self {
            backoff_first: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
            settled_after: Duration::from_secs(1),
        }
    }
}

impl PeerTimes {
    fn backoff(&self, failures: u32) -> Duration {
        let doubled = self.backoff_first.saturating_mul(2_u32.saturating_pow(failures));
        doubled.min(self.backoff_max).mul_f64(OsRng.random_range(0.5..=1.0))
    }
}

/// Why a frame was not accepted for sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendRefusal {
    /// The node is not one of the peers.
    #[error("the node is not a peer")]
    Unknown,
    /// There is no link to it at the moment.
    #[error("there is no link to the node at the moment")]
    Down,
    /// Its queue is full.
    #[error("{PEER_QUEUE_MAX} frames wait for the node already")]
    Full,
}

impl SendRefusal {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "peer-unknown",
            Self::Down => "peer-down",
            Self::Full => "peer-queue-full",
        }
    }
}

/// The state of one outgoing link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PeerReport {
    /// The peer, in hexadecimal.
    pub node: String,
    /// Whether there is a link.
    pub up: bool,
    /// Frames that wait.
    pub queued: usize,
    /// Packets that the system has taken. Dummies and other frames are not counted.
    pub packets_sent: u64,
    /// Packets that were accepted and lost with a link.
    pub packets_lost: u64,
    /// Links made so far.
    pub connects: u64,
    /// Attempts and links that failed, by label.
    pub failures: BTreeMap<String, u64>,
}

/// The outgoing links. Clones are the same pool; its tasks end with the last of them.
#[derive(Clone, Debug)]
pub struct PeerPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    connector: LinkConnector,
    times: PeerTimes,
    peers: Mutex<HashMap<NodeId, Arc<Peer>>>,
    tasks: Mutex<JoinSet<()>>,
    shared: Arc<Shared>,
}

/// What outlives a single peer.
#[derive(Debug, Default)]
struct Shared {
    packets_lost: AtomicU64,
    /// Changes whenever a link comes up or goes down, or the peers change.
    changes: watch::Sender<u64>,
}

impl Shared {
    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl PeerPool {
    /// A pool without peers.
    #[must_use]
    pub fn new(connector: LinkConnector, times: PeerTimes) -> Self {
        Self(Arc::new(Pool {
            connector,
            times,
            peers: Mutex::default(),
            tasks: Mutex::default(),
            shared: Arc::default(),
        }))
    }

    /// Sets the peers and their addresses. Links to new ones are made in the background; links to
    /// those that are left out send what is queued and close; a changed address means a new link.
    ///
    /// Must be called within a tokio runtime.
    pub fn set_peers(&self, wanted: Vec<(NodeId, String)>) {
        let wanted: HashMap<NodeId, String> = wanted.into_iter().collect();
        let mut peers = lock(&self.0.peers);
        let mut tasks = lock(&self.0.tasks);
        while tasks.try_join_next().is_some() {}
        peers.retain(|node, peer| {
            let stays = wanted.get(node) == Some(&peer.address);
            if !stays {
                peer.retire();
            }
            stays
        });
        for (node, address) in wanted {
            peers.entry(node).or_insert_with(|| {
                let peer = Arc::new(Peer::new(node, address, Arc::clone(&self.0.shared)));
                tasks.spawn(keep_up(Arc::clone(&peer), self.0.connector.clone(), self.0.times));
                peer
            });
        }
        drop((peers, tasks));
        self.0.shared.changed();
    }

    /// Queues a frame for a peer.
    ///
    /// # Errors
    ///
    /// When the frame cannot be queued; it is dropped then.
    pub fn try_send(&self, node: &NodeId, frame: Frame) -> Result<(), SendRefusal> {
        let peers = lock(&self.0.peers);
        let queue = peers.get(node).ok_or(SendRefusal::Unknown)?.queue();
        drop(peers);
        queue.ok_or(SendRefusal::Down)?.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendRefusal::Full,
            mpsc::error::TrySendError::Closed(_) => SendRefusal::Down,
        })
    }

    /// Whether there is a link to `node`.
    #[must_use]
    pub fn is_up(&self, node: &NodeId) -> bool {
        lock(&self.0.peers).get(node).is_some_and(|peer| peer.is_up())
    }

    /// Returns when there is a link to `node`. Waits also for a node that is not a peer yet.
    pub async fn wait_up(&self, node: &NodeId) {
        let mut changes = self.0.shared.changes.subscribe();
        // The sender lives as long as `self`, so the wait cannot end for another reason.
        drop(changes.wait_for(|_count| self.is_up(node)).await);
    }

    /// Packets that were accepted and lost with a link, over all peers there ever were.
    #[must_use]
    pub fn lost_on_link(&self) -> u64 {
        self.0.shared.packets_lost.load(Ordering::Acquire)
    }

    /// The state of each link, by node.
    #[must_use]
    pub fn report(&self) -> Vec<PeerReport> {
        let mut reports: Vec<_> = lock(&self.0.peers).values().map(|peer| peer.report()).collect();
        reports.sort_by(|a, b| a.node.cmp(&b.node));
        reports
    }

    /// Sends what is queued, closes all links, and waits `wait_max` at most for that. The pool has no
    /// peers afterwards. What a peer has not taken by then is lost, and counted as such; of frames that are being
    /// written at that moment, 64 for each peer at most, it cannot be known, and they count as lost, too.
    pub async fn close(&self, wait_max: Duration) {
        self.set_peers(Vec::new());
        let mut tasks = std::mem::take(&mut *lock(&self.0.tasks));
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(wait_max, all_ended).await.is_err() {
            tracing::warn!(links = tasks.len(), "gave up on links that did not take their last frames");
            tasks.shutdown().await;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.peers).values().for_each(|peer| peer.retire());
        // Dropping the set would stop them; they are to send what is queued.
        lock(&self.tasks).detach_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit_and_is_jittered() {
        let times = PeerTimes::default();
        for (failures, longest_ms) in
            [(0, 50), (1, 100), (2, 200), (6, 3200), (7, 5000), (63, 5000), (u32::MAX, 5000)]
        {
            let longest = Duration::from_millis(longest_ms);
            for _ in 0..50 {
                let wait = times.backoff(failures);
                assert!(wait >= longest / 2 && wait <= longest, "{failures}: {wait:?}");
            }
        }
    }
}
