//! The fast path against the wrapper and against the crate: every byte of 100,000 packets.

use std::collections::BTreeMap;
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::sphinx::Packet;
use sotto_protocol::sphinx::fast::X25519;

use super::network::{CHANGES, Case, changed, journey, nodes};
use super::outcome::Node;
use crate::support::rng;

const PACKETS: usize = 100_000;
/// Packets that a sender made; at each of their hops they are another packet.
const BUILT: usize = 5_500;
/// Each batch has a random length up to this.
const BATCH_MAX: usize = 40;

type Counts = BTreeMap<&'static str, usize>;

#[test]
fn a_hundred_thousand_packets_fare_as_by_the_wrapper_and_by_the_crate() {
    let counts = compare(PACKETS, BUILT, 1, X25519::detect());
    assert_eq!(counts.values().sum::<usize>(), PACKETS);
    let kinds = [
        "alpha-non-contributory",
        "final",
        "forward",
        "forward, clamped",
        "header-mac",
        "routing-info",
        "version",
    ];
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), kinds);
    assert!(counts.values().all(|count| *count > PACKETS / 50), "too few of a kind: {counts:?}");
}

#[test]
fn by_every_implementation_of_x25519_they_fare_the_same() {
    for (x25519, seed) in X25519::available().zip(2..) {
        let counts = compare(PACKETS / 20, BUILT / 20, seed, x25519);
        assert_eq!(counts.len(), 7, "{x25519:?}: {counts:?}");
    }
}

/// `built` packets at each of their hops, and changed ones up to `total`, all of them different.
fn compare(total: usize, built: usize, seed: u64, x25519: X25519) -> Counts {
    let mut rng = rng(seed);
    let nodes = nodes(&mut rng);
    let cases: Vec<Case> = (0..built).flat_map(|_| journey(&nodes, &mut rng)).collect();
    let mut packets: Vec<Vec<Packet>> = nodes.iter().map(|_| Vec::new()).collect();
    for case in &cases {
        packets[case.node].push(case.packet.clone());
    }
    for kind in (0..CHANGES).cycle().take(total - cases.len()) {
        let case = &cases[rng.random_range(0..cases.len())];
        let (node, packet) = changed(case, kind, nodes.len(), &mut rng);
        packets[node].push(packet);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .zip(packets)
            .map(|(node, packets)| scope.spawn(move || compare_at(node, packets, seed, x25519)))
            .collect();
        let mut counts = Counts::new();
        for (kind, count) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            *counts.entry(kind).or_default() += count;
        }
        counts
    })
}

/// All packets of one node, in batches of random lengths and in a random order of valid and changed.
fn compare_at(node: &Node, mut packets: Vec<Packet>, seed: u64, x25519: X25519) -> Counts {
    use rand::seq::SliceRandom;
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    packets.shuffle(&mut rng);
    let mut counts = Counts::new();
    while !packets.is_empty() {
        let batch = packets.split_off(packets.len().saturating_sub(rng.random_range(1..=BATCH_MAX)));
        let fast = node.by_fast_path(x25519, batch.clone());
        assert_eq!(fast.len(), batch.len());
        for (fast, packet) in fast.into_iter().zip(&batch) {
            assert_eq!(fast, node.by_wrapper(packet), "the wrapper, {x25519:?}");
            let outcome = fast.1;
            // The crate takes points of small order; that they are refused is the wrapper's.
            if outcome.kind() != "alpha-non-contributory" {
                assert_eq!(outcome, node.by_crate(packet), "the crate, {x25519:?}");
            }
            *counts.entry(outcome.kind()).or_default() += 1;
        }
    }
    counts
}
