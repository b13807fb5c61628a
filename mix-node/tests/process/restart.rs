//! A node that is told to end under load loses nothing that it was sent, and its neighbours count what they could not
//! send.

use std::time::Duration;

use super::neighbour::Neighbour;
use super::support::{Theatre, frames};

const RESTARTS: usize = 10;
const PACKETS: usize = 14_000;
/// Most delays are far below the two seconds of the flush, and many longer than the time between two packets.
const DELAY_MEAN: Duration = Duration::from_millis(40);
/// Packets that each neighbour offers together.
const OFFER: usize = 12;
/// Packets that the node has taken when it is told to end.
const LOAD: u64 = 700;

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
        .map(|(source, packets)| Neighbour::start(source, name, packets.to_vec(), OFFER))
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
        assert!(neighbours.iter().all(|neighbour| neighbour.left() > 0), "under load");
        assert_eq!(ended.get("received"), Some(&sent), "round {round}: {ended:?}");
        assert_eq!(ended.get("forwarded"), Some(&sent), "round {round}: {ended:?}");
        for nothing in ["dropped", "stopped", "held", "lost_on_link"] {
            assert_eq!(ended.get(nothing), Some(&0), "round {round}: {ended:?}");
        }
        forwarded += sent;
        (node, address) = theatre.start().await;
    }
    theatre.came(forwarded).await;
    let (left, lost): (Vec<usize>, Vec<u64>) =
        neighbours.iter().map(|neighbour| (neighbour.left(), neighbour.pool.lost_on_link())).unzip();
    let (left, lost) = (u64::try_from(left.iter().sum::<usize>()).unwrap(), lost.iter().sum::<u64>());
    assert_eq!(forwarded + left + lost, u64::try_from(PACKETS).unwrap(), "the neighbours' own account");
    println!(
        "{RESTARTS} restarts: {forwarded} packets sent and forwarded, {lost} counted as lost by their senders"
    );
    node.stop().unwrap();
}
