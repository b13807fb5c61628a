//! Waiting for what a process outside brings about: looking again until it is so, or until the time is over.

use std::future::Future;
use std::time::Duration;

use sotto_transport::clock::Clock;

/// How long to wait between two looks at the same condition.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Waits for a condition that a process outside brings about, looking again every few milliseconds. Returns
/// `None` when `span` is over.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(
    clock: &Clock,
    span: Duration,
    mut look: impl FnMut() -> F,
) -> Option<T> {
    let deadline = clock.now() + span;
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if clock.now() > deadline {
            return None;
        }
        pause(clock).await;
    }
}

/// The time between two looks.
pub(crate) async fn pause(clock: &Clock) {
    clock.sleep_until(clock.now() + POLL_INTERVAL).await;
}
