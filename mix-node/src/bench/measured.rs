//! Loops with a clock, and what comes of them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long each loop runs.
const LOOP: Duration = Duration::from_millis(700);
/// Rounds of all loops in turn, so that a disturbance of the machine meets each of them.
pub(super) const ROUNDS: usize = 5;

/// How often in a second of this thread's processor time `once` can be done, which does `units` at a time. Time in
/// which other programs have the processor does not count, so that figures of a busy machine can be compared.
pub(super) fn rate<E>(units: usize, mut once: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let began = processor_time();
    let mut done = 0_u32;
    while processor_time().saturating_sub(began) < LOOP {
        once()?;
        done += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    let units = units as f64;
    Ok(f64::from(done) * units / processor_time().saturating_sub(began).as_secs_f64())
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
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
