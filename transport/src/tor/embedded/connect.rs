//! Streams to onion services.

use arti_client::{ErrorKind, HasKind, StreamPrefs};

use super::Embedded;
use crate::dial::BoxStream;
use crate::tor::error::{TorError, causes};
use crate::tor::isolation::Isolation;
use crate::tor::onion_address::OnionAddress;

impl Embedded {
    /// A stream to `address`.
    pub(in crate::tor) async fn connect(
        &self,
        address: &OnionAddress,
        isolation: &Isolation,
    ) -> Result<BoxStream, TorError> {
        let mut prefs = StreamPrefs::new();
        prefs.set_isolation(isolation.token());
        let client = self.client()?;
        match client.connect_with_prefs((address.host(), address.port()), &prefs).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                self.note_failure();
                Err(refusal(&error))
            }
        }
    }
}

fn refusal(error: &arti_client::Error) -> TorError {
    match error.kind() {
        ErrorKind::OnionServiceNotFound => TorError::OnionNotFound,
        ErrorKind::OnionServiceMissingClientAuth | ErrorKind::OnionServiceWrongClientAuth => {
            TorError::OnionLocked
        }
        ErrorKind::OnionServiceNotRunning
        | ErrorKind::OnionServiceConnectionFailed
        | ErrorKind::OnionServiceProtocolViolation => TorError::OnionUnreachable(causes(error)),
        ErrorKind::RemoteConnectionRefused
        | ErrorKind::RemoteStreamClosed
        | ErrorKind::RemoteStreamReset
        | ErrorKind::RemoteStreamError
        | ErrorKind::CircuitCollapse => TorError::OnionRefused,
        ErrorKind::ArtiShuttingDown | ErrorKind::ReactorShuttingDown => TorError::Ended,
        _ => TorError::Failed(causes(error)),
    }
}
