//! The client: calls with a time limit, and the notifications that come in between.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::message::{LINE_LEN_MAX, Line, RpcError, read_line, request_line};

/// How long [`RpcClient::call`] waits for its answer.
pub const CALL_MAX: Duration = Duration::from_secs(30);

/// Notifications that may wait to be read. When more come, the client reads no further, not even answers,
/// until there is room; the server cuts off a connection that stays like that.
const NOTIFICATIONS_MAX: usize = 256;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RpcClientError {
    /// Nobody serves there.
    #[error("nothing answers on {path}: {reason}; is the process running?")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The server refused.
    #[error("{0}")]
    Refused(#[from] RpcError),
    /// No answer in time. Whether the call was carried out is not known.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection ended before the answer came. Whether the call was carried out is not known.
    #[error("the process closed the connection before it answered")]
    Closed,
    /// The request is longer than a line.
    #[error("the request is longer than the {LINE_LEN_MAX} bytes of a line")]
    TooLong,
}

impl RpcClientError {
    /// A stable name of the reason; for a refusal, the server's.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Refused(error) => error.label().unwrap_or("refused"),
            Self::Timeout(_) => "timeout",
            Self::Closed => "closed",
            Self::TooLong => "line-too-long",
        }
    }
}

/// Something that the server tells unasked.
#[derive(Clone, PartialEq, Debug)]
pub struct Notification {
    /// What kind of thing.
    pub method: String,
    /// The thing.
    pub params: Value,
}

type Answer = Result<Value, RpcError>;

/// The calls that wait for an answer, by id. `None` when the connection has ended.
type Pending = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>>;

/// A connection to a server. It ends when the client is dropped.
#[derive(Debug)]
pub struct RpcClient {
    /// To the task that writes, so that a call given up never leaves half a line behind.
    lines: mpsc::Sender<Vec<u8>>,
    id_next: AtomicU64,
    pending: Pending,
    notifications: Mutex<Option<mpsc::Receiver<Notification>>>,
    tasks: [AbortHandle; 2],
}

impl RpcClient {
    /// Connects to the server at `path`.
    ///
    /// # Errors
    ///
    /// When nobody serves there.
    pub async fn connect(path: &Path) -> Result<Self, RpcClientError> {
        let unreachable = |reason| RpcClientError::Unreachable { path: path.to_owned(), reason };
        let (reader, writer) = UnixStream::connect(path).await.map_err(unreachable)?.into_split();
        let pending = Pending::new(Mutex::new(Some(HashMap::new())));
        let (queue, notifications) = mpsc::channel(NOTIFICATIONS_MAX);
        let reading = tokio::spawn({
            let pending = Arc::clone(&pending);
            async move {
                read_messages(reader, &pending, &queue).await;
                // Dropping the waiting calls' senders tells them that no answer will come.
                *lock(&pending) = None;
            }
        });
        let (lines, waiting) = mpsc::channel(1);
        let writing = tokio::spawn(write_lines(writer, waiting));
        Ok(Self {
            lines,
            id_next: AtomicU64::new(1),
            pending,
            notifications: Mutex::new(Some(notifications)),
            tasks: [reading.abort_handle(), writing.abort_handle()],
        })
    }

    /// Calls `method`, and waits [`CALL_MAX`] at most.
    ///
    /// # Errors
    ///
    /// The server's refusal, or why there is no answer.
    pub async fn call(&self, method: &str, params: &Value) -> Result<Value, RpcClientError> {
        self.call_within(CALL_MAX, method, params).await
    }

    /// Calls `method`, and waits `wait_max` at most.
    ///
    /// # Errors
    ///
    /// As with [`call`](Self::call).
    pub async fn call_within(
        &self,
        wait_max: Duration,
        method: &str,
        params: &Value,
    ) -> Result<Value, RpcClientError> {
        let id = self.id_next.fetch_add(1, Ordering::Relaxed);
        let line = request_line(id, method, params);
        if line.len() > LINE_LEN_MAX {
            return Err(RpcClientError::TooLong);
        }
        let (answer, answered) = oneshot::channel();
        lock(&self.pending).as_mut().ok_or(RpcClientError::Closed)?.insert(id, answer);
        let calling = async {
            self.lines.send(line).await.map_err(|_| RpcClientError::Closed)?;
            let answer: Answer = answered.await.map_err(|_| RpcClientError::Closed)?;
            Ok(answer?)
        };
        let called = tokio::time::timeout(wait_max, calling).await;
        if let Some(pending) = lock(&self.pending).as_mut() {
            pending.remove(&id);
        }
        called.unwrap_or(Err(RpcClientError::Timeout(wait_max)))
    }

    /// The notifications. The first caller gets them, later ones `None`.
    pub fn notifications(&self) -> Option<mpsc::Receiver<Notification>> {
        lock(&self.notifications).take()
    }
}

impl Drop for RpcClient {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn write_lines(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// What a server sends: an answer has an id, a notification a method.
#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<RpcError>,
}

/// Reads until the connection ends, or something comes that no server of ours sends.
async fn read_messages(reader: OwnedReadHalf, pending: &Pending, notifications: &mpsc::Sender<Notification>) {
    let mut reader = BufReader::new(reader);
    while let Ok(Line::Whole(line)) = read_line(&mut reader).await {
        let Ok(message) = serde_json::from_slice::<Message>(&line) else {
            tracing::warn!(label = "rpc-garbage", "the server sent a line that is not JSON-RPC");
            return;
        };
        let Message { id, method, params, result, error } = message;
        if let Some(method) = method {
            // Nobody may want notifications: then there is nowhere to put this one.
            let _wanted = notifications.send(Notification { method, params }).await;
            continue;
        }
        let waiting = id.and_then(|id| lock(pending).as_mut()?.remove(&id));
        match (waiting, error) {
            (Some(call), Some(error)) => drop(call.send(Err(error))),
            (Some(call), None) => drop(call.send(Ok(result))),
            (None, Some(error)) => {
                tracing::warn!(label = error.label().unwrap_or("refused"), "the server refused a line");
            }
            // The call was given up before its answer came.
            (None, None) => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
