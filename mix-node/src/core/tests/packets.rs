//! Each way a packet's stay can end.

use std::time::Duration;

use sotto_protocol::limits::PACKET_LEN;

use super::*;
use crate::core::Origin;

#[test]
fn a_packet_is_held_for_exactly_the_delay_its_sender_drew() {
    let mut bench = Bench::new(LAYER_1);
    let arrived = bench.now;
    let packet = bench.packet(LAYER_1, &[LAYER_2, LAYER_3], ms(137), [0; 32]);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.mix.held(), 1);
    assert_eq!(bench.mix.poll_timeout(), arrived + ms(137));
    let log = bench.run_until(arrived + ms(500));
    assert_eq!(log.len(), 1);
    let (sent, action) = &log[0];
    assert_eq!(*sent, arrived + ms(137));
    assert!(matches!(action, Action::Send { to, .. } if *to == node(LAYER_2)));
    let ledger = bench.mix.report().ledger;
    assert_eq!((ledger.received, ledger.forwarded, ledger.held), (1, 1, 0));
    assert_eq!((ledger.links.received_from_nodes, ledger.links.sent_to_nodes), (1, 1));
}

#[test]
fn packets_leave_in_the_order_of_their_release_and_not_of_their_arrival() {
    let mut bench = Bench::new(LAYER_1);
    let arrived = bench.now;
    for (next, delay_ms) in [(LAYER_2, 300), (LAYER_2 + 1, 100), (LAYER_2, 200)] {
        let packet = bench.packet(LAYER_1, &[next], ms(delay_ms), [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    let times: Vec<_> = bench.run_until(arrived + ms(1_000)).into_iter().map(|(sent, _)| sent).collect();
    assert_eq!(times, [100, 200, 300].map(|delay_ms| arrived + ms(delay_ms)));
}

#[test]
fn a_packet_is_held_until_the_link_has_taken_it() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    bench.arrive(ENTRY, packet);
    let mut tickets = vec![];
    bench.run_with(start() + ms(1), |_, _, action| {
        tickets.extend(take_ticket(action).0);
    });
    assert_eq!(bench.mix.report().ledger.held, 1);
    let ticket = tickets.pop().expect("one packet was sent");
    assert_eq!(ticket.origin(), Origin::Forwarded);
    bench.mix.handle_sent(ticket);
    assert_eq!((bench.mix.report().ledger.held, bench.mix.report().ledger.forwarded), (0, 1));
}

#[test]
fn next_hop_unreachable_is_a_drop_and_not_a_forwarding() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    bench.arrive(ENTRY, packet);
    bench.run_with(start() + ms(1), |mix, now, action| {
        if let Some(ticket) = take_ticket(action).0 {
            mix.handle_send_failed(now, ticket);
        }
    });
    assert_eq!(bench.dropped("next-hop-unreachable"), 1);
    assert_eq!(bench.mix.report().ledger.links.sent_to_nodes, 0);
}

#[test]
fn a_delay_beyond_the_maximum_is_clamped_and_counted() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::from_secs(86_400), [0; 32]);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.mix.poll_timeout(), start() + ms(DELAY_MS_MAX.into()));
    assert_eq!(bench.mix.report().delays_clamped, 1);
}

#[test]
fn packets_before_a_consensus_are_dropped() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    bench.mix = Mix::new(MixConfig::new(node(LAYER_1)));
    assert!(bench.mix.check_peer(&node(99)).is_ok(), "nobody can be judged yet");
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("no-consensus"), 1);
    assert_eq!(bench.mix.poll_timeout(), Timestamp::NEVER);
}

#[test]
fn packets_at_a_node_that_is_not_listed_are_dropped() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    let mut unlisted = consensus(EPOCH);
    unlisted.nodes.retain(|listed| listed.node != node(LAYER_1));
    bench.mix = Mix::new(MixConfig::new(node(LAYER_1)));
    bench.mix.handle_consensus(bench.now, unlisted, &mut bench.rng).expect("adopted");
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("no-consensus"), 1);
    assert_eq!(bench.mix.links(), []);
}

#[test]
fn packets_from_illegal_sources_are_dropped() {
    let mut bench = Bench::new(LAYER_1);
    for peer in [LAYER_2, LAYER_3, LAYER_1 + 1, 99] {
        let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
        bench.arrive(peer, packet);
    }
    assert_eq!(bench.dropped("source-illegal"), 4);
    for peer in [ENTRY, MAILBOX] {
        let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
        bench.arrive(peer, packet);
    }
    assert_eq!(bench.mix.held(), 2, "entries and mailboxes link to layer 1");
}

#[test]
fn a_client_at_a_mix_that_is_no_entry_is_an_illegal_source() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    let session = SessionAddress::from_bytes([5; 32]);
    bench.take(Source::Client(session), packet);
    assert_eq!(bench.dropped("source-illegal"), 1);
    assert_eq!(bench.mix.report().ledger.links.received_from_clients, 1);
}

#[test]
fn next_hops_that_are_unknown_or_illegal_are_told_apart() {
    let mut bench = Bench::new(LAYER_1);
    for next in [99, LAYER_3, LAYER_1, LAYER_1 + 1, ENTRY, MAILBOX] {
        let packet = bench.packet(LAYER_1, &[next], Duration::ZERO, [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    assert_eq!(bench.dropped("next-hop-unknown"), 1);
    assert_eq!(bench.dropped("next-hop-illegal"), 5);
}

#[test]
fn layer_3_sends_to_mailboxes_and_entries_alike() {
    let mut bench = Bench::new(LAYER_3);
    for next in [MAILBOX, ENTRY, OTHER_ENTRY] {
        let packet = bench.packet(LAYER_3, &[next], Duration::ZERO, [0; 32]);
        bench.arrive(LAYER_2, packet);
    }
    assert_eq!(bench.mix.held(), 3);
}

#[test]
fn a_replayed_packet_is_dropped_even_with_another_encoding_of_alpha() {
    let mut bench = Bench::new(LAYER_1);
    let packet = bench.packet(LAYER_1, &[LAYER_2], Duration::ZERO, [0; 32]);
    let again = Packet::from_slice(packet.as_bytes()).expect("the same bytes");
    let mut bytes = *packet.as_bytes();
    bytes[31] ^= 0x80;
    let other_encoding = Packet::from_slice(&bytes).expect("the same length");
    for packet in [packet, again, other_encoding] {
        bench.arrive(ENTRY, packet);
    }
    assert_eq!(bench.mix.held(), 1);
    let ledger = bench.mix.report().ledger;
    assert_eq!(ledger.dropped.values().sum::<u64>(), 2);
    assert!(bench.dropped("replayed") >= 1);
}

#[test]
fn garbage_and_other_nodes_packets_are_dropped_by_the_header_mac() {
    let mut bench = Bench::new(LAYER_1);
    bench.arrive(ENTRY, Packet::from_slice(&[0x5a; PACKET_LEN]).expect("the right length"));
    let not_ours = bench.packet(LAYER_1 + 1, &[LAYER_2], Duration::ZERO, [0; 32]);
    bench.arrive(ENTRY, not_ours);
    assert_eq!(bench.dropped("header-mac"), 2);
}

#[test]
fn held_full_refuses_what_the_limit_does_not_admit() {
    let config = MixConfig { held_max: 3, ..MixConfig::new(node(LAYER_1)) };
    let mut bench = Bench::with(&config, LAYER_1, consensus(EPOCH));
    for _ in 0..5 {
        let packet = bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    assert_eq!((bench.mix.held(), bench.dropped("held-full")), (3, 2));
    bench.run_until(start() + ms(20));
    let packet = bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32]);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.mix.held(), 1, "there is room again");
}

#[test]
fn final_packets_for_nobody_are_dropped() {
    let mut bench = Bench::new(LAYER_2);
    let packet = bench.packet(LAYER_2, &[], Duration::ZERO, [9; 32]);
    bench.arrive(LAYER_1, packet);
    assert_eq!(bench.dropped("session-unknown"), 1);
    let packet = bench.packet(LAYER_2, &[], Duration::ZERO, [LAYER_2; 32]);
    bench.arrive(LAYER_1, packet);
    assert_eq!(bench.dropped("loop-unknown"), 1);
}

#[test]
fn a_stop_keeps_delays_up_to_its_limit_and_takes_what_is_under_way() {
    let mut bench = Bench::new(LAYER_1);
    bench.mix = {
        let mut slow = params();
        slow.delay_ms_max = 60_000;
        Bench::with(&MixConfig::new(node(LAYER_1)), LAYER_1, consensus_with(EPOCH, place, slow)).mix
    };
    for delay_ms in [500, 30_000] {
        let packet = bench.packet(LAYER_1, &[LAYER_2], ms(delay_ms), [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    bench.mix.begin_stop(bench.now);
    for delay_ms in [100, 40_000] {
        let packet = bench.packet(LAYER_1, &[LAYER_2], ms(delay_ms), [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    let flushed = start() + crate::core::FLUSH_MAX;
    let times: Vec<_> = bench.run_until(start() + ms(5_000)).into_iter().map(|(sent, _)| sent).collect();
    assert_eq!(times, [start() + ms(100), start() + ms(500), flushed, flushed]);
    assert_eq!(bench.mix.report().ledger.forwarded, 4);
    bench.mix.end_stop(bench.now);
    let packet = bench.packet(LAYER_1, &[LAYER_2], ms(1), [0; 32]);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("stopped"), 1);
}
