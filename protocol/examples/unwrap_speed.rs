//! How long a packet takes at a hop: the packet format's crate, the fast path by each implementation of X25519, and
//! the bare primitives.
//!
//! `cargo run --release -p sotto-protocol --no-default-features --example unwrap_speed` prints a table in microseconds for
//! a packet or an operation. All sides take turns in short samples, so that whatever else the machine does meets all
//! alike; the least of a side's samples is the one that was disturbed least. `docs/benchmarks.md` says what is compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::cast_precision_loss)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::sphinx::fast::measure::{self, Bare};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};
use sotto_protocol::sphinx::{HopSecret, Packet};
use zeroize::Zeroizing;

const EPOCH: u64 = 1;
const DELAY_MAX: Duration = Duration::from_secs(10);
/// Packets, or operations, of a sample: few, so that a sample is over before the scheduler takes the core away.
const BATCH: usize = 16;
const SAMPLES: usize = 1001;

/// One of what is compared: a sample of it, timed.
struct Side {
    name: String,
    sample: Box<dyn FnMut() -> Duration>,
    times: Vec<Duration>,
}

impl Side {
    fn new(name: String, sample: impl FnMut() -> Duration + 'static) -> Self {
        Self { name, sample: Box::new(sample), times: Vec::new() }
    }

    /// The quantile of its samples, in microseconds for one of the batch.
    fn quantile_us(&self, of: usize) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get((times.len() - 1) * of / 100).unwrap().as_secs_f64() * 1e6 / BATCH as f64
    }
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn secret() -> HopSecret {
    HopSecret::from_bytes(Zeroizing::new([7; 32]))
}

fn by_crate(packets: Vec<Packet>) -> Side {
    let secret = secret();
    Side::new("sphinx-packet".into(), move || {
        timed(|| packets.iter().for_each(|packet| drop(black_box(measure::by_reference(&secret, packet)))))
    })
}

fn by_fast_path(x25519: X25519, packets: Vec<Packet>) -> Side {
    let keys = HopKeys::new().with(EPOCH, secret());
    let mut unwrapper = BatchUnwrapper::new(x25519);
    Side::new(format!("fast path, {}", x25519.name()), move || {
        let (packets, mut results) = (packets.clone(), Vec::with_capacity(BATCH));
        let time = timed(|| unwrapper.unwrap(&keys, EPOCH, DELAY_MAX, packets, &mut results));
        assert!(results.iter().all(Result::is_ok));
        time
    })
}

fn bare(x25519: X25519) -> [Side; 2] {
    let (mut alone, mut whole) = (Bare::new(x25519), Bare::new(x25519));
    let whole = move || {
        timed(|| {
            black_box((whole.x25519(BATCH), whole.x25519(BATCH)));
            (0..BATCH).for_each(|_| {
                black_box(whole.payload()).unwrap();
            });
        })
    };
    [
        Side::new(format!("two X25519 and a payload pass, {}", x25519.name()), whole),
        Side::new(format!("X25519, {}", x25519.name()), move || {
            timed(|| {
                black_box(alone.x25519(BATCH));
            })
        }),
    ]
}

fn payload() -> Side {
    let mut bare = Bare::new(X25519::PORTABLE);
    Side::new("payload pass".into(), move || {
        timed(|| {
            (0..BATCH).for_each(|_| {
                black_box(bare.payload()).unwrap();
            });
        })
    })
}

fn main() {
    let packets = measure::packets(secret().public(), BATCH, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let mut sides = vec![by_crate(packets.clone())];
    sides.extend(X25519::available().map(|x25519| by_fast_path(x25519, packets.clone())));
    sides.extend(X25519::available().flat_map(bare));
    sides.push(payload());
    for _ in 0..SAMPLES {
        for side in &mut sides {
            let time = (side.sample)();
            side.times.push(time);
        }
    }
    let reference = sides.first().map_or(0.0, |side| side.quantile_us(0));
    println!("| | least, us | median, us | sphinx-packet's least by this |\n|---|---|---|---|");
    for side in &sides {
        let least = side.quantile_us(0);
        println!("| {} | {least:.2} | {:.2} | {:.2} |", side.name, side.quantile_us(50), reference / least);
    }
}
