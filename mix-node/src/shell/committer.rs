//! The thread that makes replay tags durable, one commit after the other.
//!
//! A commit waits for the disk; nothing else does.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use sotto_transport::node::NodeError;
use sotto_transport::node::tag_log::TagLogs;
use tokio::sync::mpsc;

use crate::core::{CommitId, TagCommit};

/// The thread.
pub(crate) struct Committer {
    commits: Sender<TagCommit>,
    done: mpsc::UnboundedReceiver<(CommitId, bool)>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`NodeError::System`] if it cannot be started.
    pub(crate) fn start(mut logs: TagLogs) -> Result<Self, NodeError> {
        let (commits, commits_out) = channel::<TagCommit>();
        let (done_in, done) = mpsc::unbounded_channel();
        let run = move || {
            let mut failing = false;
            while let Ok(commit) = commits_out.recv() {
                let committed = logs.commit(&commit.tags);
                match &committed {
                    Err(error) if !failing => tracing::error!(
                        label = error.label(),
                        %error,
                        "replay tags cannot be written: packets are dropped until they can; free the disk or mend it"
                    ),
                    Ok(()) if failing => tracing::info!("replay tags can be written again"),
                    _ => {}
                }
                failing = committed.is_err();
                if done_in.send((commit.id, committed.is_ok())).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("commit-tags".to_owned())
            .spawn(run)
            .map_err(NodeError::system("start the thread that writes replay tags"))?;
        Ok(Self { commits, done })
    }

    /// Hands a commit to the thread. If the thread is gone the commit comes back: it has failed.
    pub(crate) fn submit(&self, commit: TagCommit) -> Result<(), CommitId> {
        self.commits.send(commit).map_err(|refused| refused.0.id)
    }

    /// Waits for the end of a commit, and tells whether its tags are durable.
    pub(crate) async fn next(&mut self) -> Option<(CommitId, bool)> {
        self.done.recv().await
    }
}
