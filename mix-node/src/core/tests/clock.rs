//! Time that jumps: a machine that slept, a clock that was wrong.

use super::*;

const HOURS: u64 = 6;

fn with_cover(byte: u8) -> Bench {
    let params = Params { mix_loop_interval_ms_mean: 200, link_dummy_interval_ms_mean: 100, ..params() };
    Bench::with(&MixConfig::new(node(byte)), byte, consensus_with(EPOCH, place, params))
}

fn count(log: &[(Timestamp, Action)], is_meant: impl Fn(&Action) -> bool) -> usize {
    log.iter().filter(|(_, action)| is_meant(action)).count()
}

fn jump(bench: &mut Bench) -> Vec<(Timestamp, Action)> {
    bench.now = epoch_start(EPOCH + HOURS, EPOCH_S) + ms(500);
    bench.mix.handle_timeout(bench.now, &mut bench.rng);
    bench.run_until(bench.now)
}

#[test]
fn after_hours_of_sleep_held_packets_leave_old_keys_go_and_cover_does_not_burst() {
    let mut bench = with_cover(LAYER_1);
    bench.run_until(start() + ms(2_000));
    for _ in 0..10 {
        let packet = bench.packet(LAYER_1, &[LAYER_2], ms(1_000), [0; 32]);
        bench.arrive(ENTRY, packet);
    }
    let before = bench.mix.ledger();
    let log = jump(&mut bench);
    assert_eq!(bench.mix.ledger().forwarded, before.forwarded + 10);
    assert_eq!(count(&log, |action| matches!(action, Action::RetireKeys { .. })), 1);
    assert_eq!(bench.mix.report().key_epochs, Vec::<u64>::new(), "all that were announced are over");
    // One that was due on each of the two links, and none for the hours.
    assert_eq!(count(&log, |action| matches!(action, Action::Dummy { .. })), 2);
    let loops = bench.mix.report().loops;
    assert!(loops.unsent <= 1, "none of the hours is made up for: {}", loops.unsent);

    // Until a consensus for this time is there nothing passes; with it the node works as before.
    let epoch = EPOCH + HOURS;
    assert!(bench.mix.install_key(epoch, secret(LAYER_1, epoch), unseen(LAYER_1, epoch)));
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], epoch);
    bench.arrive(ENTRY, packet);
    assert_eq!(bench.dropped("consensus-expired"), 1);
    bench.mix.handle_consensus(bench.now, consensus(epoch), &mut bench.rng).expect("adopted");
    for old in [EPOCH, epoch] {
        let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(1), [0; 32], old);
        bench.arrive(ENTRY, packet);
    }
    assert_eq!(bench.dropped("header-mac"), 1, "its key is wiped");
    bench.run_until(bench.now + ms(10));
    assert_eq!(bench.mix.ledger().forwarded, before.forwarded + 11);
}

#[test]
fn after_hours_of_sleep_each_downlink_ticks_once_and_who_was_away_is_forgotten() {
    let mut bench = with_cover(ENTRY);
    let (_connected, away) = ([bench.open(), bench.open(), bench.open()], bench.open());
    bench.mix.session_disconnected(bench.now, &away.session);
    let log = jump(&mut bench);
    assert_eq!(count(&log, |action| matches!(action, Action::Deliver { .. })), 3);
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable, sessions.expired), (3, 0, 1));
}

/// `sotto_transport::clock` never goes back; a caller whose clock does gets no packet early and no key back.
#[test]
fn a_time_before_the_present_one_brings_nothing_back() {
    let mut bench = Bench::new(LAYER_1);
    bench.run_until(epoch_start(EPOCH + 2, EPOCH_S));
    let keys = bench.mix.report().key_epochs;
    let (later, earlier) = (bench.now, start());
    let packet = bench.packet_with(LAYER_1, &[LAYER_2], ms(10), [0; 32], EPOCH + 2);
    bench.mix.handle_consensus(later, consensus(EPOCH + 2), &mut bench.rng).expect("adopted");
    bench.arrive(ENTRY, packet);
    bench.mix.handle_timeout(earlier, &mut bench.rng);
    let log: Vec<_> = std::iter::from_fn(|| bench.poll_action()).collect();
    assert!(!log.iter().any(|action| matches!(action, Action::Send { .. } | Action::RetireKeys { .. })));
    assert_eq!((bench.mix.report().key_epochs, bench.mix.held()), (keys, 1));
    assert!(!bench.mix.install_key(EPOCH, secret(LAYER_1, EPOCH), unseen(LAYER_1, EPOCH)));
    bench.run_until(later + ms(10));
    assert_eq!(bench.mix.ledger().forwarded, 1);
}
