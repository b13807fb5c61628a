//! The control socket of a node: `status`, `quiesce`, `drain`, `drain-cancel`, `reload`, `shutdown`, by JSON-RPC.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::reload::Reloads;
use super::shutdown::Shutdown;
use crate::rpc::{RpcClient, RpcClientError, RpcError, RpcHandler, RpcRequest, RpcServer, RpcServerError};

/// What the operator asks of the task that owns the node's core.
#[derive(Debug)]
pub enum ControlRequest {
    /// The node's state, an object.
    Status {
        /// For the state.
        reply: oneshot::Sender<Value>,
    },
    /// Leave the network and end when nobody can send anything any more, or take that back. A node that cannot do so
    /// drops the request.
    Drain {
        /// Take it back.
        cancel: bool,
        /// For how it stands then, an object, or the label and the words of a refusal.
        reply: oneshot::Sender<Result<Value, (&'static str, String)>>,
    },
    /// Originate no more packets, so that what is under way can run dry.
    Quiesce {
        /// For the word that it is done.
        reply: oneshot::Sender<()>,
    },
}

/// A control socket that is taken and not yet served.
#[derive(Debug)]
pub struct ControlServer(RpcServer);

impl ControlServer {
    /// Takes the socket at `path`.
    ///
    /// # Errors
    ///
    /// When another process serves there (the node is running already), or the socket cannot be made.
    pub fn bind(path: &Path) -> Result<Self, RpcServerError> {
        RpcServer::bind(path).map(Self)
    }

    /// Serves until `shutdown`, which the method `shutdown` triggers. The other requests go where the node's other
    /// events go, and `reload` by `reloads`: a node without that has no such method.
    pub async fn serve<E: From<ControlRequest> + Send + 'static>(
        self,
        events: mpsc::Sender<E>,
        reloads: Option<Reloads>,
        shutdown: Shutdown,
    ) {
        let handler = Arc::new(Handler { events, reloads, shutdown: shutdown.clone() });
        self.0.serve(handler, shutdown).await;
    }
}

struct Handler<E> {
    events: mpsc::Sender<E>,
    reloads: Option<Reloads>,
    shutdown: Shutdown,
}

impl<E: From<ControlRequest> + Send + 'static> Handler<E> {
    /// Asks, and waits for the answer. If the node is ending there is nobody to give one.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> ControlRequest) -> Option<T> {
        let (reply, replied) = oneshot::channel();
        self.events.send(request(reply).into()).await.ok()?;
        replied.await.ok()
    }
}

impl<E: From<ControlRequest> + Send + 'static> RpcHandler for Handler<E> {
    async fn call(&self, request: RpcRequest) -> Result<Value, RpcError> {
        match request.method.as_str() {
            "status" => {
                let status = self.ask(|reply| ControlRequest::Status { reply }).await;
                Ok(status.unwrap_or_else(|| json!({ "ending": true })))
            }
            "quiesce" => {
                self.ask(|reply| ControlRequest::Quiesce { reply }).await;
                Ok(json!({}))
            }
            method @ ("drain" | "drain-cancel") => {
                let cancel = method == "drain-cancel";
                let answer = self.ask(|reply| ControlRequest::Drain { cancel, reply }).await;
                let answer = answer.ok_or_else(|| RpcError::method_not_found(method))?;
                answer.map_err(|(label, text)| RpcError::labelled(label, &text))
            }
            "reload" => {
                let reloads = self.reloads.as_ref().ok_or_else(|| RpcError::method_not_found("reload"))?;
                reloads.request().await.map_err(|reason| RpcError::labelled("reload-refused", &reason))
            }
            "shutdown" => {
                self.shutdown.trigger();
                Ok(json!({}))
            }
            other => Err(RpcError::method_not_found(other)),
        }
    }
}

/// Asks the node that serves at `path` for its state.
///
/// # Errors
///
/// When no node runs there, or it does not answer.
pub async fn status(path: &Path) -> Result<Value, RpcClientError> {
    call(path, "status").await
}

/// Asks the node that serves at `path` to stop originating packets.
///
/// # Errors
///
/// As with [`status`].
pub async fn quiesce(path: &Path) -> Result<(), RpcClientError> {
    call(path, "quiesce").await.map(drop)
}

/// Asks the node that serves at `path` to read its configuration again, and returns what has changed.
///
/// # Errors
///
/// As with [`status`], and when the configuration is wrong: nothing has changed then.
pub async fn reload(path: &Path) -> Result<Value, RpcClientError> {
    call(path, "reload").await
}

/// Asks the node that serves at `path` to leave the network, or, to `cancel` that, and returns how it stands.
///
/// # Errors
///
/// As with [`status`], and when the node refuses.
pub async fn drain(path: &Path, cancel: bool) -> Result<Value, RpcClientError> {
    call(path, if cancel { "drain-cancel" } else { "drain" }).await
}

/// Asks the node that serves at `path` to end. It answers before it has ended.
///
/// # Errors
///
/// As with [`status`].
pub async fn shutdown(path: &Path) -> Result<(), RpcClientError> {
    call(path, "shutdown").await.map(drop)
}

async fn call(path: &Path, method: &str) -> Result<Value, RpcClientError> {
    RpcClient::connect(path).await?.call(method, &json!({})).await
}
