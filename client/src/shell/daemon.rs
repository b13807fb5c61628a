//! The daemon: the owner of a profile, answering on a Unix socket.
//!
//! JSON-RPC 2.0, one object a line. The calls of [`super::service`], and three more:
//!
//! - `daemon {}`: `{pid, profile, version}`
//! - `subscribe {}`: `{}`, and from then on notifications `event` with [`crate::core::Event`] as parameters, and
//!   `events-missed {count}` if this connection was too slow
//! - `shutdown {}`: `{}`, and the daemon ends

use std::sync::Arc;

use serde_json::{Value, json};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rpc::{RpcError, RpcHandler, RpcRequest, RpcServer, Subscribers};
use tokio::sync::broadcast;

use super::service::{Call, CallError, Service};
use super::{Failure, Profile, wipe};

/// The notification that carries an event.
pub const EVENT_METHOD: &str = "event";

struct Daemon {
    service: Service,
    subscribers: Arc<Subscribers>,
    profile: String,
    shutdown: Shutdown,
}

impl RpcHandler for Daemon {
    async fn call(&self, request: RpcRequest) -> Result<Value, RpcError> {
        match request.method.as_str() {
            "daemon" => Ok(json!({
                "pid": std::process::id(),
                "profile": self.profile,
                "version": env!("CARGO_PKG_VERSION"),
            })),
            "subscribe" => {
                self.service.arrived();
                self.subscribers.add(request.subscriber);
                Ok(json!({}))
            }
            "shutdown" => {
                self.shutdown.trigger();
                Ok(json!({}))
            }
            method => {
                let call = Call::parse(method, &request.params);
                wipe(request.params);
                let call = call.map_err(|error| match error {
                    CallError::Method(method) => RpcError::method_not_found(&method),
                    error @ CallError::Params { .. } => RpcError::invalid_params(&error.to_string()),
                })?;
                self.service.call(call).await.map_err(|failure| to_rpc(&failure))
            }
        }
    }
}

fn to_rpc(failure: &Failure) -> RpcError {
    RpcError::labelled(&failure.label, &failure.text)
}

/// Takes the profile's socket.
///
/// # Errors
/// When another daemon serves there, or the socket cannot be made.
pub fn bind(profile: &Profile) -> Result<RpcServer, Failure> {
    RpcServer::bind(&profile.socket()).map_err(|error| Failure::new(error.label(), error.to_string()))
}

/// Serves until `shutdown`.
pub async fn serve(server: RpcServer, service: Service, profile: &Profile, shutdown: Shutdown) {
    let subscribers = Arc::new(Subscribers::default());
    let forwarding = tokio::spawn(forward(service.subscribe(), Arc::clone(&subscribers)));
    let profile = profile.name().to_owned();
    let daemon = Daemon { service, subscribers, profile, shutdown: shutdown.clone() };
    server.serve(Arc::new(daemon), shutdown).await;
    forwarding.abort();
}

async fn forward(mut events: broadcast::Receiver<crate::core::Event>, subscribers: Arc<Subscribers>) {
    loop {
        match events.recv().await {
            Ok(event) => match serde_json::to_value(&event) {
                Ok(params) => subscribers.publish(EVENT_METHOD, &params),
                Err(error) => tracing::warn!(%error, "an event cannot be written as JSON"),
            },
            Err(broadcast::error::RecvError::Lagged(count)) => {
                subscribers.publish("events-missed", &json!({ "count": count }));
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
