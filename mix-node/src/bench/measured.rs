//! Loops with a clock, and what comes of them.

use std::time::Duration;

use sotto_transport::clock::Stopwatch;

/// How long each loop runs.
const LOOP: Duration = Duration::from_millis(700);
/// Rounds of all loops in turn, so that a disturbance of the machine meets each of them.
pub(super) const ROUNDS: usize = 3;

/// How often in a second `once` can be done, which does `units` at a time.
pub(super) fn rate<E>(units: usize, mut once: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let watch = Stopwatch::start();
    let mut done = 0_u32;
    while watch.elapsed() < LOOP {
        once()?;
        done += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    let units = units as f64;
    Ok(f64::from(done) * units / watch.elapsed().as_secs_f64())
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The value that so many percent do not exceed.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
