//! Limits that change while the mix works.

use super::*;

#[test]
fn lower_limits_take_nothing_away_and_higher_ones_make_room() {
    let mut bench = Bench::new(ENTRY);
    bench.mix.set_limits(1, 2);
    let report = bench.mix.report().limits;
    assert_eq!((report.held_max, report.sessions_max), (1, 2));
    let client = bench.open();
    bench.open();
    let full = bench.mix.open_session(bench.now, 0, None, &mut bench.rng).unwrap_err();
    assert_eq!(full.label(), "sessions-full");
    for _ in 0..2 {
        let packet = bench.packet(ENTRY, &[LAYER_1], ms(500), [0; 32]);
        bench.mix.handle_packet(bench.now, Source::Client(client.session), packet);
    }
    let ledger = bench.mix.ledger();
    assert_eq!((ledger.held, ledger.dropped["held-full"]), (1, 1));

    bench.mix.set_limits(2, 3);
    bench.open();
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(500), [0; 32]);
    bench.mix.handle_packet(bench.now, Source::Client(client.session), packet);
    assert_eq!(bench.mix.held(), 2);

    bench.mix.set_limits(1, 1);
    assert_eq!(bench.mix.held(), 2, "what is held stays");
    assert_eq!(bench.mix.report().sessions.connected, 3, "and so do sessions");
}
