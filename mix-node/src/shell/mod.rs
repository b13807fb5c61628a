//! The tokio program around the core: sockets, files, the clock, the control socket, the command line.
//!
//! One task owns the core (`engine`); every link has a task of its own that turns frames into events
//! for it. What becomes of a packet is never decided here.

mod answers;
mod asking;
mod check;
mod check_config;
mod cli;
mod committer;
pub(crate) mod config;
mod doctor;
mod engine;
mod links;
mod metrics;
mod node;
mod operate;
mod outlets;
mod reload;
mod session_link;
mod status;
mod systemd;
mod uplink_pace;
mod workers;

pub use cli::main;
pub use config::{CONFIG_FILE, Limits, METRICS_ADDRESS, MixRole, NodeConfig};
pub use node::{Reloading, RunningMix, start, start_reloading, start_with_onion_stand_in};
pub use status::{MetricsStatus, MixStatus};
