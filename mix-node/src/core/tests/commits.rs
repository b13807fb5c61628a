//! A packet leaves only when a restarted node would know it again.

use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Fingerprint;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, X25519};

use super::*;
use crate::core::{COMMIT_INTERVAL, TagCommit, UNWRAP_BATCH_MAX};

/// The commit that the core asks for, if it does, with everything else that it asks for.
fn poll(bench: &mut Bench) -> (Option<TagCommit>, Vec<Action>) {
    let mut commits = vec![];
    let mut others = vec![];
    while let Some(action) = bench.mix.poll_action() {
        match action {
            Action::CommitTags(commit) => commits.push(commit),
            other => others.push(other),
        }
    }
    assert!(commits.len() <= 1, "one commit at a time");
    (commits.pop(), others)
}

fn arrive(bench: &mut Bench, delay: Duration) {
    let packet = bench.packet(LAYER_1, &[LAYER_2], delay, [0; 32]);
    bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), packet);
}

fn pass(bench: &mut Bench, time: Duration) {
    bench.now = bench.now + time;
    bench.mix.handle_timeout(bench.now, &mut bench.rng);
}

fn patient() -> Bench {
    let mut bench = Bench::new(LAYER_1);
    bench.mix = Mix::new(MixConfig::new(node(LAYER_1)));
    bench.mix.handle_consensus(bench.now, consensus(EPOCH), &mut bench.rng).unwrap();
    assert!(bench.mix.install_key(EPOCH, secret(LAYER_1, EPOCH), unseen(LAYER_1, EPOCH)));
    let _ = poll(&mut bench);
    bench
}

#[test]
fn a_packet_whose_delay_is_over_waits_for_its_tag() {
    let mut bench = patient();
    arrive(&mut bench, ms(10));
    let (commit, _) = poll(&mut bench);
    let commit = commit.expect("a commit begins at once");
    assert_eq!(commit.tags.len(), 1);
    pass(&mut bench, ms(500));
    assert!(poll(&mut bench).1.is_empty(), "not durable yet");
    assert_eq!(bench.mix.report().held.committing, 1);
    bench.mix.handle_committed(bench.now, commit.id, true);
    pass(&mut bench, Duration::ZERO);
    assert!(matches!(poll(&mut bench).1[..], [Action::Send { .. }]));
}

#[test]
fn a_packet_with_a_longer_delay_loses_no_time() {
    let mut bench = patient();
    let arrived = bench.now;
    arrive(&mut bench, ms(100));
    let (commit, _) = poll(&mut bench);
    pass(&mut bench, ms(3));
    bench.mix.handle_committed(bench.now, commit.unwrap().id, true);
    assert_eq!(bench.mix.poll_timeout(), arrived + ms(100));
}

#[test]
fn what_comes_during_a_commit_goes_together_in_the_next() {
    let mut bench = patient();
    arrive(&mut bench, ms(10));
    let (first, _) = poll(&mut bench);
    for _ in 0..5 {
        arrive(&mut bench, ms(10));
    }
    assert!(poll(&mut bench).0.is_none(), "one is under way");
    bench.mix.handle_committed(bench.now, first.unwrap().id, true);
    assert!(poll(&mut bench).0.is_none(), "commits keep their distance");
    assert_eq!(bench.mix.poll_timeout(), bench.now + COMMIT_INTERVAL);
    pass(&mut bench, COMMIT_INTERVAL);
    let (second, _) = poll(&mut bench);
    let second = second.unwrap();
    assert_eq!(second.tags.len(), 5);
    assert_eq!(bench.mix.report().held.committing, 5, "the first has gone on to its delay");
    bench.mix.handle_committed(bench.now, second.id, true);
    assert_eq!(bench.mix.report().held.delayed, 6);
}

#[test]
fn a_commit_that_fails_drops_its_packets_and_no_other_and_their_tags_stay_known() {
    let mut bench = patient();
    let lost = bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32]);
    bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), lost.clone());
    let (first, _) = poll(&mut bench);
    arrive(&mut bench, ms(10));
    bench.mix.handle_committed(bench.now, first.unwrap().id, false);
    assert_eq!(bench.dropped("tags-not-durable"), 1);
    assert!(bench.mix.report().pipeline.commits_failing);
    pass(&mut bench, COMMIT_INTERVAL);
    let (second, _) = poll(&mut bench);
    bench.mix.handle_committed(bench.now, second.unwrap().id, true);
    let pipeline = bench.mix.report().pipeline;
    assert_eq!((pipeline.commits_failed, pipeline.commits_failing), (1, false));
    bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), lost);
    assert_eq!(bench.dropped("replayed"), 1);
    pass(&mut bench, ms(20));
    assert!(matches!(poll(&mut bench).1[..], [Action::Send { .. }]));
}

#[test]
fn a_delivery_waits_for_its_tag_as_well() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    let packet = bench.packet(ENTRY, &[], Duration::ZERO, *grant.session.as_bytes());
    bench.mix.handle_packet(bench.now, Source::Node(node(LAYER_3)), packet);
    let (commit, _) = poll(&mut bench);
    pass(&mut bench, ms(10_000));
    let delivered = |actions: &[Action]| {
        actions.iter().any(|action| matches!(action, Action::Deliver { frame: Frame::Delivery { .. }, .. }))
    };
    assert!(!delivered(&poll(&mut bench).1), "dummies alone");
    bench.mix.handle_committed(bench.now, commit.unwrap().id, true);
    pass(&mut bench, ms(10_000));
    assert!(delivered(&poll(&mut bench).1));
}

#[test]
fn a_restarted_node_refuses_what_its_log_has_and_takes_what_it_has_not() {
    let mut bench = patient();
    let packets: Vec<Packet> = (0..3).map(|_| bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32])).collect();
    bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), packets[0].clone());
    bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), packets[1].clone());
    let (commit, _) = poll(&mut bench);
    let log = commit.unwrap().tags;
    assert_eq!(log.len(), 1, "the second waits for the next commit");
    let mut seen = unseen(LAYER_1, EPOCH);
    for (epoch, fingerprint) in log {
        assert_eq!(epoch, EPOCH);
        seen.restore(fingerprint);
    }

    bench.mix = Mix::new(MixConfig::new(node(LAYER_1)));
    bench.mix.handle_consensus(bench.now, consensus(EPOCH), &mut bench.rng).unwrap();
    assert!(bench.mix.install_key(EPOCH, secret(LAYER_1, EPOCH), seen));
    for packet in packets {
        bench.mix.handle_packet(bench.now, Source::Node(node(ENTRY)), packet);
    }
    assert_eq!(bench.dropped("replayed"), 1);
    assert_eq!(bench.mix.held(), 2);
}

#[test]
fn the_room_for_tags_is_told_of_the_key_with_the_most() {
    let mut mix = Mix::new(MixConfig::new(node(LAYER_1)));
    for (epoch, tags) in [(EPOCH - 1, 3), (EPOCH, 2)] {
        let mut seen = unseen(LAYER_1, epoch);
        for number in 0..tags {
            seen.restore(Fingerprint::from_bytes([number; Fingerprint::LEN]));
        }
        assert!(mix.install_key(epoch, secret(LAYER_1, epoch), seen));
    }
    let pipeline = mix.report().pipeline;
    assert_eq!((pipeline.tags, pipeline.tags_fullest_key), (5, 3));
    assert!(pipeline.tags_max >= 5);
}

#[test]
fn jobs_are_filled_and_may_end_in_any_order() {
    let mut bench = patient();
    let packets: Vec<Packet> = (0..80).map(|_| bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32])).collect();
    let again = packets[..2].to_vec();
    bench.mix.handle_packets(bench.now, Source::Node(node(ENTRY)), packets);
    bench.mix.handle_packets(bench.now, Source::Node(node(ENTRY)), again);
    assert_eq!(bench.mix.unwrapping(), 82);
    let mut jobs = vec![];
    while let Some(action) = bench.mix.poll_action() {
        match action {
            Action::Unwrap(job) => jobs.push(job),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        jobs.iter().map(|job| job.len()).collect::<Vec<_>>(),
        [UNWRAP_BATCH_MAX, UNWRAP_BATCH_MAX, 18]
    );
    let mut unwrapper = BatchUnwrapper::new(X25519::detect());
    for job in jobs.into_iter().rev() {
        let done = job.run(&mut unwrapper);
        bench.mix.handle_unwrapped(bench.now, done);
        assert!(bench.mix.ledger().balanced());
    }
    assert_eq!(bench.dropped("replayed"), 2, "whichever of the two comes back first");
    assert_eq!(bench.mix.held(), 80);
}

#[test]
fn the_end_drops_what_is_being_unwrapped_and_what_waits_for_a_tag() {
    let mut bench = patient();
    arrive(&mut bench, ms(10));
    let _under_way = poll(&mut bench);
    let packet = bench.packet(LAYER_1, &[LAYER_2], ms(10), [0; 32]);
    bench.mix.handle_packets(bench.now, Source::Node(node(ENTRY)), [packet]);
    let Some(Action::Unwrap(job)) = bench.mix.poll_action() else { panic!("a job") };
    bench.mix.end_stop(bench.now);
    assert_eq!(bench.dropped("stopped"), 2);
    assert_eq!(bench.mix.held(), 0);
    let done = job.run(&mut BatchUnwrapper::new(X25519::detect()));
    bench.mix.handle_unwrapped(bench.now, done);
    assert_eq!(bench.dropped("stopped"), 2, "counted once");
}
