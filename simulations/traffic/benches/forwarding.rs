//! Plain forwarding: events in a second on one core.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sotto_traffic::bench;
use sotto_traffic::engine::Simulation;
use sotto_traffic::observer::Unobserved;
use sotto_traffic::random::Seed;

/// Events of one measured run.
const EVENTS: u64 = 2_000_000;

fn forwarding(criterion: &mut Criterion) {
    let scenario = bench::scenario(EVENTS);
    let mut group = criterion.benchmark_group("forwarding");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    group.bench_function("unobserved", |bencher| {
        bencher.iter(|| {
            Simulation::new(&scenario, Seed::new(1)).map(|simulation| simulation.run(&mut Unobserved))
        });
    });
    group.finish();
}

criterion_group!(benches, forwarding);
criterion_main!(benches);
