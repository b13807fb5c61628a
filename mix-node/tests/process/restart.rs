//! A node that is told to end under load loses nothing that it was sent, and its neighbours count what they could not
//! send.

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

use super::support::{Theatre, frames};

const RESTARTS: usize = 10;
const PACKETS: usize = 14_000;
/// Most delays are far below the two seconds of the flush, and many longer than the time between two packets.
const DELAY_MEAN: Duration = Duration::from_millis(40);
/// Packets offered together, and how far apart.
const OFFER: usize = 12;
const OFFER_INTERVAL: Duration = Duration::from_millis(4);
/// Packets that the node has taken when it is told to end.
const LOAD: u64 = 700;

/// A neighbour as it is in the network: it keeps its link up and offers it packets, whether the node is there or not.
struct Neighbour {
    pool: PeerPool,
    /// Packets that the link has not taken.
    left: Arc<Mutex<VecDeque<Frame>>>,
    ends: Arc<AtomicBool>,
}

impl Neighbour {
    fn start(source: &Source, node: NodeId, packets: Vec<Frame>) -> Self {
        let connector =
            LinkConnector::for_node(Arc::new(TcpDialer), &source.secret, LinkTimes::default()).unwrap();
        let pool = PeerPool::new(connector, PeerTimes::default());
        let (left, ends) = (Arc::new(Mutex::new(VecDeque::from(packets))), Arc::new(AtomicBool::new(false)));
        let offering = {
            let (pool, left, ends) = (pool.clone(), Arc::clone(&left), Arc::clone(&ends));
            async move {
                while !ends.load(Ordering::Acquire) {
                    for _ in 0..OFFER {
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

    /// Packets that the link to the node of that address has taken.
    fn sent(&self) -> u64 {
        self.pool.report().iter().map(|peer| peer.packets_sent).sum()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_under_load_lose_no_packet() {
    let mut theatre = Theatre::open(2, 40).await;
    let (mut node, mut address) = theatre.start().await;
    let name = theatre.stage.hop().await.unwrap().node;
    let packets = frames(&theatre.packets(PACKETS, DELAY_MEAN).await);
    let neighbours: Vec<Neighbour> = theatre
        .stage
        .sources
        .iter()
        .zip(packets.chunks(PACKETS / 2))
        .map(|(source, packets)| Neighbour::start(source, name, packets.to_vec()))
        .collect();
    let mut forwarded = 0;
    for round in 0..RESTARTS {
        for neighbour in &neighbours {
            neighbour.pool.set_peers(vec![(name, address.clone())]);
        }
        node.wait_for("load", |status| status.report.ledger.received >= LOAD).await.unwrap();
        tokio::task::block_in_place(|| node.stop()).unwrap();
        let ended = theatre.ended();
        let sent: u64 = neighbours.iter().map(Neighbour::sent).sum();
        assert!(neighbours.iter().all(|neighbour| !neighbour.left.lock().unwrap().is_empty()), "under load");
        assert_eq!(ended.get("received"), Some(&sent), "round {round}: {ended:?}");
        assert_eq!(ended.get("forwarded"), Some(&sent), "round {round}: {ended:?}");
        for nothing in ["dropped", "stopped", "held", "lost_on_link"] {
            assert_eq!(ended.get(nothing), Some(&0), "round {round}: {ended:?}");
        }
        forwarded += sent;
        (node, address) = theatre.start().await;
    }
    theatre.came(forwarded).await;
    let (left, lost): (Vec<usize>, Vec<u64>) = neighbours
        .iter()
        .map(|neighbour| (neighbour.left.lock().unwrap().len(), neighbour.pool.lost_on_link()))
        .unzip();
    let (left, lost) = (u64::try_from(left.iter().sum::<usize>()).unwrap(), lost.iter().sum::<u64>());
    assert_eq!(forwarded + left + lost, u64::try_from(PACKETS).unwrap(), "the neighbours' own account");
    println!(
        "{RESTARTS} restarts: {forwarded} packets sent and forwarded, {lost} counted as lost by their senders"
    );
    node.stop().unwrap();
}
