//! One signal that everything in a process can wait for: it is time to end.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The signal. Clones are the same signal; once triggered, it stays so.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// A signal that is not yet triggered.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Triggers it. Doing so again changes nothing.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it has been triggered.
    pub async fn triggered(&self) {
        // The sender lives as long as `self`, so the wait cannot end for another reason.
        let mut changes = self.0.subscribe();
        drop(changes.wait_for(|triggered| *triggered).await);
    }

    /// Triggers it when the process is told to end, by SIGTERM or SIGINT.
    ///
    /// # Errors
    ///
    /// When the system does not let the process listen for signals.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            shutdown.trigger();
            tracing::info!("told to end");
        });
        Ok(())
    }
}

/// Triggers a signal when it is dropped, so that a process whose main task has failed ends instead of going on
/// without it.
#[derive(Debug)]
pub struct TriggerOnDrop(Shutdown);

impl Shutdown {
    /// A guard that triggers it when dropped.
    #[must_use]
    pub fn trigger_on_drop(&self) -> TriggerOnDrop {
        TriggerOnDrop(self.clone())
    }
}

impl Drop for TriggerOnDrop {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_hears_it_and_so_does_who_comes_late() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.triggered().await }
        });
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        shutdown.trigger();
        waiting.await.unwrap();
        shutdown.triggered().await;
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn the_end_of_a_guarded_task_triggers_it_even_by_a_panic() {
        let shutdown = Shutdown::new();
        let guard = shutdown.trigger_on_drop();
        let task = tokio::spawn(async move {
            let _guard = guard;
            panic!("as a mistake in the core would");
        });
        shutdown.triggered().await;
        assert!(task.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn a_signal_triggers_it() {
        use rustix::process::{Signal, getpid, kill_process};

        let shutdown = Shutdown::new();
        shutdown.on_signals().unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(20), shutdown.triggered()).await.unwrap();
    }
}
