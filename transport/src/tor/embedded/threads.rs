//! The threads of one client, apart from the program's own.
//!
//! Some of arti's tasks go on when the last handle of a client is dropped, and hold its memory and its files. They end
//! with the runtime they run on.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tor_rtcompat::PreferredRuntime;

use crate::tor::error::TorError;

/// Cells are decrypted on them: one more than needed, so that a long step of one task does not stop the others.
const THREADS: usize = 2;

/// A runtime for one client. Dropped, it ends in the background, with all that runs on it.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    pub(super) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("tor").enable_all().build().map(Some).map(Self)
    }

    /// In arti's terms.
    pub(super) fn runtime(&self) -> Result<PreferredRuntime, TorError> {
        let _entered = self.0.as_ref().map(Runtime::enter);
        PreferredRuntime::current().map_err(|error| TorError::Start(error.to_string()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
