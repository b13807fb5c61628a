//! The downlink's shape tells nothing about what goes down.

use sotto_protocol::frame::Frame;

use super::*;

/// The times of all frames that go down in ten seconds to one client, and how many of them carry a
/// packet, while replies arrive as `arrivals_ms` says.
fn downlink(arrivals_ms: &[u64]) -> (Vec<Timestamp>, usize) {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    let mut log = vec![];
    for arrival_ms in arrivals_ms {
        log.extend(bench.run_until(start() + ms(*arrival_ms)));
        // The reply's own bytes come from another generator than the entry's.
        let packet = Bench::new(ENTRY).packet_numbered(*arrival_ms, &grant.session);
        bench.arrive(LAYER_3, packet);
    }
    log.extend(bench.run_until(start() + ms(10_000)));
    let mut deliveries = 0;
    let times = log.into_iter().filter_map(|(time, action)| match action {
        Action::Deliver { frame, .. } => {
            deliveries += usize::from(matches!(frame, Frame::Delivery { .. }));
            Some(time)
        }
        _ => None,
    });
    (times.collect(), deliveries)
}

impl Bench {
    fn packet_numbered(mut self, number: u64, session: &SessionAddress) -> Packet {
        self.rng = ChaCha20Rng::seed_from_u64(number);
        self.packet(ENTRY, &[], Duration::ZERO, *session.as_bytes())
    }
}

#[test]
fn tick_times_are_the_same_with_and_without_traffic() {
    let (idle_times, idle_deliveries) = downlink(&[]);
    let busy: Vec<u64> = (0..60).map(|reply| 20 + reply * 130).collect();
    let (busy_times, busy_deliveries) = downlink(&busy);
    let burst: Vec<u64> = (0..50).map(|reply| 3_000 + reply).collect();
    let (burst_times, burst_deliveries) = downlink(&burst);
    assert_eq!((idle_deliveries, busy_deliveries, burst_deliveries), (0, 60, 50));
    assert_eq!(idle_times, busy_times);
    assert_eq!(idle_times, burst_times);
}

#[test]
fn frames_go_down_at_the_rate_of_the_class() {
    let (times, _) = downlink(&[]);
    // 100 expected in ten seconds at a mean of 100 ms, standard deviation 10.
    assert!((60..=140).contains(&times.len()), "{} frames", times.len());
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[test]
fn packets_go_down_in_the_order_they_came_one_at_a_tick() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    for _ in 0..5 {
        bench.reply_to(&grant.session);
    }
    let log = bench.run_until(start() + ms(20_000));
    let kinds: Vec<bool> = log
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Deliver { frame, .. } => Some(matches!(frame, Frame::Delivery { .. })),
            _ => None,
        })
        .collect();
    assert!(kinds.len() > 5);
    assert!(kinds[..5].iter().all(|delivery| *delivery));
    assert!(kinds[5..].iter().all(|delivery| !*delivery));
    assert_eq!(bench.delivered("client"), 5);
    assert_eq!(bench.mix.report().ledger.links.sent_to_clients, 5);
    assert_eq!(bench.mix.report().sessions.downlink_dummies, u64::try_from(kinds.len() - 5).unwrap());
}

#[test]
fn a_disconnected_session_is_silent() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    bench.mix.session_disconnected(bench.now, &grant.session);
    bench.reply_to(&grant.session);
    let log = bench.run_until(start() + ms(10_000));
    assert!(log.is_empty(), "{log:?}");
}

#[test]
fn how_late_frames_are_handed_out_is_told() {
    let mut bench = Bench::new(ENTRY);
    bench.open();
    bench.run_until(start() + ms(5_000));
    let punctual = bench.mix.report().pipeline.downlink;
    assert!(punctual.count > 0 && punctual.ms_max == 0.0, "{punctual:?}");
    let late = bench.mix.poll_timeout() + ms(30);
    bench.mix.handle_timeout(late, &mut bench.rng);
    let report = bench.mix.report().pipeline.downlink;
    assert!(report.count > punctual.count && report.ms_max == 30.0, "{report:?}");
}
