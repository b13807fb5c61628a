//! The node's side of the control socket.

use serde_json::{Value, json};
use sotto_transport::node::control::NodeControl;
use tokio::sync::{mpsc, oneshot};

use super::engine::Event;

/// Passes the operator's wishes to the task that owns the core.
pub(crate) struct Control {
    pub(crate) events: mpsc::Sender<Event>,
}

impl NodeControl for Control {
    async fn status(&self) -> Value {
        let (reply, replied) = oneshot::channel();
        // If the node is ending there is nobody to ask: then its state is that it is ending.
        let _asked = self.events.send(Event::Status { reply }).await;
        replied.await.unwrap_or_else(|_| json!({ "ending": true }))
    }

    async fn quiesce(&self) {
        let (reply, replied) = oneshot::channel();
        let _asked = self.events.send(Event::Quiesce { reply }).await;
        let _done = replied.await;
    }
}
