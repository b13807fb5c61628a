//! A stage for one node: an authority that lists it, neighbours that send it packets, neighbours that take them, and,
//! if it is an entry, clients.
//!
//! Benchmarks and tests put a node on it as a process of its own, so that what it uses and how it dies is what an
//! operator would see. All addresses are loopback's. What is measured or asserted is not here.

mod authority;
mod crowd;
mod error;
mod neighbours;
mod packets;
mod process;

pub use authority::{Cast, Stage};
pub use crowd::Crowd;
pub use error::StageError;
pub use neighbours::{Arrival, Sink, Source};
pub use packets::{Prepared, prepare};
pub use process::NodeProcess;
