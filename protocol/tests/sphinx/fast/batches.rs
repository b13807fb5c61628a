//! A batch gives what its packets give one by one, in their order.

use std::time::Duration;

use proptest::prelude::*;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};
use sotto_protocol::sphinx::{Packet, Refusal, Unwrapped};

use super::network::{CHANGES, changed, journey, nodes};
use super::outcome::NOW_EPOCH;
use crate::support::{DELAY_MAX, Row, rng};

fn batch(len: usize, seed: u64) -> impl Iterator<Item = (usize, Packet)> {
    let mut rng = rng(seed);
    let nodes = nodes(&mut rng);
    let mut packets = Vec::new();
    for kind in (0..=CHANGES).cycle().skip(usize::try_from(seed % 17).unwrap()).take(len) {
        let mut cases = journey(&nodes, &mut rng);
        let case = cases.swap_remove(0);
        packets.push(match kind {
            CHANGES => (case.node, case.packet),
            kind => changed(&case, kind, nodes.len(), &mut rng),
        });
    }
    packets.into_iter()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn batches_of_mixed_validity_give_what_their_packets_give_one_by_one(
        len in prop::sample::select(vec![0usize, 1, 7, 8, 9, 17]),
        seed in any::<u64>(),
    ) {
        let mut rng = rng(seed);
        let nodes = nodes(&mut rng);
        let packets: Vec<Packet> = batch(len, seed).map(|(_, packet)| packet).collect();
        for x25519 in X25519::available() {
            for node in &nodes {
                let together = node.by_fast_path(x25519, packets.clone());
                let one_by_one = packets.iter().flat_map(|packet| node.by_fast_path(x25519, vec![packet.clone()]));
                prop_assert_eq!(&together, &one_by_one.collect::<Vec<_>>());
                let by_wrapper = packets.iter().map(|packet| node.by_wrapper(packet));
                prop_assert_eq!(together, by_wrapper.collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn an_unwrapper_can_be_used_again_and_appends_its_results() {
    let row = Row::new(2);
    let keys = HopKeys::new().with(NOW_EPOCH, Row::new(2).secrets.swap_remove(0));
    for x25519 in X25519::available() {
        let mut unwrapper = BatchUnwrapper::new(x25519);
        let mut results = Vec::new();
        for round in 0..20 {
            let packets = (0..round).map(|seed| row.packet(b"again", seed));
            unwrapper.unwrap(&keys, NOW_EPOCH, DELAY_MAX, packets, &mut results);
        }
        assert_eq!(results.len(), 190);
        assert!(results.iter().all(Result::is_ok), "{x25519:?}");
    }
}

#[test]
fn without_a_key_for_these_epochs_everything_is_refused() {
    let row = Row::new(1);
    let keys = HopKeys::new().with(NOW_EPOCH, Row::new(1).secrets.swap_remove(0));
    for (keys, epoch) in [(HopKeys::new(), NOW_EPOCH), (keys.clone(), NOW_EPOCH + 2), (keys, u64::MAX)] {
        let mut results = Vec::new();
        BatchUnwrapper::new(X25519::detect()).unwrap(
            &keys,
            epoch,
            DELAY_MAX,
            [row.packet(b"", 1), row.packet(b"", 2)],
            &mut results,
        );
        let refusals: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
        assert_eq!(refusals, [Refusal::NoKey, Refusal::NoKey]);
    }
}

#[test]
fn the_first_and_the_last_epoch_have_but_one_neighbour() {
    for (epoch, now) in [(0, 0), (0, 1), (u64::MAX, u64::MAX), (u64::MAX, u64::MAX - 1)] {
        let keys = HopKeys::new().with(epoch, Row::new(1).secrets.swap_remove(0));
        let mut results = Vec::new();
        let mut unwrapper = BatchUnwrapper::new(X25519::detect());
        unwrapper.unwrap(&keys, now, DELAY_MAX, [Row::new(1).packet(b"", 1)], &mut results);
        assert_eq!(results.remove(0).unwrap().epoch, epoch);
    }
}

#[test]
fn debug_of_an_opened_packet_shows_no_byte_of_it() {
    let keys = HopKeys::new().with(NOW_EPOCH, Row::new(2).secrets.swap_remove(0));
    let mut results = Vec::new();
    BatchUnwrapper::new(X25519::detect()).unwrap(
        &keys,
        NOW_EPOCH,
        Duration::from_secs(1),
        [Row::new(2).packet(b"hidden", 11)],
        &mut results,
    );
    let opened = results.remove(0).unwrap();
    assert!(matches!(opened.unwrapped, Unwrapped::Forward { delay_clamped: true, .. }));
    insta::assert_snapshot!(format!("{opened:?}"), @"Opened { epoch: 10, tag: ReplayTag([scrubbed]), unwrapped: Forward { next: NodeId(02020202), delay: 1s, delay_clamped: true } }");
}
