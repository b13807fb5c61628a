//! The pool of outgoing links: kept up, bounded, and exact about what it lost.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_transport::dial::TcpDialer;
use sotto_transport::link::{LinkConnector, LinkTimes, Peer};
use sotto_transport::peers::{PEER_QUEUE_MAX, PeerPool, PeerReport, PeerTimes, SendRefusal};

use crate::support::{
    Node, drain_packets, eventually, id, node_connector, packet, packet_number, secret, soon,
};

fn pool() -> PeerPool {
    PeerPool::new(node_connector(9), PeerTimes::default())
}

fn peer(node: &Node) -> (sotto_protocol::ident::NodeId, String) {
    (node.id, node.address.clone())
}

fn only_report(pool: &PeerPool) -> PeerReport {
    let [report] = pool.report().try_into().unwrap();
    report
}

#[tokio::test]
async fn packets_arrive_in_order_and_are_counted() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    let mut there = node.next_link().await;
    assert_eq!(there.peer(), Peer::Node(id(9)));
    for number in 0..500 {
        pool.try_send(&node.id, packet(number)).unwrap();
    }
    pool.try_send(&node.id, Frame::Dummy).unwrap();
    for number in 0..500 {
        assert_eq!(packet_number(&soon(there.next()).await.unwrap()), number);
    }
    assert!(matches!(soon(there.next()).await.unwrap(), Frame::Dummy));
    eventually("all is counted", || only_report(&pool).packets_sent == 500).await;
    let report = only_report(&pool);
    assert_eq!((report.up, report.queued, report.packets_lost, report.connects), (true, 0, 0, 1));
    assert_eq!(report.node, id(1).to_string());
    assert!(report.failures.is_empty());
}

#[tokio::test]
async fn frames_for_nobody_and_for_a_link_that_is_down_are_refused() {
    let node = Node::start(1).await;
    let gone = peer(&node);
    node.stop().await;
    let pool = pool();
    assert_eq!(pool.try_send(&id(1), packet(0)), Err(SendRefusal::Unknown));
    pool.set_peers(vec![gone]);
    assert_eq!(pool.try_send(&id(1), packet(0)), Err(SendRefusal::Down));
    eventually("it was tried more than once", || {
        only_report(&pool).failures.get("unreachable").is_some_and(|count| *count >= 2)
    })
    .await;
    assert_eq!(pool.try_send(&id(1), packet(0)), Err(SendRefusal::Down));
    assert_eq!(pool.lost_on_link(), 0, "what was refused was not lost");
}

#[tokio::test]
async fn the_link_is_made_again_when_the_listener_comes_back() {
    let mut node = Node::start(1).await;
    let address = node.address.clone();
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&id(1))).await;
    drop(node.next_link().await);
    node.stop().await;
    eventually("the link is down", || !pool.is_up(&id(1))).await;
    eventually("somebody tried in vain", || only_report(&pool).failures.contains_key("unreachable")).await;
    let mut node = Node::start_with(1, &address, LinkTimes::default()).await;
    let mut there = node.next_link().await;
    soon(pool.wait_up(&id(1))).await;
    pool.try_send(&id(1), packet(7)).unwrap();
    assert_eq!(packet_number(&soon(there.next()).await.unwrap()), 7);
    assert_eq!(only_report(&pool).connects, 2);
}

/// Sends packets to a peer that reads nothing until nothing moves any more; returns how many were accepted.
async fn fill(pool: &PeerPool, node: &Node) -> u32 {
    let mut accepted = 0;
    let mut refused_in_row = 0;
    // Once the sockets are full as well, nothing moves any more.
    while refused_in_row < 20 {
        match pool.try_send(&node.id, packet(accepted)) {
            Ok(()) => {
                accepted += 1;
                refused_in_row = 0;
            }
            Err(refusal) => {
                assert_eq!(refusal, SendRefusal::Full);
                refused_in_row += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    accepted
}

#[tokio::test]
async fn a_full_queue_refuses_and_every_packet_is_accounted_for() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    // A peer that does not read.
    let there = node.next_link().await;
    let accepted = fill(&pool, &node).await;
    assert!(accepted as usize >= PEER_QUEUE_MAX);
    assert_eq!(only_report(&pool).queued, PEER_QUEUE_MAX);
    drop(there);
    eventually("all is sent or lost", || {
        let report = only_report(&pool);
        report.packets_sent + report.packets_lost == u64::from(accepted)
    })
    .await;
    let report = only_report(&pool);
    assert!(report.packets_lost > 0, "{report:?}");
    assert_eq!(pool.lost_on_link(), report.packets_lost);
}

#[tokio::test]
async fn a_peer_that_is_left_out_gets_what_is_queued() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    let (mut reader, _writer) = node.next_link().await.split();
    for number in 0..300 {
        pool.try_send(&node.id, packet(number)).unwrap();
    }
    pool.set_peers(Vec::new());
    assert_eq!(pool.try_send(&node.id, packet(300)), Err(SendRefusal::Unknown));
    let (numbers, ended) = drain_packets(&mut reader).await;
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    assert_eq!(ended.label(), "closed");
    assert_eq!(pool.lost_on_link(), 0);
}

#[tokio::test]
async fn a_pool_that_closes_sends_what_is_queued() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    let (mut reader, _writer) = node.next_link().await.split();
    for number in 0..300 {
        pool.try_send(&node.id, packet(number)).unwrap();
    }
    pool.close(Duration::from_secs(10)).await;
    assert_eq!(drain_packets(&mut reader).await.0.len(), 300);
    assert!(pool.report().is_empty());
}

#[tokio::test]
async fn a_pool_that_closes_counts_what_a_peer_does_not_take() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    let (mut reader, _writer) = node.next_link().await.split();
    let accepted = u64::from(fill(&pool, &node).await);
    pool.close(Duration::from_millis(50)).await;
    let came = u64::try_from(drain_packets(&mut reader).await.0.len()).unwrap();
    let lost = pool.lost_on_link();
    assert!(lost >= u64::try_from(PEER_QUEUE_MAX).unwrap(), "{lost}");
    // What was being written may have come.
    assert!((accepted..=accepted + 64).contains(&(came + lost)), "{accepted}: {came} came, {lost} lost");
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut_off_and_tried_again() {
    let times = LinkTimes { stall_max: Duration::from_millis(300), ..LinkTimes::default() };
    let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret(9), times).unwrap();
    let pool = PeerPool::new(connector, PeerTimes::default());
    let mut node = Node::start(1).await;
    pool.set_peers(vec![peer(&node)]);
    soon(pool.wait_up(&node.id)).await;
    let deaf = node.next_link().await;
    let mut accepted = 0;
    while only_report(&pool).failures.is_empty() {
        accepted += u32::from(pool.try_send(&node.id, packet(accepted)).is_ok());
        if only_report(&pool).queued == PEER_QUEUE_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let report = only_report(&pool);
    assert_eq!(report.failures.get("stalled"), Some(&1), "{report:?}");
    assert!(report.packets_lost >= u64::try_from(PEER_QUEUE_MAX).unwrap(), "{report:?}");
    drop(deaf);
    let mut there = node.next_link().await;
    soon(pool.wait_up(&node.id)).await;
    pool.try_send(&node.id, packet(7)).unwrap();
    while packet_number(&soon(there.next()).await.unwrap()) != 7 {}
    assert_eq!(only_report(&pool).connects, 2);
}

#[tokio::test]
async fn a_new_address_means_a_new_link() {
    let mut old = Node::start(1).await;
    let mut new = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&old)]);
    let mut first = old.next_link().await;
    pool.set_peers(vec![peer(&new)]);
    assert_eq!(soon(first.next()).await.unwrap_err().label(), "closed");
    let mut second = new.next_link().await;
    soon(pool.wait_up(&id(1))).await;
    pool.try_send(&id(1), packet(1)).unwrap();
    assert_eq!(packet_number(&soon(second.next()).await.unwrap()), 1);
}

#[tokio::test]
async fn a_refusal_is_counted_and_tried_again() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    node.next_link().await.refuse("not-in-consensus", "the node is not listed");
    let _again = node.next_link().await;
    assert_eq!(only_report(&pool).failures.get("refused"), Some(&1));
}

#[tokio::test]
async fn a_peer_that_talks_back_is_refused() {
    let mut node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![peer(&node)]);
    let mut there = node.next_link().await;
    there.send(&packet(0)).await.unwrap();
    match soon(there.next()).await.unwrap() {
        Frame::Refused { label, .. } => assert_eq!(label, "unexpected-frame"),
        other => panic!("expected a refusal, and got {other:?}"),
    }
    eventually("it is counted", || only_report(&pool).failures.contains_key("unexpected-frame")).await;
}

#[tokio::test]
async fn another_nodes_key_keeps_the_link_down() {
    let node = Node::start(1).await;
    let pool = pool();
    pool.set_peers(vec![(id(2), node.address.clone())]);
    eventually("it is counted", || only_report(&pool).failures.contains_key("wrong-key")).await;
    assert_eq!(pool.try_send(&id(2), packet(0)), Err(SendRefusal::Down));
}

#[tokio::test]
async fn the_links_end_with_the_last_handle_of_the_pool() {
    let mut node = Node::start(1).await;
    let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret(9), LinkTimes::default()).unwrap();
    let pool = PeerPool::new(connector, PeerTimes::default());
    let clone = pool.clone();
    pool.set_peers(vec![peer(&node)]);
    let (mut reader, _writer) = node.next_link().await.split();
    soon(pool.wait_up(&node.id)).await;
    drop(pool);
    clone.try_send(&node.id, packet(5)).unwrap();
    drop(clone);
    let (numbers, ended) = drain_packets(&mut reader).await;
    assert_eq!((numbers.as_slice(), ended.label()), ([5].as_slice(), "closed"));
}
