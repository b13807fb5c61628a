//! The history of a profile with many messages: its pages, and searches in it.
//!
//! `docs/benchmarks.md` says what is measured; the example `history_speed` prints the figures beside their goals.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod past;

use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const WARM_UP: Duration = Duration::from_secs(1);
const MEASUREMENT: Duration = Duration::from_secs(3);
/// The least that criterion takes: opening takes a good part of a second.
const OPENING_SAMPLES: usize = 10;

fn history(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (profile, made) = past::Profile::make(directory.path());
    println!(
        "{} messages of {} bytes in {} conversations, {} in the longest; vault.redb has {} bytes",
        past::MESSAGES,
        made.text_len,
        past::CONVERSATIONS,
        made.longest,
        profile.vault_len()
    );
    let mut group = criterion.benchmark_group("open");
    group.sample_size(OPENING_SAMPLES);
    group.bench_function("unlock the vault", |bencher| bencher.iter_with_large_drop(|| profile.vault()));
    group.bench_function("read it", |bencher| {
        bencher.iter_batched(|| profile.vault(), |vault| profile.engine(vault), BatchSize::PerIteration);
    });
    group.finish();
    let mut engine = profile.engine(profile.vault());
    for mut deed in past::deeds() {
        criterion.bench_function(deed.name, |bencher| bencher.iter(|| (deed.run)(&mut engine)));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(WARM_UP).measurement_time(MEASUREMENT);
    targets = history
}
criterion_main!(benches);
