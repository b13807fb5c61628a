//! A neighbour of the node as it is in the network.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sotto_mix_node::stage::Source;
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_transport::dial::TcpDialer;
use sotto_transport::link::{LinkConnector, LinkTimes};
use sotto_transport::peers::{PeerPool, PeerTimes};

/// How far apart it offers packets.
const OFFER_INTERVAL: Duration = Duration::from_millis(4);

/// It keeps its link up and offers it packets, whether the node is there or not.
pub struct Neighbour {
    pub pool: PeerPool,
    /// Packets that the link has not taken.
    left: Arc<Mutex<VecDeque<Frame>>>,
    ends: Arc<AtomicBool>,
}

impl Neighbour {
    /// Offers these packets, `offer` of them together.
    pub fn start(source: &Source, node: NodeId, packets: Vec<Frame>, offer: usize) -> Self {
        let connector =
            LinkConnector::for_node(Arc::new(TcpDialer), &source.secret, LinkTimes::default()).unwrap();
        let pool = PeerPool::new(connector, PeerTimes::default());
        let (left, ends) = (Arc::new(Mutex::new(VecDeque::from(packets))), Arc::new(AtomicBool::new(false)));
        let offering = {
            let (pool, left, ends) = (pool.clone(), Arc::clone(&left), Arc::clone(&ends));
            async move {
                while !ends.load(Ordering::Acquire) {
                    for _ in 0..offer {
                        let mut left = left.lock().unwrap();
                        let Some(packet) = left.pop_front() else { return };
                        if pool.try_send(&node, packet.clone()).is_err() {
                            left.push_front(packet);
                        }
                    }
                    tokio::time::sleep(OFFER_INTERVAL).await;
                }
            }
        };
        tokio::spawn(offering);
        Self { pool, left, ends }
    }

    /// Packets that are still to be offered.
    pub fn left(&self) -> usize {
        self.left.lock().unwrap().len()
    }

    /// Packets that the link to the node of that address has taken.
    pub fn sent(&self) -> u64 {
        self.pool.report().iter().map(|peer| peer.packets_sent).sum()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
    }
}
