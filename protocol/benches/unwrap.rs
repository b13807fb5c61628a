//! A packet at a hop: the packet format's crate, the fast path by each implementation of X25519, and the bare limit.
//!
//! `docs/benchmarks.md` says what is compared. Every figure is the time of one packet, or of one operation.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::sphinx::fast::measure::{self, Bare};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};
use sotto_protocol::sphinx::{HopSecret, Packet};
use zeroize::Zeroizing;

const WARM_UP: Duration = Duration::from_secs(1);
const MEASUREMENT: Duration = Duration::from_secs(3);
const EPOCH: u64 = 1;
const DELAY_MAX: Duration = Duration::from_secs(10);
/// Packets of a batch.
const BATCH: usize = 64;

fn secret() -> HopSecret {
    HopSecret::from_bytes(Zeroizing::new([7; 32]))
}

fn packets() -> Vec<Packet> {
    measure::packets(secret().public(), BATCH, &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn unwrap(criterion: &mut Criterion) {
    let packets = packets();
    let mut group = criterion.benchmark_group("unwrap a packet");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("sphinx-packet", |bencher| {
        let secret = secret();
        bencher.iter(|| {
            for packet in &packets {
                black_box(measure::by_reference(&secret, packet).unwrap());
            }
        });
    });
    for x25519 in X25519::available() {
        group.bench_function(format!("fast path, {}", x25519.name()), |bencher| {
            let keys = HopKeys::new().with(EPOCH, secret());
            let mut unwrapper = BatchUnwrapper::new(x25519);
            let mut results = Vec::new();
            bencher.iter_batched(
                || packets.clone(),
                |packets| {
                    results.clear();
                    unwrapper.unwrap(&keys, EPOCH, DELAY_MAX, packets, &mut results);
                    assert!(results.iter().all(Result::is_ok));
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn primitives(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bare");
    group.throughput(Throughput::Elements(BATCH as u64));
    for x25519 in X25519::available() {
        let mut bare = Bare::new(x25519);
        group.bench_function(format!("X25519, {}", x25519.name()), |bencher| {
            bencher.iter(|| bare.x25519(black_box(BATCH)));
        });
        group.bench_function(format!("two X25519 and a payload pass, {}", x25519.name()), |bencher| {
            bencher.iter(|| {
                black_box((bare.x25519(BATCH), bare.x25519(BATCH)));
                for _ in 0..BATCH {
                    black_box(bare.payload().unwrap());
                }
            });
        });
    }
    let mut bare = Bare::new(X25519::PORTABLE);
    group.bench_function("payload pass", |bencher| {
        bencher.iter(|| {
            for _ in 0..BATCH {
                black_box(bare.payload().unwrap());
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(WARM_UP).measurement_time(MEASUREMENT);
    targets = unwrap, primitives
}
criterion_main!(benches);
