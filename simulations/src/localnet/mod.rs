//! A network of real processes on loopback: one authority, entries, mixes, mailboxes, and people.
//!
//! One directory holds every key, store, log and socket. Nothing listens outside 127.0.0.1 unless the plan says so, and
//! nothing is left behind once the directory is removed.

mod error;
mod founding;
mod keeping;
mod network;
mod node;
mod person;
mod plan;
mod programs;
mod state;
mod status;
mod tap;

pub use error::LocalnetError;
pub use network::Localnet;
pub use node::{Kind, NodeReport, OnionReport};
pub use person::{Person, PersonOptions};
pub use plan::{LocalnetPlan, LocalnetTor};
pub use programs::Programs;
pub use state::LocalnetState;
pub use status::{NetworkStatus, NodeStatus};
pub use tap::{Record, Tap};
