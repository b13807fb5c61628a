//! Finds out by a probe whether a way into Tor works: after each failed dial, and again and again until it does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::status::TorBlockage;

/// Between two probes, so that many failed dials do not become many probes.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// Told of failed dials. Clones tell the same watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures(Arc<Notify>);

impl Failures {
    /// A dial failed.
    pub(super) fn note(&self) {
        self.0.notify_one();
    }

    /// Probes now if a failure has been noted, else after the next, and reports what came of it. Until a probe
    /// works it goes on by itself. Does not end.
    pub(super) async fn watch<P, F>(&self, probe: P, mut report: impl FnMut(Result<(), TorBlockage>))
    where
        P: Fn() -> F,
        F: Future<Output = Result<(), TorBlockage>>,
    {
        loop {
            self.0.notified().await;
            loop {
                let outcome = probe().await;
                let works = outcome.is_ok();
                report(outcome);
                tokio::time::sleep(PROBE_PAUSE).await;
                if works {
                    break;
                }
            }
        }
    }
}
