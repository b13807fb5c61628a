//! Handshake, envelopes, ratchet steps, KEM exchange and unlocking, each beside its bare primitives.
//!
//! `docs/benchmarks.md` says what is compared; the example `session_overhead` prints the ratios.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]

mod pairs;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Of each side; all of them take some two minutes.
const WARM_UP: Duration = Duration::from_secs(1);
const MEASUREMENT: Duration = Duration::from_secs(2);
/// The least that criterion takes: a sample of unlocking is a good part of a second.
const UNLOCK_SAMPLES: usize = 10;

fn session(criterion: &mut Criterion) {
    for pair in pairs::session() {
        compare(criterion, pair, None);
    }
}

fn unlock(criterion: &mut Criterion) {
    compare(criterion, pairs::unlock(), Some(UNLOCK_SAMPLES));
}

fn wiping(criterion: &mut Criterion) {
    for (when, mut side) in pairs::wiping() {
        let name = format!("wiping of the stack, {when}");
        criterion.bench_function(&name, |bencher| bencher.iter_custom(&mut side));
    }
}

fn compare(criterion: &mut Criterion, pair: pairs::Pair, samples: Option<usize>) {
    let pairs::Pair { name, primitives, mut whole, mut bare } = pair;
    let mut group = criterion.benchmark_group(name);
    if let Some(samples) = samples {
        group.sample_size(samples);
    }
    group.bench_function("whole", |bencher| bencher.iter_custom(&mut whole));
    group.bench_function(format!("bare: {primitives}"), |bencher| bencher.iter_custom(&mut bare));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(WARM_UP).measurement_time(MEASUREMENT);
    targets = session, unlock, wiping
}
criterion_main!(benches);
