//! The mix's own loops and dummies.

use std::collections::BTreeMap;

use super::*;

fn with_cover(byte: u8) -> Bench {
    let params = Params { mix_loop_interval_ms_mean: 200, link_dummy_interval_ms_mean: 500, ..params() };
    Bench::with(&MixConfig::new(node(byte)), byte, consensus_with(EPOCH, place, params))
}

/// Takes a packet through the other nodes of the network, without their delays, to its last hop.
fn through_the_network(mut packet: Packet, mut at: NodeId, back_at: NodeId) -> (NodeId, Packet) {
    use sotto_protocol::sphinx::{KeyRing, Unwrapped};
    loop {
        let mut keys = KeyRing::new();
        keys.install(EPOCH, secret(at.as_bytes()[0], EPOCH));
        let Ok(Unwrapped::Forward { next, packet: unwrapped, .. }) = keys.unwrap(EPOCH, packet, ms(10_000))
        else {
            panic!("the loop does not end at {at:?}");
        };
        packet = unwrapped;
        if next == back_at {
            return (at, packet);
        }
        at = next;
    }
}

#[test]
fn loops_return_and_are_counted_by_link() {
    for byte in [ENTRY, LAYER_1, LAYER_2, LAYER_3] {
        let mut bench = with_cover(byte);
        let log = bench.run_until(start() + ms(5_000));
        let mut sent = 0;
        for (_, action) in log {
            if let Action::Send { to, packet, .. } = action {
                let (last, packet) = through_the_network(packet, to, node(byte));
                bench.take(Source::Node(last), packet);
                sent += 1;
            }
        }
        assert!((5..60).contains(&sent), "25 expected, got {sent}");
        let loops = bench.mix.report().loops;
        assert_eq!((loops.sent, loops.returned, loops.lost, loops.outstanding), (sent, sent, 0, 0));
        assert_eq!(bench.delivered("mix-loop"), sent);
        assert_eq!(bench.mix.report().ledger.originated.get("mix-loop"), Some(&sent));
        let first_links: u64 =
            loops.links.iter().filter(|link| link.from == node(byte).to_string()).map(|link| link.sent).sum();
        assert_eq!(first_links, sent, "each loop has one first link");
        assert!(loops.links.iter().all(|link| link.sent == link.returned));
    }
}

#[test]
fn loops_that_do_not_return_count_as_lost_and_a_late_return_is_unknown() {
    let mut bench = with_cover(LAYER_1);
    let mut loops = vec![];
    bench.run_with(start() + ms(2_000), |mix, _, action| {
        if let Action::Send { to, packet, ticket } = action {
            mix.handle_sent(ticket);
            loops.push((to, packet));
        }
    });
    bench.mix.quiesce();
    let sent = u64::try_from(loops.len()).unwrap();
    assert!(sent > 0);
    assert_eq!(bench.mix.report().loops.outstanding, sent);
    bench.run_until(start() + ms(60_000));
    let report = bench.mix.report().loops;
    assert_eq!((report.lost, report.outstanding, report.returned), (sent, 0, 0));
    let (to, packet) = loops.pop().expect("one loop");
    let (last, packet) = through_the_network(packet, to, node(LAYER_1));
    bench.take(Source::Node(last), packet);
    assert_eq!(bench.dropped("loop-unknown"), 1);
}

#[test]
fn a_loop_with_a_marked_payload_is_told_from_a_lost_one() {
    let mut bench = with_cover(LAYER_1);
    let mut loops = vec![];
    bench.run_with(start() + ms(2_000), |mix, _, action| {
        if let Action::Send { to, packet, ticket } = action {
            mix.handle_sent(ticket);
            loops.push((to, packet));
        }
    });
    let (to, packet) = loops.pop().expect("one loop");
    let mut marked = *packet.as_bytes();
    marked[1_000] ^= 1;
    let packet = Packet::from_slice(&marked).expect("the same length");
    let (last, packet) = through_the_network(packet, to, node(LAYER_1));
    bench.take(Source::Node(last), packet);
    assert_eq!((bench.mix.report().loops.tampered, bench.dropped("payload-tag")), (1, 1));
}

#[test]
fn a_loop_that_the_first_link_refuses_is_unsent_and_not_lost() {
    let mut bench = with_cover(LAYER_1);
    bench.run_with(start() + ms(60_000), |mix, now, action| {
        if let Action::Send { ticket, .. } = action {
            mix.handle_send_failed(now, ticket);
        }
    });
    let report = bench.mix.report();
    assert!(report.loops.unsent > 0);
    assert_eq!((report.loops.sent, report.loops.lost, report.loops.outstanding), (0, 0, 0));
    assert_eq!(report.ledger.unsent.get("next-hop-unreachable"), Some(&report.loops.unsent));
    assert!(report.ledger.originated.is_empty());
}

#[test]
fn dummies_go_to_every_legal_next_hop_and_to_nobody_else() {
    for (byte, neighbours) in [
        (ENTRY, vec![LAYER_1, LAYER_1 + 1]),
        (LAYER_1, vec![LAYER_2, LAYER_2 + 1]),
        (LAYER_3, vec![ENTRY, ENTRY + 1, MAILBOX, MAILBOX + 1]),
    ] {
        let mut bench = with_cover(byte);
        let mut counts: BTreeMap<NodeId, u64> = BTreeMap::new();
        for (_, action) in bench.run_until(start() + ms(60_000)) {
            if let Action::Dummy { to } = action {
                *counts.entry(to).or_default() += 1;
            }
        }
        let expected: Vec<NodeId> = neighbours.into_iter().map(node).collect();
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), expected);
        assert_eq!(bench.mix.links().iter().map(|link| link.node).collect::<Vec<_>>(), expected);
        for (to, count) in &counts {
            assert!((70..180).contains(count), "120 expected to {to:?}, standard deviation 11, got {count}");
        }
        assert_eq!(bench.mix.report().dummies, counts.values().sum::<u64>());
        assert_eq!(bench.mix.report().ledger.received, 0, "dummies are not packets");
    }
}

#[test]
fn quiesce_ends_loops_and_dummies_for_good_but_not_the_forwarding() {
    let mut bench = with_cover(LAYER_1);
    bench.mix.quiesce();
    let next = Params { mix_loop_interval_ms_mean: 100, link_dummy_interval_ms_mean: 100, ..params() };
    let next = consensus_with(EPOCH + 1, place, next);
    bench.mix.handle_consensus(bench.now, next, &mut bench.rng).expect("adopted");
    let packet = bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32]);
    bench.arrive(ENTRY, packet);
    let log = bench.run_until(start() + ms(60_000));
    let sent: Vec<_> = log.iter().filter(|(_, action)| !matches!(action, Action::LinksChanged)).collect();
    assert_eq!(sent.len(), 1);
    assert!(matches!(sent[0].1, Action::Send { .. }));
    assert!(bench.mix.report().quiesced);
    assert_eq!(bench.mix.report().ledger.forwarded, 1);
}

#[test]
fn one_seed_gives_one_run() {
    let times = || {
        let mut bench = with_cover(LAYER_1);
        let log = bench.run_until(start() + ms(20_000));
        log.into_iter()
            .map(|(time, action)| match action {
                Action::Send { to, .. } => (time, "send", Some(to)),
                Action::Dummy { to } => (time, "dummy", Some(to)),
                _ => (time, "other", None),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(times(), times());
}
