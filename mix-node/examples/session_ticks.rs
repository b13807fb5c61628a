//! What open sessions cost the core of an entry: memory, and time for each tick of a downlink.
//! `cargo run --release -p sotto-mix-node --example session_ticks`; with a number, for so many sessions.
//!
//! Virtual time runs in steps of a millisecond, the resolution of the shell's timers. No link is there: what a frame costs on its
//! way out is not in these figures.
#![allow(clippy::print_stdout, reason = "an example prints what it has found")]

use std::time::Duration;

use sotto_mix_node::core::{Action, Mix, MixConfig};
use sotto_protocol::directory::{Consensus, ConsensusNode, CoverClass, Params, Place, epoch_start};
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::memory::rss_kib;
use sotto_transport::rng::OsRng;

const EPOCH: u64 = 1_000;
const EPOCH_S: u32 = 3_600;
/// Virtual time of the measurement.
const STEPS_MS: u64 = 30_000;

fn consensus(epoch: u64) -> Consensus {
    let class = CoverClass {
        name: "standard".to_owned(),
        payload_interval_ms_mean: 1_000,
        loop_interval_ms_mean: 1_000,
        drop_interval_ms_mean: 1_000,
        downlink_interval_ms_mean: 1_000,
    };
    Consensus {
        network: "example".to_owned(),
        epoch,
        valid_after: epoch_start(epoch, EPOCH_S),
        valid_until: epoch_start(epoch + 1, EPOCH_S),
        randomness: [0; 32],
        params: Params {
            epoch_s: EPOCH_S,
            mix_loop_interval_ms_mean: u32::MAX,
            link_dummy_interval_ms_mean: u32::MAX,
            classes: vec![class],
            ..Params::default()
        },
        nodes: vec![ConsensusNode {
            node: NodeId::from_bytes([1; 32]),
            place: Place::Entry,
            address: "192.0.2.1:9000".to_owned(),
            onion_address: None,
            hop_keys: Vec::new(),
        }],
    }
}

fn nanos(span: Duration, parts: u64) -> u128 {
    span.as_nanos() / u128::from(parts.max(1))
}

/// Lets every action succeed, and counts the frames that go down.
fn perform(mix: &mut Mix) -> u64 {
    let mut frames = 0;
    while let Some(action) = mix.poll_action() {
        if let Action::Deliver { ticket, .. } = action {
            mix.handle_sent(ticket);
            frames += 1;
        }
    }
    frames
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<usize>().ok());
    let sessions = numbers.next().unwrap_or(10_000);
    let parts = u64::try_from(sessions).unwrap_or(u64::MAX);
    let clock = Clock::system();
    let mut now = epoch_start(EPOCH, EPOCH_S);
    let config = MixConfig { sessions_max: sessions, ..MixConfig::new(NodeId::from_bytes([1; 32])) };
    let mut mix = Mix::new(config);
    if mix.handle_consensus(now, consensus(EPOCH), &mut OsRng).is_err() {
        println!("the consensus was refused");
        return;
    }

    let rss_kib_before = rss_kib().unwrap_or_default();
    let begin = clock.now();
    let opened = (0..sessions).filter(|_| mix.open_session(now, 0, None, &mut OsRng).is_ok()).count();
    let took = clock.now().since(begin);
    let bytes = rss_kib().unwrap_or_default().saturating_sub(rss_kib_before) * 1024 / parts.max(1);
    println!("{opened} sessions: {bytes} bytes each, opened in {} ns each", nanos(took, parts));

    let (mut frames, mut busy, mut longest) = (0, Duration::ZERO, Duration::ZERO);
    for _ in 0..STEPS_MS {
        now = now + Duration::from_millis(1);
        let begin = clock.now();
        if mix.poll_timeout() <= now {
            mix.handle_timeout(now, &mut OsRng);
        }
        frames += perform(&mut mix);
        let took = clock.now().since(begin);
        busy += took;
        longest = longest.max(took);
    }
    let per_s = frames * 1_000 / STEPS_MS;
    println!(
        "{per_s} ticks a second: {} ns each, {:.2} % of one core; longest step {} us",
        nanos(busy, frames),
        busy.as_secs_f64() * 1e5 / Duration::from_millis(STEPS_MS).as_secs_f64() / 1e3,
        longest.as_micros()
    );

    measure(&clock, "a report", 100, || {
        let report = mix.report();
        assert_eq!(report.sessions.connected, opened);
    });
    measure(&clock, "refusing a session where there is no room", 100, || {
        assert!(mix.open_session(now, 0, None, &mut OsRng).is_err());
    });
    let mut epoch = EPOCH;
    measure(&clock, "adopting a consensus with the same classes", 10, || {
        epoch += 1;
        let adopted = mix.handle_consensus(at(now, epoch), consensus(epoch), &mut OsRng);
        assert!(adopted.is_ok());
    });
}

/// The time at which a consensus is adopted: never before its epoch.
fn at(now: Timestamp, epoch: u64) -> Timestamp {
    now.max(epoch_start(epoch, EPOCH_S))
}

fn measure(clock: &Clock, what: &str, times: u64, mut work: impl FnMut()) {
    let begin = clock.now();
    for _ in 0..times {
        work();
    }
    println!("{what}: {:.1} us", nanos(clock.now().since(begin), times) as f64 / 1e3);
}
