//! The transport over real sockets: links, hostile peers, the peer pool, the directory exchange, JSON-RPC.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod directory;
mod frames;
mod handshake;
mod hostile;
mod limits;
mod peers;
mod proxy;
mod raw;
mod records;
mod rpc;
mod support;
