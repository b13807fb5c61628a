//! An onion service as a listener: what the embedded client accepts, waits here until somebody takes it.

use std::fmt;
use std::future;
use std::io;

use tokio::sync::{mpsc, watch as latest};

use super::service::OnionStatus;
use crate::caller::Caller;
use crate::dial::{BoxFuture, BoxStream, Listener};
use crate::node::shutdown::TriggerOnDrop;

/// An onion service that this process hosts. Dropped, it ends.
pub struct OnionListener {
    streams: mpsc::Receiver<BoxStream>,
    status: latest::Receiver<OnionStatus>,
    /// Ends the service.
    _service: TriggerOnDrop,
}

impl OnionListener {
    #[cfg_attr(not(feature = "tor"), expect(dead_code, reason = "the built-in client alone hosts"))]
    pub(super) const fn new(
        streams: mpsc::Receiver<BoxStream>,
        status: latest::Receiver<OnionStatus>,
        service: TriggerOnDrop,
    ) -> Self {
        Self { streams, status, _service: service }
    }

    /// How the service is doing. The latest value is always there; it changes when something does.
    #[must_use]
    pub fn status(&self) -> latest::Receiver<OnionStatus> {
        self.status.clone()
    }
}

impl fmt::Debug for OnionListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionListener").finish_non_exhaustive()
    }
}

impl Listener for OnionListener {
    /// Once the service has ended there is no caller any more, and this does not return.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Caller)>> {
        Box::pin(async move {
            match self.streams.recv().await {
                Some(stream) => Ok((stream, Caller::UNKNOWN)),
                None => future::pending().await,
            }
        })
    }
}
