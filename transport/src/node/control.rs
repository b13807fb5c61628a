//! The control socket of a node: `status`, `quiesce`, `shutdown`, by JSON-RPC.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::shutdown::Shutdown;
use crate::rpc::{RpcClient, RpcClientError, RpcError, RpcHandler, RpcRequest, RpcServer, RpcServerError};

/// What a node does when its operator asks.
pub trait NodeControl: Send + Sync + 'static {
    /// The node's state, an object.
    fn status(&self) -> impl Future<Output = Value> + Send;

    /// Stops originating packets of its own, so that what is under way can run dry.
    fn quiesce(&self) -> impl Future<Output = ()> + Send;
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

    /// Serves until `shutdown`, which the method `shutdown` triggers.
    pub async fn serve(self, control: Arc<impl NodeControl>, shutdown: Shutdown) {
        let handler = Arc::new(Handler { control, shutdown: shutdown.clone() });
        self.0.serve(handler, shutdown).await;
    }
}

struct Handler<C> {
    control: Arc<C>,
    shutdown: Shutdown,
}

impl<C: NodeControl> RpcHandler for Handler<C> {
    async fn call(&self, request: RpcRequest) -> Result<Value, RpcError> {
        match request.method.as_str() {
            "status" => Ok(self.control.status().await),
            "quiesce" => {
                self.control.quiesce().await;
                Ok(json!({}))
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
