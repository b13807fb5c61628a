//! Metrics for Prometheus: what a node's status says, as numbers under stable names.
//!
//! [`catalog`] says which there are, [`exposition`] writes them, [`http`] answers who asks. No metric names a
//! client, an address of one, or a byte of a key; other nodes are named, which the consensus does as well.

mod catalog;
mod exposition;
mod http;
mod snapshot;

pub(super) use http::{MetricsServer, serve};
pub(super) use snapshot::{Source, disk_room};
