//! Asking a running node to read its configuration again: by SIGHUP, or by `reload` on the control socket.
//!
//! What can change in a running node, and what it does with the new values, is for each node's own shell to say.

use std::io;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait. Somebody who asks more often than the node can read its configuration has to wait.
const REQUESTS_MAX: usize = 4;

/// What a request is answered with: what has changed, or why nothing has.
pub type Reloaded = Result<Value, String>;

/// Somebody asks the node to read its configuration again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// For the outcome.
    pub reply: oneshot::Sender<Reloaded>,
}

/// The way to the task that reads the configuration again. Clones lead to the same task.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<ReloadRequest>);

/// The way to ask, and where the requests come out.
#[must_use]
pub fn channel() -> (Reloads, mpsc::Receiver<ReloadRequest>) {
    let (requests_in, requests) = mpsc::channel(REQUESTS_MAX);
    (Reloads(requests_in), requests)
}

impl Reloads {
    /// Asks, and waits for the outcome.
    ///
    /// # Errors
    ///
    /// Why nothing has changed: the configuration is wrong, or the node is ending.
    pub async fn request(&self) -> Reloaded {
        let ending = || "the node is ending".to_owned();
        let (reply, replied) = oneshot::channel();
        self.0.send(ReloadRequest { reply }).await.map_err(|_| ending())?;
        replied.await.map_err(|_| ending())?
    }

    /// Asks whenever the process gets SIGHUP, which no longer ends it. The outcome stands in the log, which is for the
    /// task that reloads to write.
    ///
    /// # Errors
    ///
    /// When the system does not let the process listen for signals.
    pub fn on_sighup(&self) -> io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        let reloads = self.clone();
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                let _logged = reloads.request().await;
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_request_gets_its_answer_and_a_node_that_is_gone_says_so() {
        let (reloads, mut requests) = channel();
        let asked = tokio::spawn({
            let reloads = reloads.clone();
            async move { reloads.request().await }
        });
        requests.recv().await.unwrap().reply.send(Ok(json!({ "applied": [] }))).unwrap();
        assert_eq!(asked.await.unwrap(), Ok(json!({ "applied": [] })));
        drop(requests);
        assert_eq!(reloads.request().await, Err("the node is ending".to_owned()));
    }

    #[tokio::test]
    async fn sighup_asks_each_time() {
        let (reloads, mut requests) = channel();
        reloads.on_sighup().unwrap();
        for _ in 0..2 {
            kill_process(getpid(), Signal::HUP).unwrap();
            let request = tokio::time::timeout(Duration::from_secs(20), requests.recv()).await.unwrap();
            request.unwrap().reply.send(Err("no".to_owned())).unwrap();
        }
    }
}
