//! JSON-RPC 2.0 over a Unix socket, one object a line, for programs of the same user on the same host.
//!
//! - A request, a response or a notification is one line of at most [`LINE_LEN_MAX`] bytes.
//! - Batches are not supported: a client that wants several answers sends several lines.
//! - The requests of one connection are answered in their order, one after the other.
//! - A handler may keep a connection's [`Subscriber`] and send it notifications. The queue to each
//!   connection is bounded; who does not read loses the connection, never the server its memory.
//! - The socket has mode 0600 in a directory of mode 0700. Nothing else authenticates the caller.

mod client;
mod message;
mod server;
mod socket;
mod subscriber;
mod wiping;

pub use client::{CALL_MAX, Notification, RpcClient, RpcClientError};
pub use message::{LINE_LEN_MAX, RpcError};
pub use server::{CONNECTIONS_MAX, RpcHandler, RpcRequest, RpcServer};
pub use socket::RpcServerError;
pub use subscriber::{QUEUE_MAX, Subscriber, Subscribers};
