//! Tracing: messages in a second on one core, with a hundred targets followed.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sotto_traffic::tracer::bench::tracing;

/// Messages of one measured run.
const MESSAGES: u64 = 1_000_000;
/// Packets that are followed.
const TARGETS: u32 = 100;

fn hundred_targets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracing");
    group.sample_size(10).throughput(Throughput::Elements(MESSAGES));
    // Criterion has the clock.
    group.bench_function("hundred targets", |bencher| {
        bencher.iter(|| tracing(MESSAGES, TARGETS, &|| Duration::ZERO));
    });
    group.finish();
}

criterion_group!(benches, hundred_targets);
criterion_main!(benches);
