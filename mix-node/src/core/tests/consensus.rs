//! Epochs: consensuses follow each other, layers change, keys grow old.

use sotto_protocol::sphinx::Fingerprint;

use super::*;
use crate::core::{ConsensusRefusal, PeerRefusal};

fn actions(bench: &mut Bench) -> Vec<Action> {
    std::iter::from_fn(|| bench.poll_action()).collect()
}

/// After the epoch change the mixes of layer 1 and 2 have swapped their layers.
fn swapped(byte: u8) -> Place {
    match place(byte) {
        Place::Mix { layer: 1 } => Place::Mix { layer: 2 },
        Place::Mix { layer: 2 } => Place::Mix { layer: 1 },
        other => other,
    }
}

#[test]
fn only_a_newer_and_unexpired_consensus_is_adopted() {
    let mut bench = Bench::new(LAYER_1);
    for epoch in [EPOCH - 1, EPOCH] {
        let refused = bench.mix.handle_consensus(bench.now, consensus(epoch), &mut bench.rng);
        assert_eq!(refused, Err(ConsensusRefusal::NotNewer { offered: epoch, known: EPOCH }));
    }
    let late = epoch_start(EPOCH + 9, EPOCH_S);
    let refused = bench.mix.handle_consensus(late, consensus(EPOCH + 1), &mut bench.rng);
    assert_eq!(refused, Err(ConsensusRefusal::Expired { offered: EPOCH + 1 }));
    assert_eq!(bench.mix.consensus_epoch(), Some(EPOCH));
}

#[test]
fn what_either_of_two_consensuses_allows_is_allowed_until_the_older_ones_grace_is_over() {
    let mut bench = Bench::new(LAYER_1);
    bench.run_until(epoch_start(EPOCH + 1, EPOCH_S));
    let next = consensus_with(EPOCH + 1, swapped, params());
    bench.mix.handle_consensus(bench.now, next, &mut bench.rng).expect("adopted");
    assert_eq!(bench.mix.place(), Some(Place::Mix { layer: 2 }));
    // Built before: from an entry over this node at layer 1. Built after: from layer 1 over it at layer 2.
    for (peer, next) in [(ENTRY, LAYER_2), (LAYER_2, LAYER_3)] {
        let packet = bench.packet_with(LAYER_1, &[next], ms(1), [0; 32], EPOCH + 1);
        bench.arrive(peer, packet);
    }
    assert_eq!(bench.mix.held(), 2);
    assert_eq!(bench.mix.check_peer(&node(ENTRY)), Ok(()));
    assert_eq!(bench.mix.links().len(), 4, "the links of both");

    actions(&mut bench);
    let over = epoch_start(EPOCH + 1, EPOCH_S) + Duration::from_secs(u64::from(GRACE_S) + 1);
    let log = bench.run_until(over);
    assert!(log.iter().any(|(_, action)| matches!(action, Action::LinksChanged)));
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH + 1);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("source-illegal"), 1);
    assert_eq!(bench.mix.check_peer(&node(ENTRY)), Err(PeerRefusal::LinkIllegal));
    assert_eq!(bench.mix.links().len(), 2);
}

#[test]
fn an_epoch_without_a_consensus_is_survived_for_its_grace_and_no_longer() {
    let mut bench = Bench::new(LAYER_1);
    bench.run_until(epoch_start(EPOCH + 1, EPOCH_S) + Duration::from_secs(u64::from(GRACE_S) - 1));
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH + 1);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.mix.held(), 1);
    bench.run_until(bench.now + Duration::from_secs(2));
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH + 1);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("consensus-expired"), 1);
}

#[test]
fn a_drain_lasts_until_the_last_consensus_that_lists_the_node_counts_no_more() {
    let mut bench = Bench::new(LAYER_1);
    assert_eq!(bench.mix.report().drain, None);
    bench.mix.set_draining(true);
    let grace = Duration::from_secs(GRACE_S.into());
    let ends = |epoch| epoch_start(epoch + 1, EPOCH_S) + grace - crate::core::FLUSH_MAX;
    assert_eq!(bench.mix.drain_ends(), Some(ends(EPOCH)));
    // An authority that had signed already lists it once more.
    bench.run_until(epoch_start(EPOCH + 1, EPOCH_S));
    bench.mix.handle_consensus(bench.now, consensus(EPOCH + 1), &mut bench.rng).expect("adopted");
    assert_eq!(bench.mix.drain_ends(), Some(ends(EPOCH + 1)));

    bench.run_until(epoch_start(EPOCH + 2, EPOCH_S));
    let mut without = consensus(EPOCH + 2);
    without.nodes.retain(|listed| listed.node != node(LAYER_1));
    bench.mix.handle_consensus(bench.now, without, &mut bench.rng).expect("adopted");
    assert_eq!(bench.mix.place(), None);
    bench.run_until(ends(EPOCH + 1));
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH + 2);
    bench.arrive(ENTRY, packet);
    assert_eq!((bench.mix.held(), bench.mix.links().len()), (1, 2), "it still works");
    let ends_s = bench.mix.report().drain.expect("draining").ends_s;
    assert_eq!(ends_s, Some(ends(EPOCH + 1).as_secs()));
    bench.run_until(bench.now + crate::core::FLUSH_MAX);
    assert_eq!(bench.mix.drain_ends(), None, "nobody sends it anything any more");
    assert_eq!(bench.mix.ledger().forwarded, 1);
}

#[test]
fn keys_of_the_previous_present_and_next_epoch_open_packets() {
    let mut bench = Bench::new(LAYER_1);
    for epoch in [EPOCH - 1, EPOCH, EPOCH + 1] {
        let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], epoch);
        bench.arrive(ENTRY, packet);
    }
    assert_eq!(bench.mix.held(), 3);
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH + 2);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("header-mac"), 1);
}

#[test]
fn at_each_epochs_start_the_key_before_the_previous_is_retired_for_good() {
    let mut bench = Bench::new(LAYER_1);
    assert_eq!(bench.mix.report().key_epochs, (EPOCH - 1..EPOCH + 4).collect::<Vec<_>>());
    let boundary = epoch_start(EPOCH + 1, EPOCH_S);
    assert_eq!(bench.mix.poll_timeout(), boundary);
    let log = bench.run_until(boundary);
    assert!(matches!(log[..], [(at, Action::RetireKeys { before: EPOCH })] if at == boundary));
    assert_eq!(bench.mix.report().key_epochs.first(), Some(&EPOCH));
    assert!(
        !bench.mix.install_key(EPOCH - 1, secret(LAYER_1, EPOCH - 1), unseen(LAYER_1, EPOCH - 1)),
        "it would come without its tags"
    );
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], EPOCH - 1);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("header-mac"), 1);
}

/// Each step takes a tenth of a millisecond at most, so packets do not wait for it.
#[test]
fn the_tags_of_an_epoch_that_ended_are_packed_in_small_steps() {
    let mut bench = Bench::new(LAYER_1);
    let key = secret(LAYER_1, EPOCH + 5);
    let mut seen = ReplaySet::new(TagHashKey::derive(&key), REPLAY_TAGS_MAX);
    let mut tags: Vec<Fingerprint> = (0..300_000_u64)
        .map(|number| {
            let [_, bytes @ ..] = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            Fingerprint::from_bytes(bytes)
        })
        .collect();
    seen.restore_batch(&mut tags);
    assert!(bench.mix.install_key(EPOCH + 5, key, seen));
    let over = epoch_start(EPOCH + 6, EPOCH_S);
    bench.run_until(over - ms(1));
    let before = bench.mix.report().pipeline.tags_bytes;
    bench.run_until(over);
    let mut wakes = 0;
    let mut due = bench.mix.poll_timeout();
    while due <= over + Duration::from_secs(60) {
        assert!(due > bench.now, "no spinning");
        bench.now = due;
        bench.mix.handle_timeout(bench.now, &mut bench.rng);
        wakes += 1;
        due = bench.mix.poll_timeout();
    }
    assert_eq!(wakes, 1_023, "one shard each, the first as the epoch ended");
    let after = bench.mix.report().pipeline;
    println!("{} tags: {before} bytes, then {}", after.tags, after.tags_bytes);
    assert_eq!(after.tags, 300_000);
    assert!(after.tags_bytes < before);
}

#[test]
fn a_node_that_slept_through_epochs_retires_all_their_keys_at_once() {
    let mut bench = Bench::new(LAYER_1);
    bench.now = epoch_start(EPOCH + 3, EPOCH_S);
    bench.mix.handle_timeout(bench.now, &mut bench.rng);
    assert!(matches!(actions(&mut bench)[..], [Action::RetireKeys { before }] if before == EPOCH + 2));
    assert_eq!(bench.mix.report().key_epochs, [EPOCH + 2, EPOCH + 3]);
}

#[test]
fn peers_are_judged_by_their_place() {
    let bench = Bench::new(LAYER_2);
    assert_eq!(bench.mix.check_peer(&node(LAYER_1)), Ok(()));
    assert_eq!(bench.mix.check_peer(&node(LAYER_3)), Err(PeerRefusal::LinkIllegal));
    assert_eq!(bench.mix.check_peer(&node(99)), Err(PeerRefusal::NotInConsensus));
    assert_eq!(PeerRefusal::NotInConsensus.label(), "not-in-consensus");
}

#[test]
fn sessions_of_a_class_that_a_consensus_no_longer_has_are_closed() {
    let mut two_classes = params();
    two_classes.classes.push(CoverClass { name: "frugal".to_owned(), ..two_classes.classes[0].clone() });
    let mut bench =
        Bench::with(&MixConfig::new(node(ENTRY)), ENTRY, consensus_with(EPOCH, place, two_classes));
    let stays = bench.open();
    let goes = bench.mix.open_session(bench.now, 1, None, &mut bench.rng).expect("a session");
    bench.reply_to(&goes.session);
    bench.mix.handle_consensus(bench.now, consensus(EPOCH + 1), &mut bench.rng).expect("adopted");
    let closed: Vec<_> = actions(&mut bench)
        .into_iter()
        .filter_map(|action| match action {
            Action::CloseSession { session, label } => Some((session, label)),
            _ => None,
        })
        .collect();
    assert_eq!(closed, [(goes.session, "class-unknown")]);
    assert_ne!(stays.session, goes.session);
    assert_eq!(bench.dropped("session-expired"), 1);
    assert_eq!(bench.mix.report().sessions.connected, 1);
}
