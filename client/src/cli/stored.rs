//! Waiting until the mailboxes have what was queued.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ended, Wait};
use crate::core::{MessageState, StatusView};
use crate::shell::Failure;
use crate::shell::client::{Connection, News};

/// How often to look even if nothing was told.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What a command that runs alone says before it waits.
pub(super) const ALONE_NOTE: &str = "No daemon is running, so this command connects by itself. Anybody who watches your \
     network can see when you use it; `sotto daemon` prevents that.";

/// Waits until `is_done` says so, looking again whenever something happens.
pub(super) async fn until(
    connection: &mut Connection,
    wait: &Wait,
    mut is_done: impl AsyncFnMut(&Connection) -> Result<bool, Failure>,
) -> Result<Ended, Failure> {
    let watching = async {
        loop {
            if is_done(connection).await? {
                return Ok(Ended::Well);
            }
            match tokio::time::timeout(LOOK_INTERVAL, connection.news()).await {
                Ok(News::Ended) => {
                    return Err(Failure::new(
                        "daemon-ended",
                        "the daemon ended meanwhile; what was queued stays queued",
                    ));
                }
                Ok(News::Some) | Err(_) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(wait.timeout), watching).await.unwrap_or(Ok(Ended::TimedOut))
}

/// Waits until a message is stored, and gives its last state.
pub(super) async fn message(
    connection: &mut Connection,
    wait: &Wait,
    message: &Value,
) -> Result<(Ended, Option<MessageState>), Failure> {
    let mut state = None;
    let ended = until(connection, wait, async |connection| {
        let view = connection.call("message", json!({ "message": message })).await?;
        state = view.get("state").and_then(|state| serde_json::from_value(state.clone()).ok());
        Ok(state.is_none_or(|state: MessageState| state.is_stored() || state == MessageState::Conflict))
    })
    .await?;
    Ok((ended, state))
}

/// Waits until nothing for this contact waits any more.
pub(super) async fn contact(
    connection: &mut Connection,
    wait: &Wait,
    contact: &str,
) -> Result<Ended, Failure> {
    until(connection, wait, async |connection| {
        let status = connection.call("status", json!({})).await?;
        let status: StatusView = serde_json::from_value(status)
            .map_err(|error| Failure::new("internal", format!("the status cannot be read: {error}")))?;
        Ok(!status.waiting.iter().any(|waiting| waiting.contact == contact))
    })
    .await
}
