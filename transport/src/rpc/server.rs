//! The server: connections, requests, responses.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::message::{BadRequest, LINE_LEN_MAX, Line, RpcError, parse_request, read_line, response_line};
use super::socket::{self, RpcServerError, SocketFile};
use super::subscriber::Subscriber;
use super::wiping::WipingReader;
use crate::node::shutdown::Shutdown;

/// Connections at once. One more is closed at once.
pub const CONNECTIONS_MAX: usize = 64;

/// How long to wait after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that is ending has to take its last lines.
const LAST_LINES_MAX: Duration = Duration::from_secs(2);

/// A request, as the handler gets it.
#[derive(Debug)]
pub struct RpcRequest {
    /// The method.
    pub method: String,
    /// An object or an array; an empty object if the caller left it out.
    pub params: Value,
    /// The caller's connection, for notifications.
    pub subscriber: Subscriber,
}

impl RpcRequest {
    /// The parameters as a `T`.
    ///
    /// # Errors
    ///
    /// An error for the caller when they do not fit.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        T::deserialize(&self.params).map_err(|error| RpcError::invalid_params(&error.to_string()))
    }
}

/// Answers requests. Implement it with an `async fn call`.
pub trait RpcHandler: Send + Sync + 'static {
    /// The answer to one request. Cancelled at shutdown.
    fn call(&self, request: RpcRequest) -> impl Future<Output = Result<Value, RpcError>> + Send;
}

/// A server that has its socket.
#[derive(Debug)]
pub struct RpcServer {
    listener: UnixListener,
    file: SocketFile,
}

impl RpcServer {
    /// Takes the socket `path`. One that a process which is gone has left behind is replaced.
    ///
    /// # Errors
    ///
    /// When another process serves there, or the socket cannot be made.
    pub fn bind(path: &Path) -> Result<Self, RpcServerError> {
        let (listener, file) = socket::bind(path)?;
        Ok(Self { listener, file })
    }

    /// Serves until `shutdown`, then removes the socket. Requests being answered get their answer if it comes
    /// before that: a handler that triggers the shutdown itself is answered.
    pub async fn serve(self, handler: Arc<impl RpcHandler>, shutdown: Shutdown) {
        let Self { listener, file } = self;
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.triggered() => break,
                Some(_ended) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(_) if connections.len() >= CONNECTIONS_MAX => {
                    tracing::warn!(label = "connections-full", "closed a connection to the RPC socket");
                }
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&handler), shutdown.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the RPC socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // In this order: who comes in between finds that nobody answers, and makes a file of its own.
        drop(file);
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn serve_connection(stream: UnixStream, handler: Arc<impl RpcHandler>, shutdown: Shutdown) {
    let (reader, writer) = stream.into_split();
    let (subscriber, queue) = Subscriber::new();
    let writing = tokio::spawn(write_lines(writer, queue, subscriber.clone()));
    tokio::select! {
        () = serve_requests(WipingReader::new(reader), &*handler, &subscriber, &shutdown) => {}
        () = subscriber.until_cut_off() => {}
    }
    subscriber.cut_off();
    // The writer ends by itself, within a bound; its failure has nobody to tell.
    let _ended = writing.await;
}

async fn serve_requests(
    mut reader: WipingReader<tokio::net::unix::OwnedReadHalf>,
    handler: &impl RpcHandler,
    subscriber: &Subscriber,
    shutdown: &Shutdown,
) {
    loop {
        let line = tokio::select! {
            line = read_line(&mut reader) => line,
            () = shutdown.triggered() => return,
        };
        let (response, is_last) = match line {
            Ok(Line::Whole(line)) => {
                (answer(&Zeroizing::new(line), handler, subscriber, shutdown).await, false)
            }
            Ok(Line::TooLong) => {
                let message = format!("a line has at most {LINE_LEN_MAX} bytes; the connection is closed");
                let error = RpcError::invalid_request("line-too-long", &message);
                (Some(response_line(&Value::Null, &Err(error))), true)
            }
            Ok(Line::End) | Err(_) => return,
        };
        if let Some(response) = response
            && !subscriber.respond(response).await
        {
            return;
        }
        if is_last {
            return;
        }
    }
}

/// The response to one line; none to a notification.
async fn answer(
    line: &[u8],
    handler: &impl RpcHandler,
    subscriber: &Subscriber,
    shutdown: &Shutdown,
) -> Option<Vec<u8>> {
    let request = match parse_request(line) {
        Ok(request) => request,
        Err(BadRequest { id, error }) => return Some(response_line(&id, &Err(error))),
    };
    let call = RpcRequest { method: request.method, params: request.params, subscriber: subscriber.clone() };
    let outcome = tokio::select! {
        biased;
        outcome = handler.call(call) => outcome,
        () = shutdown.triggered() => Err(RpcError::labelled("shutting-down", "the process is ending")),
    };
    let id = request.id?;
    let response = response_line(&id, &outcome);
    if response.len() <= LINE_LEN_MAX {
        return Some(response);
    }
    let message = format!("the answer is longer than the {LINE_LEN_MAX} bytes of a line");
    Some(response_line(&id, &Err(RpcError::internal(&message))))
}

async fn write_lines(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>, subscriber: Subscriber) {
    let writing = async {
        loop {
            // Lines that are queued already are still owed to a connection that is ending.
            let line = tokio::select! {
                biased;
                line = queue.recv() => line,
                () = subscriber.until_cut_off() => None,
            };
            let Some(line) = line else { return };
            if writer.write_all(&line).await.is_err() {
                return;
            }
        }
    };
    let patience = async {
        subscriber.until_cut_off().await;
        tokio::time::sleep(LAST_LINES_MAX).await;
    };
    tokio::select! {
        () = writing => {}
        () = patience => {}
    }
    subscriber.cut_off();
}
