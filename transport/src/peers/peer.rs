//! One outgoing link: the task that keeps it up, and what is known of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use tokio::sync::mpsc;

use super::{PEER_QUEUE_MAX, PeerReport, PeerTimes, Shared, lock};
use crate::clock::Stopwatch;
use crate::link::{Link, LinkConnector, LinkError};
use crate::listen::LinkFailures;
use crate::node::shutdown::Shutdown;

/// Frames that are written together at most.
const BATCH_MAX: usize = 64;

/// A peer, shared by the pool and the task.
#[derive(Debug)]
pub(super) struct Peer {
    node: NodeId,
    pub(super) address: String,
    /// The way to the task that sends, while there is a link.
    queue: Mutex<Option<mpsc::Sender<Frame>>>,
    retired: Shutdown,
    packets_sent: AtomicU64,
    packets_lost: AtomicU64,
    connects: AtomicU64,
    failures: LinkFailures,
    shared: Arc<Shared>,
}

impl Peer {
    pub(super) fn new(node: NodeId, address: String, shared: Arc<Shared>) -> Self {
        Self {
            node,
            address,
            queue: Mutex::new(None),
            retired: Shutdown::new(),
            packets_sent: AtomicU64::new(0),
            packets_lost: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            failures: LinkFailures::default(),
            shared,
        }
    }

    /// Lets the task send what is queued, and end.
    pub(super) fn retire(&self) {
        self.retired.trigger();
        *lock(&self.queue) = None;
    }

    pub(super) fn is_up(&self) -> bool {
        lock(&self.queue).is_some()
    }

    /// The way to the task that sends, while there is a link.
    pub(super) fn queue(&self) -> Option<mpsc::Sender<Frame>> {
        lock(&self.queue).clone()
    }

    /// Opens the queue, unless the peer was retired while the link was being made.
    fn open_queue(self: &Arc<Self>) -> Option<Queue> {
        let (sender, receiver) = mpsc::channel(PEER_QUEUE_MAX);
        let mut queue = lock(&self.queue);
        if self.retired.is_triggered() {
            return None;
        }
        *queue = Some(sender);
        drop(queue);
        self.connects.fetch_add(1, Ordering::AcqRel);
        self.shared.changed();
        Some(Queue { peer: Arc::clone(self), receiver, batch: Vec::with_capacity(BATCH_MAX) })
    }

    fn count_sent(&self, frame: &Frame) {
        if matches!(frame, Frame::Packet(_)) {
            self.packets_sent.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn count_lost(&self, frame: &Frame) {
        if matches!(frame, Frame::Packet(_)) {
            self.packets_lost.fetch_add(1, Ordering::AcqRel);
            self.shared.packets_lost.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn report(&self) -> PeerReport {
        let queued = lock(&self.queue).as_ref().map(|queue| queue.max_capacity() - queue.capacity());
        PeerReport {
            node: self.node.to_string(),
            up: queued.is_some(),
            queued: queued.unwrap_or_default(),
            packets_sent: self.packets_sent.load(Ordering::Acquire),
            packets_lost: self.packets_lost.load(Ordering::Acquire),
            connects: self.connects.load(Ordering::Acquire),
            failures: self.failures.snapshot(),
        }
    }
}

/// The frames that wait for one link. Dropped, it closes, and what is left in it counts as lost, also where the task that
/// sends is cut off.
struct Queue {
    peer: Arc<Peer>,
    receiver: mpsc::Receiver<Frame>,
    /// What is being written. Whether the system has taken a part of it is not known if the writing is cut off.
    batch: Vec<Frame>,
}

impl Drop for Queue {
    fn drop(&mut self) {
        *lock(&self.peer.queue) = None;
        self.receiver.close();
        for frame in self.batch.drain(..) {
            self.peer.count_lost(&frame);
        }
        while let Ok(frame) = self.receiver.try_recv() {
            self.peer.count_lost(&frame);
        }
        self.peer.shared.changed();
    }
}

/// Keeps the link to one peer up until it is retired.
pub(super) async fn keep_up(peer: Arc<Peer>, connector: LinkConnector, times: PeerTimes) {
    let mut failures = 0_u32;
    // A failure is worth a line in the log when it is another than before.
    let mut label_before = "";
    while !peer.retired.is_triggered() {
        let link = tokio::select! {
            link = connector.connect(&peer.node, &peer.address) => link,
            () = peer.retired.triggered() => return,
        };
        let ended = match link {
            Ok(link) => {
                let Some(mut queue) = peer.open_queue() else {
                    return;
                };
                tracing::info!(node = peer.node.short(), "link is up");
                let lasted = Stopwatch::start();
                let ended = pump(link, &mut queue).await;
                drop(queue);
                if lasted.elapsed() >= times.settled_after {
                    failures = 0;
                }
                ended
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let (node, label) = (peer.node.short(), error.label());
            if label == label_before {
                tracing::debug!(node, label, %error, "still no link");
            } else {
                tracing::info!(node, label, %error, "no link");
            }
            label_before = label;
            peer.failures.count(label);
        }
        if failures > 0 {
            tokio::select! {
                () = tokio::time::sleep(times.backoff(failures - 1)) => {}
                () = peer.retired.triggered() => {}
            }
        }
        failures = failures.saturating_add(1);
    }
}

/// Sends what is queued until the queue is closed and empty, or the link breaks. What has queued up goes in one
/// piece.
async fn pump(link: Link, queue: &mut Queue) -> Result<(), LinkError> {
    let (mut reader, mut writer) = link.split();
    loop {
        tokio::select! {
            count = queue.receiver.recv_many(&mut queue.batch, BATCH_MAX) => {
                if count == 0 {
                    return Ok(());
                }
                let sent = writer.send_all(&queue.batch).await;
                let taken = sent.as_ref().map_or_else(|(taken, _)| *taken, |()| count);
                for frame in queue.batch.drain(..taken.min(count)) {
                    queue.peer.count_sent(&frame);
                }
                // After a failure the rest is lost with the queue.
                sent.map_err(|(_, error)| error)?;
            }
            incoming = reader.next() => match incoming? {
                Frame::Refused { label, text } => return Err(LinkError::Refused { label, text }),
                _ => {
                    let error = LinkError::Unexpected("nothing but a refusal on a link between nodes");
                    writer.refuse(error.label(), &error.to_string());
                    return Err(error);
                }
            },
        }
    }
}
