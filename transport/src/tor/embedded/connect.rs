//! Streams to onion services.

use std::time::Duration;

use arti_client::{DataStream, ErrorKind, HasKind, StreamPrefs};

use super::{Client, Embedded};
use crate::clock::Stopwatch;
use crate::dial::BoxStream;
use crate::tor::error::{TorError, causes};
use crate::tor::isolation::Isolation;
use crate::tor::onion_address::OnionAddress;

/// How long a dial goes on when the client finds no relay to begin a circuit at. Just after the start with a bridge
/// it lacks that bridge's descriptor for some moments.
const NO_RELAY_MAX: Duration = Duration::from_secs(5);

/// Between two attempts of one dial.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(250);

impl Embedded {
    /// A stream to `address`.
    pub(in crate::tor) async fn connect(
        &self,
        address: &OnionAddress,
        isolation: &Isolation,
    ) -> Result<BoxStream, TorError> {
        let mut current = self.current.clone();
        let since = Stopwatch::start();
        loop {
            // Between two clients there is none for a moment. After the end, the sender is gone.
            let client = current.wait_for(Option::is_some).await.map_err(|_| TorError::Ended)?.clone();
            let Some(client) = client else { continue };
            // A client that is replaced cannot go on while somebody holds it.
            let connected = tokio::select! {
                _ = current.changed() => continue,
                connected = connect(client, address, isolation) => connected,
            };
            let error = match connected {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => error,
            };
            self.note_failure();
            if error.kind() != ErrorKind::TorAccessFailed || since.elapsed() >= NO_RELAY_MAX {
                return Err(refusal(&error));
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
    }
}

async fn connect(
    client: Client,
    address: &OnionAddress,
    isolation: &Isolation,
) -> arti_client::Result<DataStream> {
    let mut prefs = StreamPrefs::new();
    prefs.set_isolation(isolation.token());
    client.connect_with_prefs((address.host(), address.port()), &prefs).await
}

fn refusal(error: &arti_client::Error) -> TorError {
    match error.kind() {
        ErrorKind::OnionServiceNotFound => TorError::OnionNotFound,
        ErrorKind::OnionServiceMissingClientAuth | ErrorKind::OnionServiceWrongClientAuth => {
            TorError::OnionLocked
        }
        // The last two are what arti says of a circuit that was made, and behind which nobody answers.
        ErrorKind::OnionServiceNotRunning
        | ErrorKind::OnionServiceConnectionFailed
        | ErrorKind::OnionServiceProtocolViolation
        | ErrorKind::RemoteNetworkTimeout
        | ErrorKind::ExitTimeout => TorError::OnionUnreachable(causes(error)),
        // The last of these is what arti says of a circuit that its other end has closed in the meantime.
        ErrorKind::RemoteConnectionRefused
        | ErrorKind::RemoteStreamClosed
        | ErrorKind::RemoteStreamReset
        | ErrorKind::RemoteStreamError
        | ErrorKind::CircuitCollapse
        | ErrorKind::BadApiUsage => TorError::OnionRefused,
        ErrorKind::ArtiShuttingDown | ErrorKind::ReactorShuttingDown => TorError::Ended,
        _ => TorError::Failed(causes(error)),
    }
}
